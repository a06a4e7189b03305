import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { packed, tools } from "./packed-package.js";
import { root, run, succeed } from "./programs.js";

const budget = JSON.parse(readFileSync(join(root, "scripts/size-budget.json"), "utf8")) as {
  sandboxManagerMinGzBytes: number;
  sandboxManagerInOneFileMinGzBytes: number;
};
const directory = join(packed.consumer, "bundlers");

beforeAll(() => {
  mkdirSync(directory, { recursive: true });
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Each is a program that bundles `entry` into `out`, minified, with no more configuration than a newcomer would write. */
const BUNDLERS: Readonly<Record<string, string>> = {
  esbuild: `
    require("esbuild").buildSync({
      entryPoints: [entry], outdir: out, bundle: true, minify: true, format: "esm", logLevel: "error",
      outExtension: { ".js": ".mjs" },
    });
  `,
  rollup: `
    const { nodeResolve } = require("@rollup/plugin-node-resolve");
    const { transformSync } = require("esbuild");
    const { rollup } = require("rollup");
    rollup({ input: entry, plugins: [nodeResolve()], onwarn: (warning) => { throw new Error(warning.message); } })
      .then((bundle) => bundle.write({
        dir: out, format: "es", entryFileNames: "[name].mjs",
        plugins: [{ name: "minify", renderChunk: (code) => transformSync(code, { minify: true, format: "esm" }) }],
      }));
  `,
  webpack: `
    const config = {
      entry, mode: "production", target: ["web", "es2022"], devtool: false, experiments: { outputModule: true },
      output: { path: out, filename: "main.mjs", module: true },
      performance: { hints: false },
    };
    require("webpack")(config, (error, stats) => {
      if (error || stats.hasErrors() || stats.hasWarnings()) {
        console.error(error ?? stats.toString());
        process.exitCode = 1;
      }
    });
  `,
  vite: `
    import("vite").then(({ build }) => build({
      root: out, configFile: false, logLevel: "error",
      build: {
        outDir: out, emptyOutDir: false, target: "es2022", modulePreload: false,
        rollupOptions: { input: entry, output: { entryFileNames: "main.mjs" } },
      },
    }));
  `,
};

/** Bundles a program of the consumer's; resolves to the folder of the bundle. */
async function bundle(bundler: string, name: string, program: string): Promise<string> {
  const entry = join(directory, `${name}.mjs`);
  const out = join(directory, `${name}-${bundler}`);
  mkdirSync(out, { recursive: true });
  writeFileSync(entry, program);
  const script = `const entry = ${JSON.stringify(entry)}, out = ${JSON.stringify(out)};${BUNDLERS[bundler] ?? ""}`;
  await succeed(process.execPath, ["--input-type=commonjs", "--eval", script], join(tools, ".."));
  return out;
}

/** Returns whether a bundler puts code that is loaded on demand into files of its own. */
function isSplitBy(bundler: string): boolean {
  return bundler !== "esbuild";
}

/** Returns the entry of a bundle, and expects further files only if the bundle is split. */
function entryOf(folder: string, isSplit: boolean): string {
  const [entries, others] = [/^(?:main|all|manager|local)\.[cm]?js$/, /^(?!main|all|manager|local)/].map(
    (pattern) => readdirSync(folder).filter((file) => pattern.test(file)),
  );
  expect(entries).toHaveLength(1);
  expect((others ?? []).length > 0).toBe(isSplit);
  return join(folder, entries?.[0] ?? "");
}

describe.each(Object.keys(BUNDLERS))("%s", (bundler) => {
  test("bundles the main entry into a program that runs", async () => {
    const folder = await bundle(
      bundler,
      "all",
      `import * as library from "opensandbox-code-interpreter";
       console.log(JSON.stringify(Object.keys(library).sort()));`,
    );
    const printed: unknown = JSON.parse(
      await succeed(process.execPath, [entryOf(folder, isSplitBy(bundler))]),
    );
    expect(printed).toEqual(expect.arrayContaining(["CodeInterpreter", "Sandbox", "SandboxManager"]));
  });

  test("leaves out what a program that uses SandboxManager alone does not need", async () => {
    const folder = await bundle(
      bundler,
      "manager",
      `import { SandboxManager } from "opensandbox-code-interpreter";
       const connectionConfig = { domain: "localhost:1", protocol: "http", apiKey: "key" };
       const manager = SandboxManager.create({ connectionConfig });
       manager.listSandboxInfos({ page: 0 }).catch(({ message }) => console.log(message));`,
    );
    const file = entryOf(folder, isSplitBy(bundler));
    // The listing, and its checks, are loaded on demand.
    expect(await succeed(process.execPath, [file])).toMatch(/^page must be an integer/);
    expect(gzipSync(readFileSync(file), { level: 9 }).length).toBeLessThanOrEqual(
      isSplitBy(bundler) ? budget.sandboxManagerMinGzBytes : budget.sandboxManagerInOneFileMinGzBytes,
    );
  });
});

describe("a bundle that contains the local server", () => {
  const program = `
    import { startLocalServer } from "opensandbox-code-interpreter/local";
    startLocalServer({ port: false, isolation: "none" }).then(
      (server) => server.close().then(() => console.log("started")),
      (error) => console.log(error.error?.code, error.message),
    );
  `;

  async function outputOf(options: string): Promise<string> {
    const entry = join(directory, "local.mjs");
    const out = join(directory, "local-out");
    rmSync(out, { recursive: true, force: true });
    writeFileSync(entry, program);
    const build = `require("esbuild").buildSync({
      entryPoints: [${JSON.stringify(entry)}], outdir: ${JSON.stringify(out)}, bundle: true, platform: "node",
      logLevel: "error", ${options}
    });`;
    await succeed(process.execPath, ["--input-type=commonjs", "--eval", build], join(tools, ".."));
    const { output } = await run(process.execPath, [entryOf(out, false)]);
    return output;
  }

  test.each(["esm", "cjs"])("says what to mark as external, as %s", async (format) => {
    const output = await outputOf(
      `format: "${format}", outExtension: { ".js": ".${format === "esm" ? "m" : "c"}js" }`,
    );
    expect(output).toMatch(/^LOCAL_SERVER_INCOMPLETE /);
    expect(output).toContain('mark "opensandbox-code-interpreter" as external');
  });

  test("runs when the package is external", async () => {
    const options = `format: "esm", outExtension: { ".js": ".mjs" }, external: ["opensandbox-code-interpreter"]`;
    expect(await outputOf(options)).toBe("started\n");
  });
});
