// Runs under jest with the globals of a page.
test("the main entry loads in a page", () => {
  const { ConnectionConfig, Sandbox } = require("opensandbox-code-interpreter");
  expect(typeof document).toBe("object");
  expect(typeof Sandbox.create).toBe("function");
  expect(new ConnectionConfig({ domain: "localhost:8080", apiKey: "key" }).domain).toBe("localhost:8080");
});
