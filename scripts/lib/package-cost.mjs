// Measures the cost of the package before it is used: its size, and the time to import it.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { root } from "./entries.mjs";

/**
 * Bundles for a browser, so that this fails if the main entry or a dependency imports a module of Node.
 *
 * @returns the size of the main entry with its dependencies, minified and gzipped, in bytes; `all` includes what is
 * loaded only when it is used
 */
export async function mainEntrySize(dist = join(root, "dist"), { all = false } = {}) {
  const { outputFiles } = await build({
    entryPoints: [join(dist, "index.mjs")],
    plugins: all ? [] : [withoutDynamicImports],
    absWorkingDir: root,
    nodePaths: [join(root, "node_modules")],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
    // esbuild warns of chunks that it leaves out, since all of the package is free of side effects.
    logLevel: "error",
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

/** Leaves out what a bundler puts into a file of its own. */
const withoutDynamicImports = {
  name: "without-dynamic-imports",
  setup({ onResolve }) {
    onResolve({ filter: /^/ }, ({ path, kind }) =>
      kind === "dynamic-import" ? { path, external: true } : undefined,
    );
  },
};

/**
 * The three kinds take turns, so that all of them are affected alike if the machine slows down.
 *
 * @returns medians in milliseconds: Node alone, and with the main entry imported or required
 */
export function startTimes({ dist = join(root, "dist"), turns = 20 } = {}) {
  const programs = {
    bare: ["--input-type=module", "--eval", ""],
    esm: [
      "--input-type=module",
      "--eval",
      `import ${JSON.stringify(pathToFileURL(join(dist, "index.mjs")))}`,
    ],
    cjs: ["--input-type=commonjs", "--eval", `require(${JSON.stringify(join(dist, "index.cjs"))})`],
  };
  const times = { bare: [], esm: [], cjs: [] };
  for (let turn = 0; turn < turns; turn += 1) {
    for (const [kind, args] of Object.entries(programs)) {
      const start = performance.now();
      const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
      times[kind].push(performance.now() - start);
      if (status !== 0) throw new Error(`node ${args.join(" ")} failed: ${stderr}`);
    }
  }
  return Object.fromEntries(Object.entries(times).map(([kind, each]) => [kind, median(each)]));
}

function median(values) {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];
}
