import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { SandboxException } from "../../errors.js";

/** The files that the local server needs beside its own code. */
export interface Assets {
  /** The bundled program that runs inside a box. */
  readonly supervisor: string;
  /** The directory with the kernels' programs. */
  readonly kernels: string;
}

/**
 * Finds the built assets: beside this module where it is built itself, else (in the sources) where the build puts them.
 *
 * @throws {SandboxException} `LOCAL_SERVER_INCOMPLETE` where there are none
 */
export function resolveAssets(): Assets {
  const here = path.dirname(fileURLToPath(import.meta.url));
  const candidates = [here, path.resolve(here, "../../../dist/local")];
  for (const directory of candidates) {
    const supervisor = path.join(directory, "supervisor.mjs");
    if (existsSync(supervisor)) return { supervisor, kernels: path.join(directory, "kernels") };
  }
  throw new SandboxException({
    code: "LOCAL_SERVER_INCOMPLETE",
    message: `The local server's files are missing: no supervisor.mjs in ${candidates.join(" or ")}. In a clone, run "npm run build" first; else reinstall the package.`,
  });
}
