import { isBuiltin } from "node:module";
import { resolve } from "node:path";
import { rollup } from "rollup";
import { dts } from "rollup-plugin-dts";
import { entries, entryProviding, pathBetween, root } from "./entries.mjs";

// `Symbol.asyncDispose` is not part of ES2022, which is all that a consumer may have asked for.
const banner = '/// <reference lib="esnext.disposable" />';

/** Bundles the declarations of each entry, one file per format; resolves to the files of dist/, by path. */
export async function bundleTypes() {
  const files = new Map();
  for (const entry of entries) {
    const providers = new Map();
    const bundle = await rollup({
      input: resolve(root, entry.source),
      external: (path) => isBuiltin(path) || isPeer(entry, path),
      plugins: [otherEntries(entry, providers), types()],
      // A warning is a type that was not found, say, and would reach the consumer as `any`.
      onwarn: (warning) => {
        throw new Error(warning.message);
      },
    });
    for (const format of entry.formats) {
      const extension = format === "esm" ? "mjs" : "cjs";
      const paths = (id) =>
        providers.has(id) ? `${pathBetween(entry, providers.get(id))}.${extension}` : id;
      const { output } = await bundle.generate({ banner, paths });
      if (output.length !== 1)
        throw new Error(`Expected one file with the declarations of ${entry.source}; got ${output.length}.`);
      const provided = new Set([...providers.keys()].map(paths));
      const mayImport = (id) => provided.has(id) || isPeer(entry, id) || (entry.node && isBuiltin(id));
      const forbidden = output[0].imports.filter((id) => !mayImport(id));
      if (forbidden.length > 0)
        throw new Error(`The declarations of ${entry.source} must not import ${forbidden.join(", ")}.`);
      files.set(`${entry.output}.d.${extension.replace("js", "ts")}`, output[0].code);
    }
    await bundle.close();
  }
  return files;
}

/** Members marked `@internal` are for the library's own layers; what only these refer to does not appear either. */
const types = () =>
  dts({ tsconfig: resolve(root, "tsconfig.json"), compilerOptions: { stripInternal: true } });

/** What another entry declares is imported from there: two declarations of a class would be two types. */
function otherEntries(entry, providers) {
  return {
    name: "other-entries",
    async resolveId(source, importer, options) {
      if (importer === undefined) return null;
      const resolved = await this.resolve(source, importer, options);
      const provider = resolved && entryProviding(resolved.id);
      if (!provider || provider === entry) return null;
      const id = `entry:${provider.subpath}`;
      providers.set(id, provider);
      return { id, external: true };
    },
  };
}

function isPeer({ peers }, path) {
  return peers.some((name) => path === name || path.startsWith(`${name}/`));
}
