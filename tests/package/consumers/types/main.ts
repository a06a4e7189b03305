import {
  CodeInterpreter,
  ConnectionConfig,
  InvalidArgumentException,
  Sandbox,
  SandboxApiException,
  SandboxManager,
  SupportedLanguage,
  isSandboxException,
  type Execution,
  type ExecutionEvent,
  type ExecutionHandlers,
} from "opensandbox-code-interpreter";

type IsAny<Type> = 0 extends 1 & Type ? true : false;
function notAny<Type>(value: IsAny<Type> extends true ? never : Type): Type {
  return value as Type;
}

export async function run(signal: AbortSignal): Promise<string | undefined> {
  const connectionConfig = new ConnectionConfig({ domain: "localhost:8080", apiKey: "key" });
  await using sandbox = await Sandbox.create({
    connectionConfig,
    timeoutSeconds: null,
    killOnDispose: true,
    signal,
  });
  const interpreter = notAny(await CodeInterpreter.create(sandbox));
  const context = notAny(
    await interpreter.codes.createContext(SupportedLanguage.Python, { cwd: "/workspace" }),
  );

  const handlers: ExecutionHandlers = {
    onStdout: ({ text, timestamp }) => void (text.length + timestamp),
    onError: async ({ name, value, traceback }) => void [name, value, ...traceback],
  };
  const running = interpreter.codes.run("1 + 1", { context, handlers, timeoutSeconds: 5, signal });
  for await (const event of running) describe(event);
  const execution: Execution = notAny(await running);

  // @ts-expect-error Code is text.
  void interpreter.codes.run(1);
  // @ts-expect-error There is no such option.
  void interpreter.codes.run("1", { timeout: 5 });

  for await (const event of interpreter.codes.runStream({ code: "1", context: { language: "python" } }))
    notAny(event);
  const command = await interpreter.commands.run("ls", { cwd: "/tmp" });
  const page = await SandboxManager.create({ connectionConfig }).listSandboxInfos({});
  notAny(page);
  return command.exitCode === 0 ? execution.text : execution.error?.name;
}

export function describe(event: ExecutionEvent): string {
  switch (event.type) {
    case "stdout":
    case "stderr":
      return notAny(event.text as string);
    case "error":
      return `${event.error.name}: ${event.error.value}`;
    default:
      return event.type;
  }
}

export function explain(error: unknown): string {
  if (error instanceof InvalidArgumentException) return error.message;
  if (error instanceof SandboxApiException) return `${error.statusCode} ${error.error.code}`;
  return isSandboxException(error) ? `${error.error.code} ${error.requestId ?? ""}` : String(error);
}
