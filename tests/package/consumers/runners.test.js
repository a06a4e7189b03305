// Runs under jest and Vitest, both of which make `test` and `expect` global.
test("code runs on a local server", async () => {
  const { CodeInterpreter, Sandbox, SandboxException } = await load("opensandbox-code-interpreter");
  const { startLocalServer } = await load("opensandbox-code-interpreter/local");
  const server = await startLocalServer({ port: false });
  try {
    const sandbox = await Sandbox.create({ connectionConfig: server.connectionConfig });
    const { codes } = await CodeInterpreter.create(sandbox);
    expect((await codes.run("1 + 1")).text).toBe("2");
    const error = await startLocalServer({ port: -1 }).catch((reason) => reason);
    expect(error).toBeInstanceOf(SandboxException);
  } finally {
    await server.close();
  }
}, 60_000);

/** Jest loads CommonJS, Vitest modules. */
function load(specifier) {
  return typeof require === "function" ? require(specifier) : import(/* @vite-ignore */ specifier);
}
