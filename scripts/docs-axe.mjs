// Checks pages of the built documentation site with axe, in both themes: `node scripts/docs-axe.mjs [PAGE …]`, after
// `npm run docs`. Needs Chromium; `CHROMIUM` overrides its path. Fails if there is a violation.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const site = fileURLToPath(new URL("../docs/.vitepress/dist", import.meta.url));
const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const PAGES = [
  "/",
  "/quick-start",
  "/errors",
  "/migration",
  "/local-server",
  "/reference/index/classes/Sandbox",
];
const pages = process.argv.length > 2 ? process.argv.slice(2) : PAGES;

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  const name = pathname.endsWith("/") ? `${pathname}index.html` : pathname;
  const file = path.join(site, path.extname(name) === "" ? `${name}.html` : name);
  readFile(file).then(
    (content) =>
      response
        .writeHead(200, { "content-type": TYPES[path.extname(file)] ?? "application/octet-stream" })
        .end(content),
    () => response.writeHead(404).end(),
  );
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
});
let total = 0;
for (const colorScheme of ["light", "dark"]) {
  const page = await browser.newPage({ colorScheme });
  for (const name of pages) {
    await page.goto(`http://127.0.0.1:${server.address().port}${name}`);
    // The page is complete once Vue has taken over its HTML.
    await page.waitForFunction(() => document.getElementById("app")?.__vue_app__ !== undefined);
    await page.addScriptTag({ path: axe });
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    console.log(`${colorScheme} ${name}: ${violations.length} violations`);
    for (const { id, nodes } of violations) {
      for (const { target, failureSummary } of nodes)
        console.log(`  ${id}: ${target.join(" ")}\n${failureSummary}`);
    }
    total += violations.length;
  }
  await page.close();
}
await browser.close();
server.close();
process.exitCode = total === 0 ? 0 : 1;
