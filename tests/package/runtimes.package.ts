import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describeIf, isolationWorks, NO_ISOLATION_REASON, runs } from "../helpers/skips.js";
import { packed, tools } from "./packed-package.js";
import { run, succeed } from "./programs.js";
import { Servers } from "./servers.js";

const SMOKE = join(packed.consumer, "smoke");
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  existsSync,
);

/** The programs by which each runtime runs a module. */
const RUNTIMES: Readonly<Record<string, readonly string[]>> = {
  "Node 20.16": [join(tools, "node-20/bin/node")],
  "Node 22": [join(tools, "node-22/bin/node")],
  "Node 24": [join(tools, "node-24/bin/node")],
  "Node 26": [join(tools, "node-26/bin/node")],
  Bun: [join(tools, "@oven/bun-linux-x64/bin/bun")],
  Deno: [join(tools, "@deno/linux-x64-glibc/deno"), "run", "--allow-all", "--node-modules-dir=manual"],
};
const WORKERD = join(tools, "@cloudflare/workerd-linux-64/bin/workerd");

interface StepResult {
  readonly name: string;
  readonly failure?: string;
}

/** A test per runtime; what is not installed on this platform is skipped and named. */
function onRuntime(name: string, program: string, tests: () => void): void {
  const isThere = isolationWorks && runs(program, ["--version"]);
  const reason = isolationWorks ? `${program} is not installed on this platform` : NO_ISOLATION_REASON;
  describeIf(isThere, `package/runtimes: ${name}`, reason)(name, tests);
}

function expectSuccess(printed: string): void {
  const results = JSON.parse(printed) as readonly StepResult[];
  expect(results.filter(({ failure }) => failure !== undefined)).toEqual([]);
  expect(results.length).toBeGreaterThanOrEqual(10);
}

describe.each(Object.entries(RUNTIMES).filter(([name]) => name.startsWith("Node")))("", (name, command) => {
  onRuntime(name, command[0] ?? "", () => {
    test("runs the SDK and the local server", async () => {
      const servers = await Servers.start(command);
      try {
        const [program = "", ...args] = command;
        const { exitCode, stdout, output } = await run(program, [
          ...args,
          join(SMOKE, "run.mjs"),
          JSON.stringify(servers.addresses),
        ]);
        expect({ exitCode, output }).toEqual({ exitCode: 0, output: stdout });
        expectSuccess(stdout);
      } finally {
        await servers.close();
      }
    });

    test("runs code in a sandbox of 512 MiB", async () => {
      const [program = ""] = command;
      const { exitCode, stdout, output } = await run(program, [join(SMOKE, "local.mjs")]);
      expect({ exitCode, output }).toEqual({ exitCode: 0, output: stdout });
      const version = execFileSync(program, ["--version"], { encoding: "utf8" }).trim().slice(1);
      expect(JSON.parse(stdout)).toMatchObject({
        ...{ version: `'${version}'`, javascript: "100000", worker: "0" },
        ...{ typescript: "8", withoutEnding: "10" },
        ...(runs("java", ["--version"]) && { java: "42" }),
      });
    });
  });
});

describe("with a local server on this Node", () => {
  let servers: Servers;
  beforeAll(async () => {
    if (isolationWorks) servers = await Servers.start();
  });
  afterAll(async () => {
    if (isolationWorks) await servers.close();
  });

  for (const name of ["Bun", "Deno"]) {
    const [program = "", ...args] = RUNTIMES[name] ?? [];
    onRuntime(name, program, () => {
      test("runs the SDK", async () => {
        const result = await run(program, [
          ...args,
          join(SMOKE, "run.mjs"),
          JSON.stringify(servers.addresses),
        ]);
        expect(result).toMatchObject({ exitCode: 0, output: result.stdout });
        expectSuccess(result.stdout);
      });

      test("says at once that the local server needs Node.js", async () => {
        const { exitCode, stdout } = await run(program, [...args, join(SMOKE, "local.mjs")]);
        expect(exitCode).toBe(0);
        expect(JSON.parse(stdout)).toEqual({
          code: "NODE_REQUIRED",
          message: expect.stringMatching(
            `needs Node.js 20.16 or newer; this program runs on ${name.toLowerCase()}`,
          ) as unknown,
        });
      });

      test("says so on the command line", async () => {
        const cli = join(packed.installed, "dist/cli/main.mjs");
        const { exitCode, output } = await run(program, [...args, cli, "serve", "--port", "0"]);
        expect(exitCode).not.toBe(0);
        expect(output).toContain("needs Node.js 20.16 or newer");
      });
    });
  }

  onRuntime("workerd", WORKERD, () => {
    test("runs the SDK", async () => {
      const directory = mkdtempSync(join(tmpdir(), "workerd-"));
      const bundle = join(directory, "worker.mjs");
      await bundleForWorker(bundle);
      const config = join(directory, "workerd.capnp");
      await succeed("cp", [join(SMOKE, "workerd.capnp"), config]);
      const workerd = spawn(WORKERD, ["serve", "--control-fd=1", config], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      try {
        const [line] = (await once(createInterface({ input: workerd.stdout }), "line")) as [string];
        const { port } = JSON.parse(line) as { port: number };
        const response = await fetch(`http://127.0.0.1:${port}/`, {
          method: "POST",
          body: JSON.stringify(servers.addresses),
        });
        expectSuccess(await response.text());
      } finally {
        const ended = once(workerd, "exit");
        workerd.kill();
        await ended;
        rmSync(directory, { recursive: true });
      }
    });
  });

  const canShowPages = isolationWorks && CHROMIUM !== undefined;
  const missing = isolationWorks
    ? "Chromium is not installed (apt-get install chromium)"
    : NO_ISOLATION_REASON;
  describeIf(
    canShowPages,
    "package/runtimes: Chromium",
    missing,
  )("Chromium", () => {
    test("runs the SDK, bundled by Vite", async () => {
      const directory = mkdtempSync(join(tmpdir(), "chromium-"));
      await bundleForPage(directory);
      const { server, results } = servePage(directory);
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as { port: number };
      const url = `http://127.0.0.1:${port}/#${encodeURIComponent(JSON.stringify(servers.addresses))}`;
      const browser = spawn(CHROMIUM ?? "", [...chromiumFlags(join(directory, "profile")), url], {
        stdio: "ignore",
        detached: true,
      });
      try {
        expectSuccess(await results);
      } finally {
        const ended = once(browser, "exit");
        // With its children, which would go on writing to the profile while it is removed.
        if (browser.pid !== undefined) process.kill(-browser.pid, "SIGKILL");
        await ended;
        server.close();
        server.closeAllConnections();
        rmSync(directory, { recursive: true, force: true, maxRetries: 10 });
      }
    });
  });
});

async function bundleForWorker(outfile: string): Promise<void> {
  await bundleWith(`
    const { build } = require("esbuild");
    build({
      entryPoints: [${JSON.stringify(join(SMOKE, "worker.mjs"))}],
      outfile: ${JSON.stringify(outfile)},
      bundle: true,
      format: "esm",
      platform: "browser",
      conditions: ["workerd", "worker", "browser"],
      logLevel: "error",
    });
  `);
}

async function bundleForPage(outDir: string): Promise<void> {
  await bundleWith(`
    import("vite").then(({ build }) => build({
      root: ${JSON.stringify(SMOKE)},
      configFile: false,
      logLevel: "error",
      build: {
        outDir: ${JSON.stringify(outDir)},
        emptyOutDir: false,
        rollupOptions: { input: ${JSON.stringify(join(SMOKE, "index.html"))} },
      },
    }));
  `);
}

/** Runs a program that can load the tools. */
async function bundleWith(program: string): Promise<void> {
  await succeed(process.execPath, ["--input-type=commonjs", "--eval", program], join(tools, ".."));
}

/** Serves a folder, and takes what the page posts. */
function servePage(directory: string): { readonly server: Server; readonly results: Promise<string> } {
  let resolve: (text: string) => void;
  const results = new Promise<string>((settle) => {
    resolve = settle;
  });
  const server = createServer((request, response) => {
    if (request.method === "POST") {
      let body = "";
      request.setEncoding("utf8");
      request.on("data", (chunk: string) => (body += chunk));
      request.on("end", () => {
        response.end();
        resolve(body);
      });
      return;
    }
    const { pathname } = new URL(request.url ?? "/", "http://page.invalid");
    const file = join(directory, pathname === "/" ? "index.html" : pathname);
    if (!existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.setHeader("content-type", file.endsWith(".js") ? "text/javascript" : "text/html");
    response.end(readFileSync(file));
  });
  return { server, results };
}

function chromiumFlags(profile: string): string[] {
  return [
    ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
    ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
    ...["--disable-dev-shm-usage", `--user-data-dir=${profile}`],
  ];
}
