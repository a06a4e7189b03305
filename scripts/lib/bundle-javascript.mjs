import { readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, posix, relative, resolve } from "node:path";
import { build } from "esbuild";
import {
  boxPrograms,
  commands,
  entries,
  entryProviding,
  facades,
  javaKernel,
  kernelFiles,
  mainEntry,
  outputOf,
  page,
  pageFiles,
  pathBetween,
  readManifest,
  root,
} from "./entries.mjs";
import { joinChunks, loadedWith } from "./join-chunks.mjs";
import { joinJava } from "./join-java.mjs";
import { thirdPartyLicenses } from "./third-party-licenses.mjs";

const { dependencies, peerDependencies = {} } = readManifest();
const runtimeDependencies = Object.keys(dependencies);

/** How the page imports the script of its terminal. */
const SCREEN = "./screen.js";
const PARSER = "@microsoft/fetch-event-source/lib/cjs/parse.js";

/** Options of every bundle. Source maps contain the sources, since the package does not ship `src/`. */
const common = {
  absWorkingDir: root,
  outdir: resolve(root, "dist"),
  bundle: true,
  write: false,
  metafile: true,
  sourcemap: "linked",
  sourcesContent: true,
  // ws has two optional addons, which nobody needs here.
  define: { "process.env.WS_NO_BUFFER_UTIL": '"1"', "process.env.WS_NO_UTF_8_VALIDATE": '"1"' },
  legalComments: "inline",
  logLevel: "warning",
  platform: "node",
  target: "es2022",
};
/** Development dependencies are bundled; what users install is not. */
const library = { ...common, external: [...runtimeDependencies, ...Object.keys(peerDependencies)] };

/** Bundles all JavaScript. Resolves to the files of dist/ by path. */
export async function bundleJavaScript() {
  const bundles = await Promise.all([
    bundleModules(),
    ...entries.filter(({ formats }) => formats.includes("cjs")).map(bundleCommonJs),
    ...Object.values(boxPrograms).map(bundleBoxProgram),
    bundlePage("page", page.source, [SCREEN]),
    bundlePage("screen", page.screen, []),
  ]);
  const files = new Map(bundles.flatMap((bundle) => [...bundle.files]));
  for (const { name, path } of kernelFiles()) files.set(`local/kernels/${name}`, readFileSync(path));
  for (const { name, path } of pageFiles()) files.set(`${page.output}/${name}`, readFileSync(path));
  files.set(javaKernel.output, joinJava(join(root, javaKernel.directory), posix.basename(javaKernel.output)));
  files.set("THIRD-PARTY-LICENSES.txt", thirdPartyLicenses(bundles.flatMap(({ inputs }) => inputs)));
  return files;
}

/**
 * Builds all entries and commands at once: code that several of them use goes into shared chunks, so that every class
 * exists once.
 */
async function bundleModules() {
  const sources = [...entries.map(({ source }) => source), commands.source, ...facades];
  const result = await bundle(
    {
      ...library,
      format: "esm",
      splitting: true,
      entryPoints: Object.fromEntries(sources.map((source) => [outputOf(source), source])),
      chunkNames: "chunks/[name]-[hash]",
      plugins: [parserAsModule(), withoutForeignMaps()],
    },
    ".mjs",
  );
  for (const entry of entries) checkImports(result.outputs, `${entry.output}.mjs`, mayImport(entry));
  const mayCommandsImport = (path) => isBuiltin(path) || isOneOf(runtimeDependencies, path);
  checkImports(result.outputs, `${commands.output}.mjs`, mayCommandsImport);
  if (!result.files.get(`${commands.output}.mjs`).startsWith("#!"))
    throw new Error(
      `${commands.source} must start with "#!/usr/bin/env node", since npm links to it as a program.`,
    );
  const { files, outputs } = result;
  const closures = {};
  for (const output of facades.map(outputOf)) {
    const [, ...loaded] = loadedWith(`${output}.mjs`, outputs, inDist);
    // One without inputs has esbuild's helpers, of which these chunks use none.
    closures[output] = loaded.filter((path) => Object.keys(outputs.get(path).inputs).length > 0);
    // Each facade is now a chunk that the main entry imports. Its own entry file is not needed.
    files.delete(`${output}.mjs`);
    files.delete(`${output}.mjs.map`);
  }
  await joinChunks(files, { closures, outputs, mainEntry: mainEntry.output, options: common });
  for (const [path, text] of result.files) result.files.set(path, withRequire(text));
  return result;
}

/** Builds an entry as CommonJS. `require` has no shared chunks, so each entry imports the built files of the others. */
async function bundleCommonJs(entry) {
  const result = await bundle(
    {
      ...library,
      format: "cjs",
      entryPoints: { [entry.output]: entry.source },
      plugins: [otherEntries(entry), defaultExports(), withoutForeignMaps()],
      // CommonJS has no `import.meta`, which the local server uses to find its files, and test runners that load
      // CommonJS in their own context have no `import()`.
      supported: { "dynamic-import": false },
      ...(entry.node && {
        define: { ...common.define, "import.meta.url": "__importMetaUrl" },
        banner: { js: 'const __importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
      }),
    },
    ".cjs",
  );
  const others = entries.map((other) => `${pathBetween(entry, other)}.cjs`);
  const isAllowed = (path) => mayImport(entry)(path) || others.includes(path);
  checkImports(result.outputs, `${entry.output}.cjs`, isAllowed);
  return result;
}

async function bundleBoxProgram({ source, output, isMinified = false }) {
  const result = await bundle(
    {
      ...common,
      format: "esm",
      target: "node20",
      minify: isMinified,
      sourcemap: isMinified ? false : common.sourcemap,
      entryPoints: { [output]: source },
    },
    ".mjs",
  );
  checkImports(result.outputs, `${output}.mjs`, isBuiltin);
  for (const [path, text] of result.files) result.files.set(path, withRequire(text));
  return result;
}

/** Bundles a script of the page of `serve --ui`. `others` are the scripts that it imports when they are needed. */
async function bundlePage(name, source, others) {
  const result = await bundle(
    {
      ...common,
      format: "esm",
      platform: "browser",
      minify: true,
      sourcemap: false,
      loader: { ".css": "text" },
      external: others,
      entryPoints: { [`${page.output}/${name}`]: source },
      plugins: [parserAsModule()],
    },
    ".js",
  );
  checkImports(result.outputs, `${page.output}/${name}.js`, (path) => others.includes(path));
  return result;
}

async function bundle(options, extension) {
  const { outputFiles, metafile } = await build({ ...options, outExtension: { ".js": extension } });
  return {
    files: new Map(outputFiles.map(({ path, text }) => [inDist(path), text])),
    outputs: new Map(Object.entries(metafile.outputs).map(([path, output]) => [inDist(path), output])),
    inputs: Object.keys(metafile.inputs),
  };
}

/** Returns a path of esbuild's as one in dist/. */
function inDist(path) {
  return relative(common.outdir, resolve(root, path)).replaceAll("\\", "/");
}

/** Fails if an output, or a chunk that is loaded with it, has a forbidden import. */
function checkImports(outputs, start, isAllowed) {
  for (const path of loadedWith(start, outputs, inDist)) {
    for (const { path: imported, kind, external } of outputs.get(path).imports) {
      const isAvailable = kind === "require-call" && start.endsWith(".mjs") ? isBuiltin : isAllowed;
      if (external && !isAvailable(imported)) throw new Error(`dist/${start} must not import ${imported}.`);
    }
  }
}

function mayImport({ node, peers }) {
  return (path) => isOneOf([...runtimeDependencies, ...peers], path) || (node && isBuiltin(path));
}

function isOneOf(packages, path) {
  return packages.some((name) => path === name || path.startsWith(`${name}/`));
}

/**
 * Bundled packages in CommonJS require modules of Node, and a module has no `require`. It is not imported from
 * `node:module`, since esbuild's helper that calls it is in a chunk that browsers load too.
 */
function withRequire(text) {
  if (!text.includes("var __require =")) return text;
  const [, shebang = "", rest] = /^(#!.*\n)?([^]*)$/.exec(text);
  return `${shebang}const require=(id)=>globalThis.process.getBuiltinModule(id);${rest}`;
}

/**
 * Takes the event-stream parser's build as a module, and bundles it: Rollup finds no exports in the CommonJS build, and
 * Node cannot load the other one from its package, which lacks `"type": "module"`.
 */
function parserAsModule() {
  return {
    name: "parser-as-module",
    setup({ onResolve }) {
      onResolve({ filter: new RegExp(`^${PARSER}$`) }, () => ({
        path: join(root, "node_modules", PARSER.replace("/cjs/", "/esm/")),
      }));
    },
  };
}

/** Removes source maps of packages, which refer to sources that the packages do not ship. */
function withoutForeignMaps() {
  return {
    name: "without-foreign-maps",
    setup({ onLoad }) {
      onLoad({ filter: /[\\/]node_modules[\\/].*\.[cm]?js$/, namespace: "file" }, ({ path }) => ({
        contents: readFileSync(path, "utf8").replace(/^\/\/# sourceMappingURL=.*$/m, ""),
        loader: "js",
      }));
    },
  };
}

/** Replaces imports of other entries' sources by imports of their built files. */
function otherEntries(entry) {
  return {
    name: "other-entries",
    setup({ onResolve }) {
      onResolve({ filter: /^\.{1,2}\/.*\.js$/ }, ({ path, resolveDir }) => {
        const provider = entryProviding(resolve(resolveDir, path).replace(/\.js$/, ".ts"));
        if (provider === undefined || provider === entry) return null;
        return { path: `${pathBetween(entry, provider)}.cjs`, external: true };
      });
    },
  };
}

/**
 * In a package of `"type": "module"` esbuild takes `import x from "cjs"` as Node's ESM does, where `x` is the whole
 * `module.exports`. In a CommonJS bundle that is wrong for a dependency that marks itself as `__esModule`; imported
 * through a module outside of any package, its `default` is what it says.
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
