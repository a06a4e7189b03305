import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { promisify } from "node:util";
import { rollup } from "rollup";
import { dts } from "rollup-plugin-dts";
import { entries, entryProviding, pathBetween, root } from "./entries.mjs";

// TypeScript 7 is a native program: it takes a fifth of the time of TypeScript 5, which lint and the reports need as a
// library.
const tsc = join(root, "node_modules/typescript-native/bin/tsc");
// ES2022, the minimum for consumers, does not declare `Symbol.asyncDispose`.
const banner = '/// <reference lib="esnext.disposable" />';

/** Bundles the declarations of each entry, one file per format. Resolves to the files of dist/ by path. */
export async function bundleTypes() {
  const directory = mkdtempSync(join(tmpdir(), "declarations-"));
  try {
    await emitDeclarations(directory);
    return await bundleDeclarations(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Writes the declarations of all sources below a directory, in the layout of the project. */
async function emitDeclarations(directory) {
  const config = join(directory, "tsconfig.json");
  writeFileSync(
    config,
    JSON.stringify({
      extends: join(root, "tsconfig.json"),
      compilerOptions: {
        noEmit: false,
        declaration: true,
        emitDeclarationOnly: true,
        // Members marked `@internal` are for the library's own layers; what only these refer to does not appear either.
        stripInternal: true,
        // `npm run typecheck` checks the sources.
        noCheck: true,
        rootDir: root,
        outDir: directory,
        typeRoots: [join(root, "node_modules/@types")],
      },
      files: entries.map(({ source }) => join(root, source)),
      include: [],
    }),
  );
  try {
    await promisify(execFile)(process.execPath, [tsc, "-p", config]);
  } catch (error) {
    // The compiler prints its errors on stdout.
    throw new Error(`The declarations cannot be written:\n${error.stdout}`, { cause: error });
  }
}

async function bundleDeclarations(directory) {
  const files = new Map();
  for (const entry of entries) {
    const providers = new Map();
    const bundle = await rollup({
      input: resolve(directory, entry.source.replace(/\.ts$/, ".d.ts")),
      // What is still imported by name after the bundling is checked below.
      external: (path) => !path.startsWith(".") && !isAbsolute(path),
      plugins: [
        declarations((file) => {
          const provider = entryProviding(resolve(root, relative(directory, file)));
          if (!provider || provider === entry) return undefined;
          const id = `entry:${provider.subpath}`;
          providers.set(id, provider);
          return id;
        }),
        dts({ tsconfig: false }),
      ],
      // A warning may mean an unresolved type, which would reach consumers as `any`.
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

/**
 * Resolves the relative imports of declarations. Imports what another entry declares from there: two
 * declarations of a class would be two types.
 */
function declarations(otherEntry) {
  return {
    name: "declarations",
    resolveId(source, importer) {
      if (importer === undefined || !source.startsWith(".")) return null;
      const file = resolve(dirname(importer), source).replace(/\.js$/, "");
      const other = otherEntry(`${file}.ts`);
      if (other !== undefined) return { id: other, external: true };
      return existsSync(`${file}.d.ts`) ? `${file}.d.ts` : null;
    },
  };
}

function isPeer({ peers }, path) {
  return peers.some((name) => path === name || path.startsWith(`${name}/`));
}
