import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";

/** The Python that a writable environment extends, as the probe of the interpreter describes it. */
export interface PythonBase {
  /** The base interpreter, not the one of a virtual environment. */
  readonly interpreter: string;
  /** The version without the patch number, such as `3.12`. */
  readonly series: string;
  /** Whether it sees the packages of the system and of the user. */
  readonly seesSystem: boolean;
  /** The package directories of a virtual environment, and the bundled wheel of pip if pip is not installed. */
  readonly sites: readonly string[];
}

/** The program `pip`. */
const PIP = `#!/bin/sh
exec "\${0%/*}/python" -m pip "$@"
`;

/**
 * Creates a virtual environment on top of a Python, so that `pip install` works in a sandbox although the machine's own
 * Python is read-only there. A few small files suffice; `python -m venv` would take a second.
 */
export function makeEnvironment(
  directory: string,
  { interpreter, series, seesSystem, sites }: PythonBase,
): void {
  const configuration = [
    `home = ${path.dirname(interpreter)}`,
    `include-system-site-packages = ${String(seesSystem)}`,
    `version = ${series}`,
    `executable = ${interpreter}`,
    "",
  ].join("\n");
  const file = path.join(directory, "pyvenv.cfg");
  if (readOrNothing(file) === configuration) return;
  const bin = path.join(directory, "bin");
  const packages = path.join(directory, "lib", `python${series}`, "site-packages");
  for (const created of [bin, packages]) mkdirSync(created, { recursive: true });
  for (const name of ["python", "python3", `python${series}`]) {
    rmSync(path.join(bin, name), { force: true });
    symlinkSync(interpreter, path.join(bin, name));
  }
  for (const name of ["pip", "pip3"]) writeFileSync(path.join(bin, name), PIP, { mode: 0o755 });
  // `addsitedir` also reads the `.pth` files in these directories; a plain path would not.
  const lines = sites.map((site) =>
    site.endsWith(".whl") ? site : `import site; site.addsitedir(${JSON.stringify(site)})`,
  );
  writeFileSync(path.join(packages, "base-environment.pth"), `${lines.join("\n")}\n`);
  // Written last, so that an incomplete environment is created again.
  writeFileSync(file, configuration);
}

function readOrNothing(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
