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
  const joinedPaths = new Map(
    Object.entries(groups).flatMap(([name, paths]) => paths.map((path) => [path, `chunks/${name}.mjs`])),
  );
  const entries = Object.entries(groups).map(([name, paths]) => ({
    output: `chunks/${name}`,
    text: paths.map((path) => `export * from "./${posix.basename(path)}";\n`).join(""),
    isPart: (path) => paths.includes(path),
    names: paths.flatMap((path) => outputs.get(path).exports),
  }));
  entries.push({ output: mainEntry, text: files.get(`${mainEntry}.mjs`), isPart: () => false, names: [] });
  const joined = await Promise.all(entries.map((entry) => joinOne(entry, { files, joinedPaths, options })));
  for (const path of joinedPaths.keys()) {
    files.delete(path);
    files.delete(`${path}.map`);
  }
  for (const [path, text] of files) {
    if (path.endsWith(".mjs")) files.set(path, withJoinedPaths(text, joinedPaths));
  }
  for (const { path, text } of joined.flat()) files.set(path, text);
}

async function joinOne({ output, text, isPart, names }, { files, joinedPaths, options }) {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`Two modules of ${output} export "${twice}": rename one of them.`);
  const inDist = (path) => relative(options.outdir, path).replaceAll("\\", "/");
  const start = join(options.outdir, `${output}.mjs`);
  const { outputFiles } = await build({
    ...options,
    format: "esm",
    packages: "external",
    stdin: { contents: text, resolveDir: resolve(start, "..") },
    outdir: undefined,
    outfile: start,
    plugins: [
      {
        name: "chunks",
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^\./ }, ({ path, kind, resolveDir }) => {
            const file = inDist(resolve(resolveDir, path));
            if (kind !== "dynamic-import" && isPart(file))
              return { path: resolve(resolveDir, path), sideEffects: false };
            const target = joinedPaths.get(file) ?? file;
            const from = posix.relative(posix.dirname(output), target);
            return { path: from.startsWith("../") ? from : `./${from}`, external: true, sideEffects: false };
          });
          onLoad({ filter: /\.mjs$/ }, ({ path }) => {
            const map = Buffer.from(files.get(`${inDist(path)}.map`)).toString("base64");
            const contents = files.get(inDist(path)).replace(/^\/\/# sourceMappingURL=.*$/m, "");
            return { contents: `${contents}//# sourceMappingURL=data:application/json;base64,${map}` };
          });
        },
      },
    ],
  });
  return outputFiles.map(({ path, text }) => ({ path: inDist(path), text }));
}

function withJoinedPaths(text, joinedPaths) {
  return text.replace(/\bchunk-\w+\.mjs(?=")/g, (name) =>
    posix.basename(joinedPaths.get(`chunks/${name}`) ?? name),
  );
}
