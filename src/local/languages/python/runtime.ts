import os from "node:os";
import path from "node:path";
import type { Candidate, Finder, Runtime } from "../runtime.js";
import { below, onPath, onPathLike, outputOf } from "../search.js";

const SCRIPT = `
import json, platform, sys
assert sys.version_info >= (3, 8)
print(json.dumps([sys.executable, platform.python_version(), sorted({sys.prefix, sys.base_prefix})]))
`;

/** Python: what `python3` means to the user, virtual environments and version managers included, and all others. */
export const pythonFinder: Finder = {
  candidates(): Candidate[] {
    const named = (name: string) => onPath(name).map((executable) => ({ executable, version: undefined }));
    return [
      ...named("python3"),
      ...named("python"),
      ...onPathLike(/^python(3\.\d+)$/),
      ...versionManagers().flatMap((directory) =>
        below(directory, "bin/python3").map(({ executable, name }) => ({
          executable,
          // uv's are called cpython-3.12.1-linux-x86_64-gnu
          version: /\d+\.\d+(?:\.\d+)?/.exec(name)?.[0],
        })),
      ),
    ];
  },

  async probe(executable: string): Promise<Runtime | null> {
    const found: unknown = JSON.parse(await outputOf(executable, ["-c", SCRIPT]));
    if (!Array.isArray(found)) return null;
    const [actual, version, prefixes] = found as unknown[];
    if (typeof actual !== "string" || actual === "" || !Array.isArray(prefixes)) return null;
    return { executable: actual, version: String(version), prefixes: prefixes.map(String) };
  },
};

function versionManagers(): string[] {
  const home = os.homedir();
  return [
    path.join(process.env["PYENV_ROOT"] ?? path.join(home, ".pyenv"), "versions"),
    path.join(home, ".asdf/installs/python"),
    path.join(home, ".local/share/mise/installs/python"),
    path.join(home, ".local/share/uv/python"),
  ];
}
