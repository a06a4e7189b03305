import os from "node:os";
import path from "node:path";
import type { Candidate, Finder, Runtime } from "../runtime.js";
import type { PythonBase } from "./packages.js";
import { below, onPath, onPathLike, outputOf } from "../search.js";

const SCRIPT = `
import glob, importlib.util, json, os, platform, site, sys
assert sys.version_info >= (3, 8)
is_environment = sys.prefix != sys.base_prefix
sites = site.getsitepackages([sys.prefix]) if is_environment else []
sees_system = not is_environment or any(path in sys.path for path in site.getsitepackages([sys.base_prefix]))
if importlib.util.find_spec("pip") is None and importlib.util.find_spec("ensurepip") is not None:
    import ensurepip
    sites += glob.glob(os.path.join(os.path.dirname(ensurepip.__file__), "_bundled", "pip-*.whl"))
print(json.dumps({
    "executable": sys.executable,
    "version": platform.python_version(),
    "prefixes": sorted({sys.prefix, sys.base_prefix}),
    "base": {
        "interpreter": getattr(sys, "_base_executable", None) or sys.executable,
        "series": "%d.%d" % sys.version_info[:2],
        "seesSystem": sees_system,
        "sites": sites,
    },
}))
`;

/** The output of the script. */
interface Probed {
  readonly executable: string;
  readonly version: string;
  readonly prefixes: readonly string[];
  readonly base: PythonBase;
}

/** Finds Python: the user's `python3` first (which may belong to a virtual environment), then all other installations. */
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
          // uv names its directories like cpython-3.12.1-linux-x86_64-gnu.
          version: /\d+\.\d+(?:\.\d+)?/.exec(name)?.[0],
        })),
      ),
    ];
  },

  async probe(executable: string): Promise<Runtime | null> {
    // A program that is not Python fails or prints something else; both reject.
    const {
      executable: actual,
      version,
      prefixes,
      base,
    } = JSON.parse(await outputOf(executable, ["-c", SCRIPT])) as Probed;
    return actual === ""
      ? null
      : { executable: actual, version, prefixes, settings: { base: JSON.stringify(base) } };
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
