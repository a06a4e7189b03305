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
  /** The directory with the page of `serve --ui`. */
  readonly playground: string;
}

/**
 * Finds the built assets in `dist/local`, from wherever in `dist` the build puts this module, or from its source.
 *
 * @throws {SandboxException} `LOCAL_SERVER_INCOMPLETE` if they are missing
 */
export function resolveAssets(): Assets {
  const here = path.dirname(fileURLToPath(import.meta.url));
  const candidates = ["../local", "../../../dist/local"].map((directory) => path.resolve(here, directory));
  for (const directory of candidates) {
    const supervisor = path.join(directory, "supervisor.mjs");
    if (existsSync(supervisor)) return { supervisor, kernels: path.join(directory, "kernels"), playground: path.join(directory, "playground") };
  }
  throw new SandboxException({
    code: "LOCAL_SERVER_INCOMPLETE",
    message: `The local server's files are missing: no supervisor.mjs in ${candidates.join(" or ")}. In a clone, run "npm run build" first; else reinstall the package.`,
  });
}
