import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { root } from "./entries.mjs";

/**
 * Makes `outdir` contain exactly `files` (path in it → contents) and the files for which `keeps` returns true. Each file
 * is replaced in one step and only if it changed, since a local server may be reading it.
 */
export function writeOutputs(outdir, files, { keeps }) {
  const directory = resolve(root, outdir);
  let changed = 0;
  for (const [path, contents] of files) {
    const target = join(directory, path);
    const bytes = Buffer.from(contents);
    if (existsSync(target) && readFileSync(target).equals(bytes)) continue;
    mkdirSync(dirname(target), { recursive: true });
    const fresh = `${target}.${process.pid}.tmp`;
    writeFileSync(fresh, bytes);
    if (bytes.toString("latin1", 0, 2) === "#!") chmodSync(fresh, 0o755);
    renameSync(fresh, target);
    changed += 1;
  }
  for (const path of filesBelow(directory)) {
    // A build that runs at the same time is about to rename its temporary files.
    if (!files.has(path) && !keeps(path) && !path.endsWith(".tmp"))
      rmSync(join(directory, path), { force: true });
  }
  return { total: files.size, changed };
}

function filesBelow(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)).split(sep).join("/"));
}
