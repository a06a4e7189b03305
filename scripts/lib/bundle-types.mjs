import { isBuiltin } from "node:module";
import { resolve } from "node:path";
import { rollup } from "rollup";
import { dts } from "rollup-plugin-dts";
import { root, sources } from "./entries.mjs";

const ERRORS = "errors-of-main-entry";

// `Symbol.asyncDispose` is not part of ES2022, which is all that a consumer may have asked for.
const banner = '/// <reference lib="esnext.disposable" />';

/** One declaration file per entry and format; resolves to the files of dist/, by path. */
export async function bundleTypes() {
  const files = new Map();
  for (const [name, source, toMainEntry] of [
    ["index", sources.main, undefined],
    ["local/index", sources.local, "../index"],
  ]) {
    const bundle = await rollup({
      input: resolve(root, source),
      external: isBuiltin,
      plugins: [toMainEntry && errorsOfMainEntry(), types()],
      // A warning is a type that was not found, say, and would reach the consumer as `any`.
      onwarn: (warning) => {
        throw new Error(warning.message);
      },
    });
    for (const format of ["mjs", "cjs"]) {
      const { output } = await bundle.generate({ banner, paths: { [ERRORS]: `${toMainEntry}.${format}` } });
      if (output.length !== 1)
        throw new Error(`${source} was to give one declaration file, not ${output.length}.`);
      const mayImport = (path) =>
        toMainEntry !== undefined && (isBuiltin(path) || path.startsWith(toMainEntry));
      const forbidden = output[0].imports.filter((path) => !mayImport(path));
      if (forbidden.length > 0)
        throw new Error(`The types of ${source} must not import ${forbidden.join(", ")}`);
      files.set(`${name}.d.${format.replace("js", "ts")}`, output[0].code);
    }
    await bundle.close();
  }
  return files;
}

/** Members marked `@internal` are for the library's own layers; what only these refer to does not appear either. */
const types = () =>
  dts({ tsconfig: resolve(root, "tsconfig.json"), compilerOptions: { stripInternal: true } });

/** The classes of the errors are declared once, by the main entry: two declarations would be two types. */
function errorsOfMainEntry() {
  const errors = resolve(root, sources.errors);
  return {
    name: ERRORS,
    async resolveId(source, importer, options) {
      if (importer === undefined) return null;
      const resolved = await this.resolve(source, importer, options);
      return resolved?.id === errors ? { id: ERRORS, external: true } : null;
    },
  };
}
