import { readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, relative, resolve } from "node:path";
import { build } from "esbuild";
import { kernelFiles, root, sources } from "./entries.mjs";
import { thirdPartyLicenses } from "./third-party-licenses.mjs";

const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const runtimeDependencies = Object.keys(dependencies);

/** What every bundle has in common. Sources are embedded in the maps, as the package ships no `src/`. */
const common = {
  absWorkingDir: root,
  bundle: true,
  write: false,
  metafile: true,
  sourcemap: "linked",
  sourcesContent: true,
  legalComments: "inline",
  logLevel: "warning",
};

/** The main entry runs in browsers, too: nothing here may assume Node. */
const main = { ...common, target: "es2022", packages: "external", entryPoints: { index: sources.main } };

const node = { ...common, target: "node20", platform: "node" };

/** Bundles everything that runs; resolves to the files of dist/, by path. */
export async function bundleJavaScript() {
  const bundles = await Promise.all([
    bundle({ ...main, format: "esm", platform: "neutral" }, ".mjs", isRuntimeDependency),
    bundle(
      { ...main, format: "cjs", platform: "node", plugins: [defaultExports()] },
      ".cjs",
      isRuntimeDependency,
    ),
    bundle(
      {
        ...node,
        format: "esm",
        // The server and the program that serves it are one code: loaded together, they share it.
        splitting: true,
        chunkNames: "local/[name]-[hash]",
        entryPoints: { "local/index": sources.local, "local/cli": sources.cli },
        plugins: [errorsOfMainEntry("../index.mjs")],
      },
      ".mjs",
      (path) => isBuiltin(path) || path === "../index.mjs",
    ),
    bundle(
      {
        ...node,
        format: "cjs",
        entryPoints: { "local/index": sources.local },
        plugins: [errorsOfMainEntry("../index.cjs")],
        // CJS has no `import.meta`, by which the server finds the files beside it.
        define: { "import.meta.url": "__importMetaUrl" },
        banner: { js: 'const __importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
      },
      ".cjs",
      (path) => isBuiltin(path) || path === "../index.cjs",
    ),
    // One file that needs no other: inside a sandbox nothing else of this package can be seen.
    bundle(
      { ...node, format: "esm", entryPoints: { "local/supervisor": sources.supervisor } },
      ".mjs",
      (path) => isBuiltin(path),
    ),
    // Likewise. It is mostly the transpiler, which nobody reads: no map.
    bundle(
      {
        ...node,
        format: "esm",
        minify: true,
        sourcemap: false,
        entryPoints: { "local/kernels/javascript": sources.javaScriptKernel },
      },
      ".mjs",
      (path) => isBuiltin(path),
    ),
  ]);

  const files = new Map(bundles.flatMap(({ outputFiles }) => outputFiles));
  files.set("local/cli.mjs", withShebang(files.get("local/cli.mjs")));
  for (const { name, path } of kernelFiles()) files.set(`local/kernels/${name}`, readFileSync(path));
  files.set("THIRD-PARTY-LICENSES.txt", thirdPartyLicenses(bundles.flatMap(({ inputs }) => inputs)));
  return files;
}

/** One run of esbuild; fails where the result imports what `mayImport` does not allow. */
async function bundle(options, extension, mayImport) {
  const outdir = resolve(root, "dist");
  const { outputFiles, metafile } = await build({ ...options, outdir, outExtension: { ".js": extension } });
  for (const [path, { imports }] of Object.entries(metafile.outputs)) {
    const forbidden = imports.filter((each) => each.external && !mayImport(each.path));
    if (forbidden.length === 0) continue;
    throw new Error(`${path} must not import ${forbidden.map((each) => each.path).join(", ")}`);
  }
  return {
    outputFiles: outputFiles.map(({ path, contents }) => [
      relative(outdir, path).replaceAll("\\", "/"),
      contents,
    ]),
    inputs: Object.keys(metafile.inputs),
  };
}

function isRuntimeDependency(path) {
  return runtimeDependencies.some((name) => path === name || path.startsWith(`${name}/`));
}

/** `instanceof SandboxException` has to hold across both entries: the local one takes the classes of the main one. */
function errorsOfMainEntry(mainEntry) {
  const errors = resolve(root, sources.errors);
  return {
    name: "errors-of-main-entry",
    setup({ onResolve }) {
      onResolve({ filter: /^\.{1,2}\/(.*\/)?errors\.js$/ }, ({ path, resolveDir }) =>
        resolve(resolveDir, path).replace(/\.js$/, ".ts") === errors
          ? { path: mainEntry, external: true }
          : null,
      );
    },
  };
}

/**
 * In a package of `"type": "module"` esbuild takes `import x from "cjs"` as Node's ESM does, where `x` is the whole
 * `module.exports`. In a CJS bundle that is wrong for a dependency which marks itself as `__esModule`; imported by way
 * of a module outside of any package, its `default` is what it says.
 */
function defaultExports() {
  const name = "openapi-fetch";
  return {
    name: "default-exports",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: new RegExp(`^${name}$`) }, ({ path, namespace }) =>
        namespace === "default-exports" ? { path, external: true } : { path, namespace: "default-exports" },
      );
      onLoad({ filter: /^/, namespace: "default-exports" }, ({ path }) => ({
        contents: `export * from "${path}"; export { default } from "${path}";`,
        resolveDir: root,
      }));
    },
  };
}

function withShebang(contents) {
  const text = Buffer.from(contents).toString("utf8");
  return text.startsWith("#!") ? text : `#!/usr/bin/env node\n${text}`;
}
