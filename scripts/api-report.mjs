// Writes the public API of the package to api/: `node scripts/api-report.mjs [--check] [--dir DIR]`. `--check` writes
// nothing; it fails with a diff if the files are not up to date.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix, resolve } from "node:path";
import { parseArgs } from "node:util";
import { describeApi } from "./lib/api-report.mjs";
import { bundleTypes } from "./lib/bundle-types.mjs";
import { entries, root } from "./lib/entries.mjs";

const { values: options } = parseArgs({
  options: { check: { type: "boolean", default: false }, dir: { type: "string", default: "api" } },
});
const directory = resolve(root, options.dir);

const types = await bundleTypes();
const reports = await Promise.all(
  entries.map(async ({ subpath, output }) => [
    `${subpath === "." ? "index" : subpath.slice(2)}.api.md`,
    await describeApi(posix.join("opensandbox-code-interpreter", subpath), types.get(`${output}.d.mts`)),
  ]),
);
const changed = reports.filter(([file, report]) => read(join(directory, file)) !== report);

if (options.check) {
  for (const [file, report] of changed) showDifference(file, report);
  if (changed.length > 0) {
    console.error(
      `\nThe API differs from ${options.dir}/. If the change is intended, run npm run api and commit it.`,
    );
    process.exitCode = 1;
  } else console.log(`The API matches ${options.dir}/.`);
} else {
  mkdirSync(directory, { recursive: true });
  for (const [file, report] of changed) writeFileSync(join(directory, file), report);
  const names = changed.map(([file]) => file).join(", ");
  console.log(changed.length === 0 ? "The API has not changed." : `Changed in ${options.dir}/: ${names}`);
}

function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

function showDifference(file, report) {
  const temporary = mkdtempSync(join(tmpdir(), "api-"));
  try {
    // The diff names the files by short relative paths.
    mkdirSync(join(temporary, "committed"));
    mkdirSync(join(temporary, "now"));
    writeFileSync(join(temporary, "committed", file), read(join(directory, file)) ?? "");
    writeFileSync(join(temporary, "now", file), report);
    const paths = [`committed/${file}`, `now/${file}`];
    const { stdout, error } = spawnSync(
      "git",
      ["diff", "--no-index", "--no-color", "--no-prefix", ...paths],
      {
        cwd: temporary,
        encoding: "utf8",
      },
    );
    console.error(error === undefined ? stdout : `${file} has changed. Install git to see how.`);
  } finally {
    rmSync(temporary, { recursive: true });
  }
}
