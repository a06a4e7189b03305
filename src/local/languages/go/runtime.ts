import { readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { goCacheDirectory } from "./cache.js";
import type { Candidate, Finder, Runtime } from "../runtime.js";
import { below, onPath, outputOf, realPathOf } from "../search.js";

/** Finds Go: the user's `go` first, then all other installations. */
export const goFinder: Finder = {
  candidates(): Candidate[] {
    const unnamed = [...onPath("go"), "/usr/local/go/bin/go"];
    return [
      ...unnamed.map((executable) => ({ executable, version: undefined })),
      ...collections().flatMap(([directory, program]) =>
        below(directory, program).map(({ executable, name }) => ({
          executable,
          version: /\d+(?:\.\d+)*/.exec(name)?.[0],
        })),
      ),
    ];
  },

  async probe(executable: string): Promise<Runtime | null> {
    // The installed version, not one that a go.mod above this directory would make Go download.
    const root = (await outputOf(executable, ["env", "GOROOT"], { GOTOOLCHAIN: "local" })).trim();
    if (!path.isAbsolute(root)) return null;
    const actual = realPathOf(path.join(root, "bin/go"));
    const version = /^go(\S+)/.exec(readFileSync(path.join(root, "VERSION"), "utf8"))?.[1];
    // Debian's GOROOT is a tree of links to /usr/share.
    return version === undefined
      ? null
      : { executable: actual, version, prefixes: [realPathOf(root), goCacheDirectory(version)] };
  },
};

function collections(): [directory: string, program: string][] {
  const home = os.homedir();
  return [
    [path.join(home, "sdk"), "bin/go"],
    ["/usr/lib", "bin/go"],
    [path.join(home, ".asdf/installs/golang"), "go/bin/go"],
    [path.join(home, ".local/share/mise/installs/go"), "bin/go"],
    [path.join(process.env["GOENV_ROOT"] ?? path.join(home, ".goenv"), "versions"), "bin/go"],
  ];
}
