import { realpathSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Candidate, Finder, Runtime } from "../runtime.js";
import { below, onPath, outputOf, realPathOf } from "../search.js";

// The oldest version that this package supports and whose inspector the kernel was tested with.
const OLDEST_MAJOR = 20;

/** Finds Node: the one that runs this server first, then all other installations. */
export const nodeFinder: Finder = {
  candidates(): Candidate[] {
    return [
      { executable: realpathSync(process.execPath), version: process.versions.node },
      ...onPath("node").map((executable) => ({ executable, version: undefined })),
      ...versionManagers().flatMap(([directory, program]) =>
        below(directory, program).map(({ executable, name }) => ({ executable, version: name })),
      ),
    ];
  },

  async probe(executable: string): Promise<Runtime | null> {
    const actual = realPathOf(executable);
    const version =
      actual === realpathSync(process.execPath)
        ? process.versions.node
        : (await outputOf(actual, ["--version"])).trim().replace(/^v/, "");
    if (!(Number.parseInt(version, 10) >= OLDEST_MAJOR)) return null;
    return { executable: actual, version, prefixes: [actual] };
  },
};

function versionManagers(): [directory: string, program: string][] {
  const home = os.homedir();
  return [
    [path.join(process.env["NVM_DIR"] ?? path.join(home, ".nvm"), "versions/node"), "bin/node"],
    [path.join(home, ".local/share/fnm/node-versions"), "installation/bin/node"],
    [path.join(home, ".volta/tools/image/node"), "bin/node"],
    [path.join(home, ".asdf/installs/nodejs"), "bin/node"],
    [path.join(home, ".local/share/mise/installs/node"), "bin/node"],
    [path.join(process.env["N_PREFIX"] ?? "/usr/local", "n/versions/node"), "bin/node"],
  ];
}
