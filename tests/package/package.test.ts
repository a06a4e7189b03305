import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { cpSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PackedPackage, runtimeDependencies } from "./packed-package.js";
import { root, run, succeed } from "./programs.js";

const MINUTE_MILLIS = 60_000;
const MAIN = "opensandbox-code-interpreter";
const LOCAL = "opensandbox-code-interpreter/local";

const packed = new PackedPackage();
beforeAll(() => packed.make(), 3 * MINUTE_MILLIS);
afterAll(() => packed.remove());

const text = (path: string) => readFileSync(join(packed.installed, path), "utf8");
const withExtension = (...extensions: string[]) =>
  packed.files.filter((path) => extensions.some((extension) => path.endsWith(extension)));

/** Runs a module of the consumer's; resolves to the JSON that it prints. */
async function evaluate(inputType: "module" | "commonjs", program: string): Promise<unknown> {
  const printed = await succeed(
    process.execPath,
    [`--input-type=${inputType}`, "--eval", program],
    packed.consumer,
  );
  return JSON.parse(printed);
}

describe("what is packed", () => {
  test("is the build, the licences and the read-me, and nothing else", () => {
    const bundles = ["index", "local/index"].flatMap((name) =>
      [".mjs", ".mjs.map", ".cjs", ".cjs.map", ".d.mts", ".d.cts"].map(
        (extension) => `dist/${name}${extension}`,
      ),
    );
    const programs = ["cli", "supervisor"].flatMap((name) => [
      `dist/local/${name}.mjs`,
      `dist/local/${name}.mjs.map`,
    ]);
    const documents = ["LICENSE", "README.md", "dist/THIRD-PARTY-LICENSES.txt", "package.json"];
    const isShared = (path: string) => /^dist\/local\/chunk-[A-Z0-9]+\.mjs(\.map)?$/.test(path);
    const isKernel = (path: string) => /^dist\/local\/kernels\/[\w-]+\.\w+$/.test(path);

    expect(packed.files).toContain("dist/local/kernels/python.py");
    expect(packed.files.filter((path) => !isShared(path) && !isKernel(path))).toEqual(
      [...bundles, ...programs, ...documents].sort(),
    );
  });

  test("names no path of the machine on which it was built", () => {
    for (const path of packed.files) {
      expect({ path, named: [root, packed.directory].filter((each) => text(path).includes(each)) }).toEqual({
        path,
        named: [],
      });
    }
  });

  test("has a source map for each bundle, which holds the sources", () => {
    // What runs in a sandbox beside the supervisor is mostly the transpiler, minified, and has none.
    for (const path of withExtension(".mjs", ".cjs").filter(
      (each) => !each.startsWith("dist/local/kernels/"),
    )) {
      const map = JSON.parse(text(`${path}.map`)) as { sources: string[]; sourcesContent: (string | null)[] };
      expect(text(path).trimEnd().split("\n").at(-1)).toMatch(/^\/\/# sourceMappingURL=[\w-]+\.[mc]js\.map$/);
      expect(map.sourcesContent).toHaveLength(map.sources.length);
      expect(map.sourcesContent).not.toContain(null);
    }
  });

  test("carries the licence of every package that is bundled", () => {
    const bundled = withExtension(".map")
      .flatMap((path) => (JSON.parse(text(path)) as { sources: string[] }).sources)
      .flatMap((source) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(source)?.[1] ?? []);
    const notices = text("dist/THIRD-PARTY-LICENSES.txt");
    for (const name of new Set([...bundled, "sucrase", "es-module-lexer"]))
      expect(notices).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, "m"));
  });

  test("brings along only the packages that run with it", () => {
    expect(runtimeDependencies()).toEqual([
      "@microsoft/fetch-event-source",
      "openapi-fetch",
      "openapi-typescript-helpers",
    ]);
  });

  test("has nothing that publint or are-the-types-wrong object to", async () => {
    const { exitCode, output } = await run(process.execPath, ["scripts/lint-package.mjs", packed.tarball]);
    expect({ exitCode, output }).toEqual({ exitCode: 0, output: "0 findings\n" });
  });
});

describe("once installed", () => {
  test.each([MAIN, LOCAL])("%s exports the same by import and by require", async (entry) => {
    const imported = await evaluate(
      "module",
      `import * as all from "${entry}"; console.log(JSON.stringify(Object.keys(all).sort()))`,
    );
    const required = await evaluate(
      "commonjs",
      `console.log(JSON.stringify(Object.keys(require("${entry}")).sort()))`,
    );
    expect(required).toEqual(imported);
    expect(imported).not.toEqual([]);
  });

  test("the main entry has what the read-me promises", async () => {
    const names = ["CodeInterpreter", "ConnectionConfig", "RetryPolicy", "Sandbox", "SandboxException"];
    const exported = await evaluate(
      "module",
      `import * as all from "${MAIN}"; console.log(JSON.stringify(Object.keys(all)))`,
    );
    expect(exported).toEqual(
      expect.arrayContaining([...names, "SandboxManager", "SupportedLanguage", "isSandboxException"]),
    );
  });

  // A port that cannot be is refused by both entries' shared class, in either format.
  const refusal = `
    const error = await local.startLocalServer({ port: -1 }).then(() => undefined, (reason) => reason);
    console.log(JSON.stringify([error instanceof main.SandboxException, error instanceof main.InvalidArgumentException]));
  `;

  test("an exception of the local server is an instance of the main entry's class by import", async () => {
    const imports = `import * as main from "${MAIN}"; import * as local from "${LOCAL}";`;
    expect(await evaluate("module", imports + refusal)).toEqual([true, true]);
  });

  test("an exception of the local server is an instance of the main entry's class by require", async () => {
    const requires = `const main = require("${MAIN}"), local = require("${LOCAL}");`;
    expect(await evaluate("commonjs", `${requires}(async () => {${refusal}})();`)).toEqual([true, true]);
  });

  test("an exception of the CJS copy is known to the ESM copy", async () => {
    const program = `
      import { createRequire } from "node:module";
      import { isSandboxException } from "${MAIN}";
      const { SandboxException } = createRequire(import.meta.url)("${MAIN}");
      console.log(JSON.stringify(isSandboxException(new SandboxException({ code: "X", message: "y" }))));
    `;
    expect(await evaluate("module", program)).toBe(true);
  });

  test("a request made through require reaches a server", async () => {
    // The typed client's factory is a default export, which is where ESM and CJS differ.
    const program = `
      const { createServer } = require("node:http");
      const { SandboxManager } = require("${MAIN}");
      const server = createServer((request, response) => {
        response.writeHead(418, { "content-type": "application/json" });
        response.end(JSON.stringify({ code: "TEAPOT", message: request.url }));
      });
      server.listen(0, "127.0.0.1", async () => {
        const connectionConfig = { domain: "127.0.0.1:" + server.address().port, protocol: "http", apiKey: "k" };
        const failed = await SandboxManager.create({ connectionConfig }).listSandboxInfos({}).catch((error) => error);
        server.close();
        server.closeAllConnections();
        console.log(JSON.stringify([failed.statusCode, failed.error.code]));
      });
    `;
    expect(await evaluate("commonjs", program)).toEqual([418, "TEAPOT"]);
  });

  test("the program that serves is on the path of npm's scripts and tells its version", async () => {
    const program = join(packed.consumer, "node_modules/.bin/opensandbox-code-interpreter");
    const { version } = JSON.parse(text("package.json")) as { version: string };
    expect((await succeed(program, ["--version"], packed.consumer)).trim()).toContain(version);
    expect(await succeed(program, ["--help"], packed.consumer)).toMatch(/\bserve\b/);
  });
});

describe("in a browser", () => {
  test("the main entry imports its dependencies and nothing of Node", () => {
    const imported = [
      ...text("dist/index.mjs").matchAll(/^(?:import|export)\s[^;]*?from\s*"([^"]+)"/gms),
    ].map(([, specifier]) => specifier);
    expect([...new Set(imported)].sort()).toEqual([
      "@microsoft/fetch-event-source/lib/cjs/parse.js",
      "openapi-fetch",
    ]);
    expect(text("dist/index.mjs")).not.toMatch(/\bimport\s*\(|\bimport\s*"/);
  });

  test("the main entry loads where no global of Node is", async () => {
    const entry = join(packed.installed, "dist/index.mjs");
    const exported: unknown = JSON.parse(
      await succeed(process.execPath, ["tests/package/load-in-browser.mjs", entry]),
    );
    expect(exported).toContain("Sandbox");
  });

  test("the main entry keeps to its budget", async () => {
    const dist = join(packed.installed, "dist");
    const { exitCode, output } = await run(process.execPath, ["scripts/size.mjs", "--check", "--dist", dist]);
    expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
  });
});

describe("types", () => {
  test.each(["node-esm", "node-cjs", "browser", "bare"])(
    "compile for the consumer %s",
    async (name) => {
      const project = join(packed.consumer, name);
      for (const program of ["main.ts", "local.ts"])
        cpSync(join(packed.consumer, program), join(project, program));
      const compiler = join(root, "node_modules/typescript/bin/tsc");
      const typeRoots = join(root, "node_modules/@types");
      const { exitCode, output } = await run(process.execPath, [
        compiler,
        "-p",
        project,
        "--typeRoots",
        typeRoots,
      ]);
      expect({ exitCode, output }).toEqual({ exitCode: 0, output: "" });
    },
    MINUTE_MILLIS,
  );

  test.each(["dist/index.d.mts", "dist/local/index.d.mts"])(
    "%s has no any and no generated interface",
    (path) => {
      // Of the language's own: what rejects a promise may be anything.
      const declarations = withoutProse(text(path)).replaceAll("(reason: any) =>", "(reason: unknown) =>");
      expect(declarations.match(/.*\bany\b.*/g)).toBeNull();
      expect(declarations.match(/\binterface (paths|components|operations|webhooks|\$defs)\b/g)).toBeNull();
    },
  );

  test("are the same for both formats", () => {
    for (const path of withExtension(".d.mts")) {
      expect(text(path.replace(/mts$/, "cts"))).toBe(text(path).replaceAll("../index.mjs", "../index.cjs"));
    }
  });

  test("declare each class once", () => {
    const classes = withExtension(".d.mts").flatMap((path) =>
      [...text(path).matchAll(/\bclass (\w+)/g)].map(([, name]) => name),
    );
    expect(classes).toEqual([...new Set(classes)]);
  });

  test("find what they refer to", () => {
    for (const path of withExtension(".d.mts", ".d.cts")) {
      for (const [, target = ""] of text(path).matchAll(/from ['"](\.[^'"]+)['"]/g)) {
        expect({
          path,
          target,
          exists: existsSync(join(packed.installed, path, "..", target)),
        }).toMatchObject({
          exists: true,
        });
      }
    }
  });
});

/** Declarations without their comments and texts, in which any word may stand. */
function withoutProse(declarations: string): string {
  return declarations.replace(/"(?:[^"\\\n]|\\.)*"|\/\*[\s\S]*?\*\/|\/\/.*$/gm, (prose) =>
    prose.startsWith('"') ? '""' : "",
  );
}
