import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";

/** What a writable environment over a Python needs to know of it; it comes from the probe of the interpreter. */
export interface PythonBase {
  /** The interpreter itself, not that of a virtual environment. */
  readonly interpreter: string;
  /** `3.12` */
  readonly series: string;
  /** Whether packages of the system and of the user are visible. */
  readonly seesSystem: boolean;
  /** The directories with packages of the virtual environment, if it is one, and the wheel of pip where it has none. */
  readonly sites: readonly string[];
}

/** `pip` by the name of a program. */
const PIP = `#!/bin/sh
exec "\${0%/*}/python" -m pip "$@"
`;

/**
 * Makes a virtual environment over a Python, so that `pip install` works in a sandbox although the machine's own Python
 * is read-only there. It takes a few small files, where `python -m venv` takes a second.
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
  // With the `.pth` files in these directories, which a path alone would not read.
  const lines = sites.map((site) =>
    site.endsWith(".whl") ? site : `import site; site.addsitedir(${JSON.stringify(site)})`,
  );
  writeFileSync(path.join(packages, "base-environment.pth"), `${lines.join("\n")}\n`);
  // Last: what is made by half is made again.
  writeFileSync(file, configuration);
}

function readOrNothing(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
