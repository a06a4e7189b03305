import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { Sandbox, SandboxApiException } from "../../src/index.js";
import { startLocalServer, type LocalServer, type LocalServerOptions } from "../../src/local/index.js";
import { describePlayground, launchChromium, PAGE_TIMEOUT } from "../helpers/chromium.js";
import { until } from "../helpers/local-sandbox.js";

describePlayground("browser/playground-terminal")("the terminal of the playground", () => {
  let browser: Browser;
  let server: LocalServer;
  let context: BrowserContext;
  let page: Page;
  const paths = new Set<string>();

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());

  beforeEach(async () => {
    server = await startServer();
    context = await browser.newContext();
    context.setDefaultTimeout(PAGE_TIMEOUT);
    page = await context.newPage();
    paths.clear();
    page.on("request", (request) => paths.add(new URL(request.url()).pathname));
    await open(server.uiUrl ?? "");
  });
  afterEach(async () => {
    await context.close();
    await server.close();
  });

  const startServer = (options: LocalServerOptions = {}) =>
    startLocalServer({ ui: true, apiKey: "key-of-the-terminal-test", ...options });
  const open = async (link: string) => {
    await page.goto(link);
    await page.getByText("The sandbox is ready.").waitFor();
  };
  const screen = () => page.locator(".xterm-rows");
  /** The panel's part of the accessibility tree. */
  const panel = () => page.getByRole("region", { name: "Terminal" });
  const terminalStatus = () => page.locator("details").getByRole("status");
  const openTerminal = async () => {
    const opened = page.waitForEvent("websocket");
    await page.getByText("Terminal", { exact: true }).click();
    await terminalStatus().getByText("The shell is ready.").waitFor();
    const [, sandboxId = "", terminalId = ""] =
      /\/sandboxes\/([^/]+)\/.*\/pty\/([^/]+)\/ws/.exec((await opened).url()) ?? [];
    return { sandboxId, terminalId };
  };
  /** What is typed has to differ from what is awaited, since a terminal shows both. */
  const type = (text: string) => page.keyboard.type(`${text}\n`);
  const shown = (text: string | RegExp) => screen().getByText(text).first().waitFor();

  test("has a terminal, which is loaded when it is opened, and ends with its shell", async () => {
    expect([...paths]).not.toContain("/ui/screen.js");
    await openTerminal();
    expect([...paths]).toContain("/ui/screen.js");
    await type("echo typed $((6 * 7))");
    await shown("typed 42");
    await panel().getByText("typed 42").first().waitFor();
    await type("exit 3");
    await terminalStatus().getByText("The shell ended with exit code 3.").waitFor();
    await page.getByRole("button", { name: "New terminal" }).click();
    await terminalStatus().getByText("The shell is ready.").waitFor();
    await type("echo another $((6 * 7))");
    await shown("another 42");
    expect(await screen().innerText()).not.toContain("typed 42");
    await type("kill -9 $$");
    await terminalStatus().getByText("A signal ended the shell.").waitFor();
  });

  test("gives the terminal the size of its part of the page", async () => {
    await openTerminal();
    await type("bash -c 'trap \"stty size\" WINCH; stty size; while true; do sleep 0.1; done'");
    const sizes = async () =>
      [...(await screen().innerText()).matchAll(/^(\d+)\s(\d+)\s*$/gm)].map(([, ...size]) =>
        size.map(Number),
      );
    const [[rows = 0, columns = 0] = []] = await until(sizes, (found) => found.length > 0);
    expect(rows).toBeGreaterThan(5);
    expect(columns).toBeGreaterThan(60);
    await page.setViewportSize({ width: 900, height: 500 });
    // It may be told of a size in between.
    const [smallerRows = 0, smallerColumns = 0] = await until(
      async () => (await sizes()).at(-1) ?? [],
      ([newRows = 0, newColumns = 0]) => newRows < rows && newColumns < columns,
    );
    expect([smallerRows, smallerColumns]).not.toContain(0);
    await page.keyboard.press("Control+C");
    await type("echo interrupted $((6 * 7))");
    await shown("interrupted 42");
  });

  test("pastes into the terminal, copies from it, and leaves it by the keyboard", async () => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await openTerminal();
    await page.evaluate("navigator.clipboard.writeText('echo pasted $((6 * 7))')");
    await page.keyboard.press("Control+Shift+V");
    await type("");
    await shown("pasted 42");
    await screen()
      .getByText("pasted 42")
      .first()
      .dblclick({ position: { x: 4, y: 4 }, force: true });
    await page.keyboard.press("Control+Shift+C");
    await until(
      () => page.evaluate("navigator.clipboard.readText()"),
      (text) => text === "pasted",
    );
    await page.keyboard.press("Shift+F6");
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Terminal");
  });

  test("goes on with its shell after the connection broke", async () => {
    const proxy = await startProxy();
    try {
      await server.close();
      server = await startServer({ allowedHosts: [proxy.host] });
      const link = new URL(server.uiUrl ?? "");
      proxy.target = Number(link.port);
      link.host = proxy.host;
      await open(link.href);
      const { sandboxId, terminalId } = await openTerminal();
      const { connectionConfig } = server;
      const sandbox = await Sandbox.connect({ sandboxId, connectionConfig });
      await type(
        "kept=$((6 * 7)); (until [ -e go ]; do sleep 0.1; done; echo missed $kept) & echo set $kept",
      );
      await shown("set 42");
      proxy.isOpen = false;
      proxy.cut();
      await terminalStatus().getByText("The connection broke.").waitFor();
      const { outputOffset: before } = await sandbox.terminals.get(terminalId);
      await sandbox.files.writeFile("go", "");
      await until(
        () => sandbox.terminals.get(terminalId),
        ({ outputOffset }) => outputOffset > before,
      );
      proxy.isOpen = true;
      await terminalStatus().getByText("The connection is back.").waitFor();
      await shown("missed 42");
      await type("echo kept: $kept");
      await shown("kept: 42");
      await shown("set 42");
    } finally {
      proxy.close();
    }
  });

  test.each([
    ["the panel", () => page.getByText("Terminal", { exact: true }).click()],
    ["the page", () => page.goto("about:blank")],
  ])("deletes the terminal when you close %s", async (_what, close) => {
    const { sandboxId, terminalId } = await openTerminal();
    const sandbox = await Sandbox.connect({ sandboxId, connectionConfig: server.connectionConfig });
    expect(await sandbox.terminals.get(terminalId)).toMatchObject({ isRunning: true });
    await close();
    await until(
      () => sandbox.terminals.get(terminalId).catch((error: unknown) => error),
      (outcome) => outcome instanceof SandboxApiException && outcome.statusCode === 404,
    );
    expect(await screen().count()).toBe(0);
  });

  test("keeps the API key from pages of a sandbox, and opens no terminal for them without a token", async () => {
    const { sandboxId, terminalId } = await openTerminal();
    const sandbox = await Sandbox.connect({ sandboxId, connectionConfig: server.connectionConfig });
    await sandbox.files.writeFile("/workspace/site/index.html", "<title>of a sandbox</title>");
    const serving = await sandbox.commands.start("python3 -m http.server --directory site 3000");
    await sandbox.waitForPort(3000);
    const other = await context.newPage();
    await other.goto(`${server.url}/gateway/${sandboxId}/3000/`);
    expect(await other.title()).toBe("of a sandbox");
    expect(await other.evaluate("Object.keys(localStorage)")).toEqual([]);
    const sameOrigin = await context.newPage();
    await sameOrigin.goto(new URL(`/gateway/${sandboxId}/3000/`, server.uiUrl).href);
    expect(await sameOrigin.title()).toBe("of a sandbox");
    // Its origin is opaque: the Content Security Policy is `sandbox`.
    await expect(sameOrigin.evaluate("localStorage")).rejects.toThrow("sandboxed");
    expect(await page.evaluate("Object.keys(localStorage).includes('opensandbox.apiKey')")).toBe(true);
    const path = `/v1/sandboxes/${sandboxId}/proxy/44772/pty/${terminalId}/ws?takeover=1`;
    const outcome = await other.evaluate(
      `new Promise((resolve) => {
        const socket = new WebSocket(${JSON.stringify(path)}, ["opensandbox.terminal", "opensandbox.token.guess"]);
        socket.onopen = () => resolve("open");
        socket.onclose = ({ code }) => resolve(code);
      })`,
    );
    expect(outcome).toBe(1006);
    await serving.kill();
  });
});

/** Stands between the page and the server, to cut their connections. */
async function startProxy() {
  const sockets = new Set<Socket>();
  const listener = createServer((client) => {
    if (!proxy.isOpen) {
      client.destroy();
      return;
    }
    const upstream = connect(proxy.target, "127.0.0.1");
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.once("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const proxy = {
    // The listener has a port: it listens on TCP.
    host: `127.0.0.1:${(listener.address() as AddressInfo).port}`,
    /** The port of the server. */
    target: 0,
    isOpen: true,
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: () => {
      proxy.cut();
      listener.close();
    },
  };
  return proxy;
}
