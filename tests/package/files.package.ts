import { describe, expect, test } from "@jest/globals";
import { init, parse } from "es-module-lexer";
import { existsSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { packed, runtimeDependencies } from "./packed-package.js";
import { root, run, succeed } from "./programs.js";

const NAME = "opensandbox-code-interpreter";

interface Manifest {
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, Conditions | string>>;
}

/** What package.json says about an entry: one format, or one for each way to load it. */
type Conditions = Format | { readonly import: Format; readonly require: Format };
interface Format {
  readonly types: string;
  readonly default: string;
}

const text = (path: string) => readFileSync(join(packed.installed, path), "utf8");
const withExtension = (...extensions: string[]) =>
  packed.files.filter((path) => extensions.some((extension) => path.endsWith(extension)));

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
const entries = Object.entries(manifest.exports).flatMap(([subpath, conditions]) => {
  if (typeof conditions === "string") return [];
  const formats = "import" in conditions ? [conditions.import, conditions.require] : [conditions];
  return [{ specifier: posix.join(NAME, subpath), formats, hasCommonJs: "require" in conditions }];
});

/** Runs a module of the consumer's project; resolves to the JSON that it prints. */
async function evaluate(inputType: "module" | "commonjs", program: string): Promise<unknown> {
  const printed = await succeed(
    process.execPath,
    [`--input-type=${inputType}`, "--eval", program],
    packed.consumer,
  );
  return JSON.parse(printed);
}

describe("the packed files", () => {
  test("are the build, the licenses and the README, and nothing else", () => {
    const files = new Set(
      [
        ...entries.flatMap(({ formats }) => formats.flatMap((format) => [format.types, format.default])),
        ...Object.values(manifest.bin),
        ...[
          "dist/THIRD-PARTY-LICENSES.txt",
          "dist/local/supervisor.mjs",
          "LICENSE",
          "README.md",
          "package.json",
        ],
      ].map((path) => posix.normalize(path)),
    );
    const isShared = (path: string) =>
      /^dist\/chunks\/(core|sandbox|sandbox-manager|code-interpreter|[\w-]+-[A-Z0-9]{8})\.mjs$/.test(path);
    const isKernel = (path: string) => /^dist\/local\/kernels\/[\w-]+\.\w+$/.test(path);
    const isPage = (path: string) => path.startsWith("dist/local/playground/");
    const isListed = (path: string) =>
      !path.endsWith(".map") && !isShared(path) && !isKernel(path) && !isPage(path);
    const found = packed.files.filter(isListed);

    expect(packed.files).toContain("dist/local/kernels/python.py");
    expect(found).toEqual([...files].sort());
  });

  test("do not contain a path of the machine that built them", () => {
    for (const path of packed.files) {
      expect({ path, named: [root, packed.directory].filter((each) => text(path).includes(each)) }).toEqual({
        path,
        named: [],
      });
    }
  });

  test("include a source map with the sources for each bundle", () => {
    // The JavaScript kernel consists mostly of the minified transpiler, and has no map.
    for (const path of withExtension(".mjs", ".cjs").filter(
      (each) => !each.startsWith("dist/local/kernels/"),
    )) {
      const map = JSON.parse(text(`${path}.map`)) as { sources: string[]; sourcesContent: (string | null)[] };
      expect(text(path).trimEnd().split("\n").at(-1)).toMatch(/^\/\/# sourceMappingURL=[\w-]+\.[mc]js\.map$/);
      expect(map.sourcesContent).toHaveLength(map.sources.length);
      expect(map.sourcesContent).not.toContain(null);
    }
  });

  test("include the license of every bundled package", () => {
    const bundled = withExtension(".map")
      .flatMap((path) => (JSON.parse(text(path)) as { sources: string[] }).sources)
      .flatMap((source) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(source)?.[1] ?? []);
    const notices = text("dist/THIRD-PARTY-LICENSES.txt");
    // These have no map.
    const minified = ["sucrase", "es-module-lexer", "@xterm/xterm", "@xterm/addon-fit"];
    for (const name of new Set([...bundled, ...minified]))
      expect(notices).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, "m"));
  });

  test("depend on two packages, one of which has a dependency", () => {
    expect(runtimeDependencies()).toEqual([
      "@microsoft/fetch-event-source",
      "openapi-fetch",
      "openapi-typescript-helpers",
    ]);
  });

  test("pass publint and are-the-types-wrong", async () => {
    const { exitCode, output } = await run(process.execPath, ["scripts/lint-package.mjs", packed.tarball]);
    expect({ exitCode, output }).toEqual({ exitCode: 0, output: "0 findings\n" });
  });
});

describe("the installed package", () => {
  test.each(entries.filter(({ hasCommonJs }) => hasCommonJs))(
    "exports the same from $specifier by import and by require",
    async ({ specifier }) => {
      const imported = await evaluate(
        "module",
        `import * as all from "${specifier}"; console.log(JSON.stringify(Object.keys(all).sort()))`,
      );
      const required = await evaluate(
        "commonjs",
        `console.log(JSON.stringify(Object.keys(require("${specifier}")).sort()))`,
      );
      expect(required).toEqual(imported);
      expect(imported).not.toEqual([]);
    },
  );

  test("exports what the README uses from the main entry", async () => {
    const names = ["CodeInterpreter", "ConnectionConfig", "RetryPolicy", "Sandbox", "SandboxException"];
    const exported = await evaluate(
      "module",
      `import * as all from "${NAME}"; console.log(JSON.stringify(Object.keys(all)))`,
    );
    expect(exported).toEqual(
      expect.arrayContaining([...names, "SandboxManager", "SupportedLanguage", "isSandboxException"]),
    );
  });

  // An invalid port is refused with a class that both entries share, in either format.
  const refusal = `
    const error = await local.startLocalServer({ port: -1 }).then(() => undefined, (reason) => reason);
    console.log(JSON.stringify([error instanceof main.SandboxException, error instanceof main.InvalidArgumentException]));
  `;

  test("throws the main entry's exceptions from the local server when imported", async () => {
    const imports = `import * as main from "${NAME}"; import * as local from "${NAME}/local";`;
    expect(await evaluate("module", imports + refusal)).toEqual([true, true]);
  });

  test("throws the main entry's exceptions from the local server when required", async () => {
    const requires = `const main = require("${NAME}"), local = require("${NAME}/local");`;
    expect(await evaluate("commonjs", `${requires}(async () => {${refusal}})();`)).toEqual([true, true]);
  });

  test("recognizes an exception of its CommonJS copy in its module copy", async () => {
    const program = `
      import { createRequire } from "node:module";
      import { isSandboxException } from "${NAME}";
      const { SandboxException } = createRequire(import.meta.url)("${NAME}");
      console.log(JSON.stringify(isSandboxException(new SandboxException({ code: "X", message: "y" }))));
    `;
    expect(await evaluate("module", program)).toBe(true);
  });

  test("reaches a server when required", async () => {
    // The typed client's factory is a default export, where modules and CommonJS differ.
    const program = `
      const { createServer } = require("node:http");
      const { SandboxManager } = require("${NAME}");
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

  test.each(Object.keys(manifest.bin))("has the command %s", async (name) => {
    const program = join(packed.consumer, "node_modules/.bin", name);
    expect((await succeed(program, ["--version"], packed.consumer)).trim()).toContain(manifest.version);
    expect(await succeed(program, ["--help"], packed.consumer)).toMatch(/\bserve\b/);
  });
});

describe("in a browser", () => {
  test("the main entry imports openapi-fetch, and nothing of Node", async () => {
    await init;
    const loaded = new Set(["dist/index.mjs"]);
    const packages = new Set<string | undefined>();
    for (const path of loaded) {
      for (const { n: specifier } of parse(text(path))[0]) {
        if (specifier?.startsWith(".") === true) loaded.add(posix.join(path, "..", specifier));
        else packages.add(specifier);
      }
    }
    expect(loaded.size).toBeGreaterThan(1);
    expect([...packages]).toEqual(["openapi-fetch"]);
  });

  test("the main entry loads without the globals of Node", async () => {
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

describe("the declarations", () => {
  test.each(entries.map(({ formats }) => formats[0]?.types ?? ""))(
    "%s contains neither any nor a generated interface",
    (path) => {
      // From the standard library's own types: a promise may be rejected with anything.
      const declarations = withoutProse(text(path)).replaceAll("(reason: any) =>", "(reason: unknown) =>");
      expect(declarations.match(/.*\bany\b.*/g)).toBeNull();
      expect(declarations.match(/\binterface (paths|components|operations|webhooks|\$defs)\b/g)).toBeNull();
    },
  );

  test("are the same for both formats", () => {
    for (const path of withExtension(".d.cts"))
      expect(text(path)).toBe(text(path.replace(/cts$/, "mts")).replaceAll(/('\.[^']*)\.mjs'/g, "$1.cjs'"));
  });

  test("declare each class once", () => {
    const classes = withExtension(".d.mts").flatMap((path) =>
      [...text(path).matchAll(/\bclass (\w+)/g)].map(([, name]) => name),
    );
    expect(classes).toEqual([...new Set(classes)]);
  });

  test("import only files that exist", () => {
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

/** Returns declarations without their comments and string literals, which may contain any word. */
function withoutProse(declarations: string): string {
  return declarations.replace(/"(?:[^"\\\n]|\\.)*"|\/\*[\s\S]*?\*\/|\/\/.*$/gm, (prose) =>
    prose.startsWith('"') ? '""' : "",
  );
}
