// Joins the chunks that the main entry always loads: opening two dozen files takes most of the time of its import.
import { join, posix, relative, resolve } from "node:path";
import { build } from "esbuild";

/** Returns an output with all outputs that are loaded together with it. */
export function loadedWith(start, outputs, inDist) {
  const loaded = new Set([start]);
  for (const path of loaded) {
    for (const { path: imported, kind, external } of outputs.get(path).imports) {
      if (!external && kind !== "dynamic-import") loaded.add(inDist(imported));
    }
  }
  return loaded;
}

/**
 * Joins chunks to `chunks/core.mjs`, what all facades load, and one file for each facade, so that a bundler can still
 * leave out a facade that is not used. Changes `files`, the texts of dist/ by path.
 *
 * @param closures the chunks that each facade loads, by its name; what two facades load belongs to the first one
 */
export async function joinChunks(files, { closures, outputs, mainEntry, options }) {
  const [first, ...others] = Object.values(closures);
  const groups = { core: first.filter((path) => others.every((closure) => closure.includes(path))) };
  for (const [name, closure] of Object.entries(closures)) {
    const taken = Object.values(groups).flat();
    groups[name] = closure.filter((path) => !taken.includes(path));
  }
  const joined = new Map();
  for (const [name, paths] of Object.entries(groups)) {
    assertUnique(paths.flatMap((path) => outputs.get(path).exports));
    for (const path of paths) joined.set(path, `chunks/${name}.mjs`);
  }
  const bundles = Object.entries(groups).map(([name, paths]) => {
    const contents = paths.map((path) => `export * from "./${posix.basename(path)}";\n`).join("");
    return bundleParts(`chunks/${name}.mjs`, contents, { files, joined, options });
  });
  const main = `${mainEntry}.mjs`;
  bundles.push(bundleParts(main, files.get(main), { files, joined, options }));
  const results = (await Promise.all(bundles)).flat();
  for (const path of joined.keys()) {
    files.delete(path);
    files.delete(`${path}.map`);
  }
  const isHelpers = (path) => outputs.has(path) && Object.keys(outputs.get(path).inputs).length === 0;
  for (const [path, text] of files) {
    if (path.endsWith(".mjs")) files.set(path, withJoinedPaths(text, { joined, isHelpers }));
  }
  for (const { path, text } of results) {
    // The main entry has only imports, and so an empty source map.
    if (path !== `${main}.map`) files.set(path, text);
  }
}

/** Bundles a file of dist/ with its parts: the chunks that are joined to it. All other files stay imports. */
async function bundleParts(output, contents, { files, joined, options }) {
  const { outdir } = options;
  const inDist = (path) => relative(outdir, path).replaceAll("\\", "/");
  const parts = {
    name: "parts",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
        const file = inDist(resolve(resolveDir, path));
        if (joined.get(file) === output) return { path: join(outdir, file), sideEffects: false };
        const imported = posix.relative(posix.dirname(output), joined.get(file) ?? file);
        // What is imported for its side effects alone has none.
        return { path: imported.replace(/^(?!\.)/, "./"), external: true, sideEffects: false };
      });
      // Not by `packages: "external"`, which needs the directory of the importing file: dist/ may not exist yet.
      onResolve({ filter: /^[^./]/ }, ({ path }) => ({ path, external: true }));
      onLoad({ filter: /\.mjs$/ }, ({ path }) => ({ contents: withMap(inDist(path), files) }));
    },
  };
  const { outputFiles } = await build({
    ...options,
    format: "esm",
    stdin: { contents, resolveDir: join(outdir, posix.dirname(output)), sourcefile: output },
    outdir: undefined,
    outfile: join(outdir, output),
    plugins: [parts],
  });
  return outputFiles.map(({ path, text }) => ({ path: inDist(path), text }));
}

/** Returns the text of a file with its source map inside. */
function withMap(path, files) {
  const map = Buffer.from(files.get(`${path}.map`)).toString("base64");
  const [text] = files.get(path).split("//# sourceMappingURL=");
  return `${text}//# sourceMappingURL=data:application/json;base64,${map}`;
}

/** Imports what is joined from where it is now. Empties imports of nothing, whose lines stay for the source map. */
function withJoinedPaths(text, { joined, isHelpers }) {
  return text
    .replace(/^import "\.\.?\/(?:chunks\/)?([\w-]+\.mjs)";$/gm, (statement, name) =>
      joined.has(`chunks/${name}`) || isHelpers(`chunks/${name}`) ? "" : statement,
    )
    .replace(/\bchunk-\w+\.mjs(?=")/g, (name) => posix.basename(joined.get(`chunks/${name}`) ?? name));
}

function assertUnique(names) {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  // Otherwise `export *` would drop both.
  if (twice !== undefined)
    throw new Error(`Two modules of the main entry export "${twice}": rename one of them.`);
}
