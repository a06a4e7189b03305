import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { startLocalServer, type LocalServer, type LocalServerOptions } from "../../src/local/index.js";
import { describePlayground, launchChromium, PAGE_TIMEOUT } from "../helpers/chromium.js";

const API_KEY = "key-of-the-playground-test";

describePlayground("browser/playground")("the playground", () => {
  let browser: Browser;
  let server: LocalServer;
  let context: BrowserContext;
  let page: Page;
  const hosts = new Set<string>();
  /** How many runs the page has begun. */
  let started = 0;

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());

  beforeEach(async () => {
    server = await startServer();
    context = await browser.newContext({ acceptDownloads: true });
    context.setDefaultTimeout(PAGE_TIMEOUT);
    context.on("request", (request) => {
      const { protocol, host } = new URL(request.url());
      if (protocol.startsWith("http")) hosts.add(host);
    });
    page = await context.newPage();
    await open(page);
    started = 0;
  });
  afterEach(async () => {
    await context.close();
    await server.close();
  });

  const startServer = (options: LocalServerOptions = {}) =>
    startLocalServer({ ui: true, apiKey: API_KEY, ...options });
  const open = async (target: Page) => {
    await target.goto(server.uiUrl ?? "");
    await target.getByText("The sandbox is ready.").waitFor();
  };
  const output = () => page.getByRole("region", { name: "Output" });
  const write = async (code: string) => {
    await page.getByRole("textbox", { name: "Code" }).click();
    await page.keyboard.press("Control+A");
    await page.keyboard.insertText(code);
  };
  const run = async (code: string) => {
    await write(code);
    await page.keyboard.press("Control+Enter");
    started += 1;
  };
  const runToEnd = async (code: string) => {
    await run(code);
    await page.getByRole("status").getByText(`Run ${started}: `).waitFor();
  };

  test("runs code by the keyboard, and shows output, values and errors", async () => {
    await runToEnd("print('printed'); 6 * 7");
    expect(await output().innerText()).toContain("printed");
    expect(await output().innerText()).toContain("42");
    await runToEnd("1 / 0");
    expect(await output().innerText()).toContain("ZeroDivisionError");
    await page.getByText("The same with the SDK").click();
    expect(await page.locator(".sdk-code").innerText()).toContain('interpreter.codes.run("1 / 0"');
  });

  test("shows output while the code runs, and stops it with its state kept", async () => {
    await run("x = 5\nprint('first', flush=True)\nwhile True: pass");
    await output().getByText("first").waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("status").getByText("KeyboardInterrupt").waitFor();
    await runToEnd("print('x is', x)");
    expect(await output().innerText()).toContain("x is 5");
  });

  test("shows pictures, and HTML in a frame that cannot reach the page", async () => {
    await runToEnd(`
class Shown:
    def _repr_mimebundle_(self, **kwargs):
        return {"image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg' width='40' height='20'></svg>"}
Shown()`);
    const picture = output().getByRole("img");
    await picture.waitFor();
    const width = await page.evaluate(
      "document.querySelector('.picture').decode().then(() => document.querySelector('.picture').naturalWidth)",
    );
    expect(width).toBe(40);
    await runToEnd(`
class Shown:
    def _repr_html_(self):
        return "<b>bold</b><p id=seen></p><script>try { parent.document.title; seen.textContent = 'reached' } catch { seen.textContent = 'kept out' }</script>"
Shown()`);
    const frame = output().frameLocator("iframe");
    await frame.getByText("bold").waitFor();
    await frame.getByText("kept out").waitFor();
  });

  test("keeps contexts apart in tabs, and their state over a reload", async () => {
    await runToEnd("name = 'one'");
    await page.getByRole("button", { name: "New context" }).click();
    await runToEnd("name = 'two'");
    await page.getByRole("tab", { name: "Python 1" }).click();
    await runToEnd("print(name)");
    expect(await output().innerText()).toContain("one");
    await page.getByRole("tab", { name: "Python 1" }).press("ArrowRight");
    await page.reload();
    await page.getByText("Connected to the sandbox of your last visit.").waitFor();
    started = 0;
    await page.getByRole("tab", { name: "Python 2" }).click();
    await runToEnd("print(name)");
    expect(await output().innerText()).toContain("two");
  });

  test("opens, saves, uploads and downloads files", async () => {
    await runToEnd("open('made.txt', 'w').write('from code\\n')");
    await page.getByRole("button", { name: "made.txt", exact: true }).click();
    await page.getByText("from code", { exact: true }).waitFor();
    await write("changed\n");
    await page.getByRole("button", { name: "Save file" }).click();
    await page.getByText("Saved").waitFor();
    const downloading = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download made.txt" }).click();
    const download = await downloading;
    expect(await readFile(await download.path(), "utf8")).toBe("changed\n");
    await page
      .getByLabel("Files to upload")
      .setInputFiles({ name: "up.txt", mimeType: "text/plain", buffer: Buffer.from("uploaded") });
    await page.getByRole("button", { name: "up.txt", exact: true }).click();
    await page.getByText("uploaded", { exact: true }).waitFor();
  });

  test("says that the server is gone, and goes on when it is back", async () => {
    const ui = Number(new URL(server.uiUrl ?? "").port);
    await server.close();
    await page.getByText("The server does not respond.").waitFor();
    server = await startServer({ ui });
    await page.getByText("The server does not respond.").waitFor({ state: "hidden" });
    await output().getByText("Variables and files are lost.").waitFor();
    await runToEnd("print('again')");
    expect(await output().innerText()).toContain("again");
  });

  test("shows ten thousand lines in few elements", async () => {
    await runToEnd("for i in range(10_000): print('line', i)");
    await output().getByText("line 9999").waitFor();
    expect(await output().locator("> *").count()).toBeLessThan(100);
  });

  test("opens once with its link, and for no other origin", async () => {
    const stranger = await browser.newContext();
    try {
      const second = await stranger.newPage();
      await second.goto(server.uiUrl ?? "");
      await second.getByText("Open the link from your terminal").waitFor();
    } finally {
      await stranger.close();
    }
    const { hash, origin } = new URL(server.uiUrl ?? "");
    const token = hash.slice(1);
    const elsewhere = await fetch(`${origin}/ui/session`, {
      method: "POST",
      body: token,
      headers: { origin: "http://evil.test" },
    });
    expect(elsewhere.status).toBe(403);
    expect(elsewhere.headers.get("access-control-allow-origin")).toBeNull();
    const again = await fetch(`${origin}/ui/session`, { method: "POST", body: token, headers: { origin } });
    expect(again.status).toBe(401);
    // Pages that sandboxes serve have the origin of the server's own port.
    expect((await server.fetch(`${server.url}/ui/`)).status).toBe(401);
  });

  test.each(["light", "dark"] as const)(
    "has no accessibility violations in the %s theme",
    async (colorScheme) => {
      const checked = await browser.newContext({ colorScheme, bypassCSP: true });
      try {
        server = await restarted();
        page = await checked.newPage();
        page.setDefaultTimeout(PAGE_TIMEOUT);
        await open(page);
        await runToEnd(
          "import sys\nprint('out'); print('err', file=sys.stderr)\nopen('a.txt', 'w').close()\n1 / 0",
        );
        await page.getByRole("button", { name: "a.txt", exact: true }).waitFor();
        await page.getByText("Terminal", { exact: true }).click();
        await page.getByText("The shell is ready.").waitFor();
        await page.keyboard.type("echo $((6 * 7)); ls --color=always\n");
        await page.locator(".xterm-rows").getByText("42").first().waitFor();
        const axe = createRequire(path.resolve("package.json")).resolve("axe-core/axe.min.js");
        await page.addScriptTag({ path: axe });
        // The source of the page under test: `axe` exists there only.
        const violations = await page.evaluate<
          { readonly id: string; readonly nodes: readonly { html: string }[] }[]
        >("axe.run().then(({ violations }) => violations)");
        expect(violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)])).toEqual([]);
      } finally {
        await checked.close();
      }
    },
  );

  /** The link of the running server was used by `beforeEach`. */
  const restarted = async () => {
    await server.close();
    return startServer();
  };

  test("sends requests to its own server only", () => {
    expect([...hosts].filter((host) => !host.startsWith("127.0.0.1:"))).toEqual([]);
    expect(hosts.size).toBeGreaterThan(0);
  });
});
