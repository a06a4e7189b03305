// Writes the public API of the package to api/: `node scripts/api-report.mjs [--check] [--dir DIR]`. `--check` writes
// nothing; it fails with a diff if the files are not up to date.
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { describeEntries, updateReports } from "./lib/api-report.mjs";
import { bundleTypes } from "./lib/bundle-types.mjs";
import { root } from "./lib/entries.mjs";

const { values: options } = parseArgs({
  options: { check: { type: "boolean", default: false }, dir: { type: "string", default: "api" } },
});
const { exitCode, stdout, stderr } = updateReports(await describeEntries(await bundleTypes()), {
  check: options.check,
  directory: resolve(root, options.dir),
});
process.stdout.write(stdout);
process.stderr.write(stderr);
process.exitCode = exitCode;
