import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** A Python of this machine. */
export interface PythonRuntime {
  readonly executable: string;
  /** The directories that hold its programs and libraries. */
  readonly prefixes: readonly string[];
}

const SCRIPT = `
import json, sys
assert sys.version_info >= (3, 8)
print(json.dumps([sys.executable, sorted({sys.prefix, sys.base_prefix})]))
`;

/**
 * Finds the Python that `python3` means to the user, virtual environments and version managers included.
 *
 * @returns null where there is none of version 3.8 or newer
 */
export async function findPython(): Promise<PythonRuntime | null> {
  for (const command of ["python3", "python"]) {
    try {
      const { stdout } = await promisify(execFile)(command, ["-c", SCRIPT], { timeout: 20_000 });
      const found: unknown = JSON.parse(stdout);
      if (!Array.isArray(found)) continue;
      const [executable, prefixes] = found as unknown[];
      if (typeof executable !== "string" || executable === "" || !Array.isArray(prefixes)) continue;
      return { executable, prefixes: prefixes.map(String) };
    } catch {
      // Not installed, too old, or a stub that only says how to install it: the next name may do.
    }
  }
  return null;
}
