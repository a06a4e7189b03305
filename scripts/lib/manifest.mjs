// The parts of package.json that follow from the table of entries.
import { writeFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { join } from "node:path";
import { commands, entries, mainEntry, readManifest, root } from "./entries.mjs";

/** Fails if package.json does not offer exactly what is built. */
export function checkManifest() {
  const manifest = readManifest();
  const expected = expectedParts();
  // The order of conditions matters to resolvers, so the text is compared.
  const differing = Object.keys(expected).filter(
    (key) => JSON.stringify(manifest[key]) !== JSON.stringify(expected[key]),
  );
  const peers = new Set(entries.flatMap((entry) => entry.peers));
  const declared = Object.keys(manifest.peerDependencies ?? {});
  if (differing.length > 0) {
    throw new Error(
      `package.json does not match scripts/lib/entries.mjs in ${differing.join(", ")}. Run: npm run build -- --exports`,
    );
  }
  if (!isDeepStrictEqual([...peers].sort(), declared.sort()))
    throw new Error(
      `The peers in scripts/lib/entries.mjs (${[...peers].join(", ")}) are not the peerDependencies of package.json (${declared.join(", ")}).`,
    );
  for (const name of peers) {
    if (manifest.peerDependenciesMeta?.[name]?.optional !== true)
      throw new Error(`${name} must be optional in the peerDependenciesMeta of package.json.`);
  }
}

/** Writes what {@link checkManifest} expects to package.json. */
export function writeManifest() {
  const manifest = { ...readManifest(), ...expectedParts() };
  writeFileSync(join(root, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

function expectedParts() {
  return {
    bin: Object.fromEntries(commands.names.map((name) => [name, `./dist/${commands.output}.mjs`])),
    main: `./dist/${mainEntry.output}.cjs`,
    module: `./dist/${mainEntry.output}.mjs`,
    types: declarations(mainEntry),
    exports: {
      ...Object.fromEntries(entries.map((entry) => [entry.subpath, conditions(entry)])),
      "./package.json": "./package.json",
    },
    // For `moduleResolution: node10`, which does not read `exports`.
    typesVersions: {
      "*": Object.fromEntries(
        entries
          .filter((entry) => entry !== mainEntry)
          .map((entry) => [entry.subpath.slice(2), [declarations(entry)]]),
      ),
    },
  };
}

function conditions({ output, formats }) {
  const esm = { types: `./dist/${output}.d.mts`, default: `./dist/${output}.mjs` };
  if (!formats.includes("cjs")) return esm;
  return {
    import: esm,
    require: { types: `./dist/${output}.d.cts`, default: `./dist/${output}.cjs` },
  };
}

function declarations({ output, formats }) {
  return `./dist/${output}.d.${formats.includes("cjs") ? "cts" : "mts"}`;
}
