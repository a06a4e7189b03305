/**
 * What compiles against the public API, and what must not: each `@ts-expect-error` stands above one mistake, with what
 * is wrong with it, and is an error itself where the mistake compiles. It is never run. `public-api.test.ts` compiles
 * it as the most careful users do; the project's own type check covers it too.
 */
/* eslint-disable @typescript-eslint/no-floating-promises, @typescript-eslint/no-meaningless-void-operator,
   @typescript-eslint/no-unnecessary-type-assertion, @typescript-eslint/no-unsafe-call,
   @typescript-eslint/no-unsafe-enum-comparison, @typescript-eslint/no-unsafe-return --
   It is full of mistakes on purpose, and of values that are made for their types alone. */
import {
  CodeInterpreter,
  CODE_INTERPRETER_ENTRYPOINT,
  CODE_INTERPRETER_IMAGE,
  ConnectionConfig,
  ExecutionResult,
  InvalidArgumentException,
  isSandboxException,
  RetryPolicy,
  Sandbox,
  SandboxApiException,
  SandboxManager,
  SandboxRateLimitException,
  SandboxTimeoutException,
  SupportedLanguage,
  type CodeContext,
  type CommandStatus,
  type Execution,
  type ExecutionError,
  type ExecutionEvent,
  type ExecutionHandlers,
  type FileInfo,
  type Run,
  type RunCodeOptions,
  type SandboxInfo,
  type SandboxMetrics,
  type SdkErrorCode,
} from "../../src/index.js";

// How TypeScript itself compares types: no other test tells `any` from what it stands for.
type Probe<Wanted> = <Type>() => Type extends Wanted ? 1 : 2;
type Same<One, Other> = Probe<One> extends Probe<Other> ? true : false;
/** Fails to compile unless a value is of exactly this type: neither wider, nor narrower, nor `any`. */
function exactly<Wanted>() {
  return <Given>(value: Given, ...proof: Same<Given, Wanted> extends true ? [] : [never]): Given => {
    void proof;
    return value;
  };
}

/** One member of the union of events. */
type EventOf<Type extends string> = Extract<ExecutionEvent, { readonly type: Type }>;

declare const sandbox: Sandbox;
declare const interpreter: CodeInterpreter;
declare const context: CodeContext;
declare const signal: AbortSignal;

/** A check that cannot fail would prove nothing. */
export function theCheckItselfFails(anything: { readonly value: never }): void {
  exactly<string>()("text" as string);
  // @ts-expect-error A number is not a string.
  exactly<string>()(1);
  // @ts-expect-error A union is wider than one of its members.
  exactly<string>()("text" as string | undefined);
  // @ts-expect-error `never` is narrower than anything.
  exactly<string>()(anything.value);
}

export function events(event: ExecutionEvent): string {
  switch (event.type) {
    case "init":
      return exactly<string>()(event.id);
    case "stdout":
      exactly<EventOf<"stdout">>()(event);
      // @ts-expect-error Printed text has no error.
      void event.error;
      return event.text;
    case "stderr":
    case "status":
      return event.text;
    case "result":
      exactly<Readonly<Record<string, unknown>>>()(event.results);
      return "result";
    case "error":
      exactly<EventOf<"error">>()(event);
      return exactly<ExecutionError>()(event.error).name;
    case "execution_count":
      return `${exactly<number>()(event.executionCount)}`;
    case "execution_complete":
      return `${exactly<number>()(event.executionTimeMs)}`;
    case "ping":
      // @ts-expect-error A ping says nothing but when.
      void event.text;
      return `${event.timestamp}`;
    // @ts-expect-error There is no such event; what a later server sends is in the default branch.
    case "stdoutt":
      return "";
    default:
      return JSON.stringify(exactly<Readonly<Record<string, unknown>>>()(event.raw));
  }
}

export function eventsAreReadOnly(event: EventOf<"stdout">, execution: Execution): void {
  // @ts-expect-error Events are shared by all who look at them.
  event.text = "";
  // @ts-expect-error The outcome is written by the run alone.
  execution.exitCode = 0;
  // @ts-expect-error So are its lists.
  execution.results.push(new ExecutionResult({}, 0));
}

export async function runs(): Promise<void> {
  const run = exactly<Run>()(interpreter.codes.run("1+1", { context, signal, timeoutSeconds: 5 }));
  for await (const event of run) exactly<ExecutionEvent>()(event);
  const execution = exactly<Execution>()(await run);
  exactly<string | undefined>()(run.id);
  exactly<Execution>()(run.execution);
  exactly<Promise<void>>()(run.interrupt());
  exactly<string>()(execution.stdout);
  exactly<string | undefined>()(execution.text);
  exactly<ExecutionError | undefined>()(execution.error);
  exactly<number | null | undefined>()(execution.exitCode);
  exactly<Run>()(sandbox.commands.run("ls", { env: { A: "1" }, uid: 1000, gid: 1000, background: true }));
  exactly<Run>()(sandbox.commands.attachSession("session").run("ls", { cwd: "/tmp" }));
  for await (const event of interpreter.codes.runStream("1", { language: "go", signal }))
    exactly<ExecutionEvent>()(event);
  for await (const event of interpreter.codes.runStream({ code: "1", context: { language: "go" } }))
    exactly<ExecutionEvent>()(event);

  // @ts-expect-error The failure of the code may be absent.
  void execution.error.name;
  // @ts-expect-error Code is text.
  void interpreter.codes.run(1);
  // @ts-expect-error There is no such option: the unit is in the name.
  void interpreter.codes.run("1", { timeout: 5 });
  // @ts-expect-error A context is an object with its language: the id alone would run in the shell.
  void interpreter.codes.run("1", { context: "id" });
  // @ts-expect-error A context has a language, also in a stream.
  void interpreter.codes.runStream({ code: "1", context: { id: "id" } });
  // @ts-expect-error A stream calls no handlers.
  void interpreter.codes.runStream("1", { handlers: {} });
  // @ts-expect-error A command's environment is of strings.
  void sandbox.commands.run("ls", { env: { A: 1 } });
  // @ts-expect-error Commands have no language.
  void sandbox.commands.run("ls", { language: "bash" });
  // @ts-expect-error A command in a session cannot be sent to the background.
  void sandbox.commands.attachSession("session").run("ls", { background: true });
}

/** Both are of the type, and refused before anything is sent: unions would not let options be put together. */
export const contextAndLanguage: RunCodeOptions = { context, language: "python" };

export function handlers(): ExecutionHandlers {
  const all: ExecutionHandlers = {
    onEvent: (event) => exactly<ExecutionEvent>()(event),
    onInit: ({ id, timestamp }) => [exactly<string>()(id), exactly<number>()(timestamp)],
    onStdout: ({ text, timestamp }) => [exactly<string>()(text), exactly<number>()(timestamp)],
    // What a writable stream gives back is ignored.
    onStderr: ({ text }) => process.stderr.write(text),
    onResult: async (result) => void (await Promise.resolve(exactly<ExecutionResult>()(result))),
    onError: (error) => exactly<ExecutionError>()(error),
    onExecutionComplete: ({ executionTimeMs }) => exactly<number>()(executionTimeMs),
  };
  // @ts-expect-error A handler is called with one event's message, not with a string.
  const onText: ExecutionHandlers = { onStdout: (text: string) => text };
  // @ts-expect-error There is no such handler.
  const onStdOut: ExecutionHandlers = { onStdOut: () => undefined };
  return { ...all, ...onText, ...onStdOut };
}

export async function languages(name: string): Promise<void> {
  exactly<"python">()(SupportedLanguage.Python);
  exactly<"typescript">()(SupportedLanguage.TypeScript);
  await interpreter.codes.createContext(SupportedLanguage.Java, { cwd: "/workspace" });
  await interpreter.codes.createContext("ruby");
  await interpreter.codes.createContext(name);
  // @ts-expect-error No language has this name here; as a string it would be taken.
  void SupportedLanguage.Ruby;
  // @ts-expect-error The names are constants.
  SupportedLanguage.Python = "py";
  // @ts-expect-error A language is text.
  await interpreter.codes.createContext(3);
}

export async function sandboxes(): Promise<void> {
  const connectionConfig = new ConnectionConfig({ domain: "localhost:8080", apiKey: "key" });
  await using made = await Sandbox.create({ connectionConfig, timeoutSeconds: null, killOnDispose: true });
  await using plain = await Sandbox.create({ connectionConfig: { domain: "localhost:8080" } });
  await using connected = await Sandbox.connect({ sandboxId: made.id });
  await using onMade = await CodeInterpreter.create(plain, { signal });
  await using manager = SandboxManager.create({ connectionConfig });
  await using session = await connected.commands.createSession();
  exactly<string>()(onMade.id);
  exactly<Run>()(session.run("pwd"));
  const page = await manager.listSandboxInfos({ states: ["Running"], metadata: { team: "a" } });
  for await (const info of page) exactly<SandboxInfo>()(info);
  exactly<Promise<Date>>()(made.renew(600));
  exactly<Promise<Sandbox>>()(made.resume());
  exactly<Promise<SandboxInfo>>()(made.patchMetadata({ team: "b", old: null }));
  await Sandbox.create({ image: CODE_INTERPRETER_IMAGE, entrypoint: CODE_INTERPRETER_ENTRYPOINT });
  await Sandbox.create({
    healthCheck: async (candidate, { signal: ends }) =>
      "/ready" in (await exactly<Sandbox>()(candidate).files.getFileInfo(["/ready"], { signal: ends })),
    onProgress: ({ phase }) => void exactly<"created" | "endpoint" | "ready">()(phase),
    volumes: [{ name: "data", mountPath: "/data", pvc: { claimName: "data" } }],
  });

  // @ts-expect-error A sandbox is made by `create`, `connect` or `resume`.
  void new Sandbox();
  // @ts-expect-error A sandbox is disposed of asynchronously.
  using wrong = made;
  // @ts-expect-error Which sandbox is not said.
  await Sandbox.connect({});
  // @ts-expect-error Seconds are a number.
  await Sandbox.create({ timeoutSeconds: "600" });
  // @ts-expect-error Labels are text.
  await Sandbox.create({ metadata: { n: 1 } });
  // @ts-expect-error An interpreter is made on a sandbox, not on its id.
  await CodeInterpreter.create("id");
  // @ts-expect-error When to end is a number of seconds from now, not a date.
  await made.renew(new Date());
  // @ts-expect-error The id is not to be changed.
  made.id = "other";
  void wrong;
}

export function connections(): void {
  const config = new ConnectionConfig({
    retryPolicy: { maxRetries: 1 },
    logger: console,
    fetch: (request) => fetch(request),
  });
  exactly<"http" | "https">()(config.protocol);
  void new ConnectionConfig({ retryPolicy: RetryPolicy.disabled, requestTimeoutSeconds: null });
  void new ConnectionConfig(config);
  // @ts-expect-error A configuration does not change.
  config.protocol = "http";
  // @ts-expect-error There is no such protocol.
  void new ConnectionConfig({ protocol: "ftp" });
  // @ts-expect-error A logger has four methods.
  void new ConnectionConfig({ logger: { debug: () => undefined } });
}

/** Options that are put together from what may be absent, as `exactOptionalPropertyTypes` is strict about. */
export function optional(given: { cwd?: string; seconds: number | undefined }): void {
  void sandbox.commands.run("ls", { cwd: given.cwd, timeoutSeconds: given.seconds, handlers: undefined });
  void interpreter.codes.run("1", { context: undefined, language: undefined, signal: undefined });
  void new ConnectionConfig({ domain: undefined, apiKey: undefined, headers: undefined });
  void Sandbox.create({ image: undefined, env: undefined, connectionConfig: undefined });
  void sandbox.files.writeFiles([{ path: "/a", data: "x", mode: undefined, owner: undefined }]);
}

export async function services(): Promise<void> {
  exactly<string>()(await sandbox.files.readFile("/a", { lines: { first: 1, count: 2 } }));
  exactly<Uint8Array>()(await sandbox.files.readBytes("/a", { range: { start: 0, end: 5 } }));
  exactly<ReadableStream<Uint8Array>>()(await sandbox.files.readBytesStream("/a"));
  exactly<FileInfo[]>()(await sandbox.files.search("/a", { pattern: "*.txt" }));
  exactly<SandboxMetrics>()(await sandbox.metrics.getMetrics());
  for await (const metrics of sandbox.metrics.watch()) exactly<SandboxMetrics>()(metrics);
  exactly<CommandStatus>()(await sandbox.commands.getStatus("id"));
  for await (const text of sandbox.commands.followLogs("id")) exactly<string>()(text);
  exactly<boolean>()(await sandbox.health.isHealthy());
  exactly<CodeContext[]>()(await interpreter.codes.listContexts());

  const infos = await sandbox.files.getFileInfo(["/a"]);
  // @ts-expect-error With `noUncheckedIndexedAccess` the description of a path may be absent.
  void infos["/a"].size;
  const [first] = (await interpreter.codes.run("1")).results;
  // @ts-expect-error So may a result.
  void first.text;
  exactly<string | undefined>()(first?.text);
  exactly<Uint8Array | undefined>()(first?.png);
  exactly<unknown>()(first?.json);
  // @ts-expect-error Paths come in a list.
  await sandbox.files.deleteFiles("/a");
  // @ts-expect-error Data must be given.
  await sandbox.files.writeFiles([{ path: "/a" }]);
  // @ts-expect-error There is no such cursor.
  await sandbox.commands.getLogs("id", { cursor: "9" });
}

export function errors(error: unknown): string {
  if (error instanceof InvalidArgumentException) return exactly<string>()(error.message);
  if (error instanceof SandboxRateLimitException) return `${error.retryAfterSeconds ?? 0}`;
  if (error instanceof SandboxTimeoutException) {
    // @ts-expect-error Nobody answered, so that there is no status.
    void error.statusCode;
    return error.error.code;
  }
  if (error instanceof SandboxApiException) {
    exactly<number>()(error.statusCode);
    return exactly<string | undefined>()(error.rawBody) ?? "";
  }
  if (isSandboxException(error)) {
    exactly<Execution | undefined>()(error.execution);
    exactly<boolean>()(error.isRetryable);
    const known: SdkErrorCode = "STREAM_CUT";
    // @ts-expect-error The SDK has no such code.
    const unknown: SdkErrorCode = "STREAM_CUTT";
    return error.error.code === known ? "cut" : unknown;
  }
  // @ts-expect-error Other values than exceptions of the SDK are unknown.
  return error.message;
}
