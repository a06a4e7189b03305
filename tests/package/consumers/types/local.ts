import { Sandbox, SandboxException } from "opensandbox-code-interpreter";
import { startLocalServer } from "opensandbox-code-interpreter/local";

export async function serve(): Promise<string> {
  await using server = await startLocalServer({ port: 0, isolation: "auto" });
  const inProcess = await startLocalServer({ port: false });
  try {
    await using sandbox = await Sandbox.create({
      connectionConfig: inProcess.connectionConfig,
      killOnDispose: true,
    });
    // @ts-expect-error A port is a number or `false`.
    await startLocalServer({ port: "8080" });
    return sandbox.id;
  } catch (error) {
    if (error instanceof SandboxException) return error.error.code;
    throw error;
  } finally {
    await inProcess.close();
  }
}
