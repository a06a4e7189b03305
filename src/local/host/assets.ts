import { existsSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { SandboxException } from "../../errors.js";

/** The files that the local server needs besides its own code. */
export interface Assets {
  /** The bundled program that runs inside a box. */
  readonly supervisor: string;
  /** The directory of the kernel programs. */
  readonly kernels: string;
  /** The directory of the page for `serve --ui`. */
  readonly playground: string;
}

/** Returns a directory of the user's cache for what all local servers and sandboxes share. It may not exist yet. */
export function cacheDirectory(name: string): string {
  const base = process.env["XDG_CACHE_HOME"];
  const caches = base !== undefined && path.isAbsolute(base) ? base : path.join(os.homedir(), ".cache");
  return path.join(caches, "opensandbox-code-interpreter", name);
}

/**
 * Finds the built assets in `dist/local`, whether this module runs from `dist` or from its source.
 *
 * @throws {SandboxException} `LOCAL_SERVER_INCOMPLETE` if they are missing
 */
export function resolveAssets(): Assets {
  // Undefined if a bundler converted this module to CommonJS.
  const url = import.meta.url as string | undefined;
  const here = url?.startsWith("file:") === true ? path.dirname(fileURLToPath(url)) : ".";
  const candidates = ["../local", "../../../dist/local"].map((directory) => path.resolve(here, directory));
  for (const directory of candidates) {
    const supervisor = path.join(directory, "supervisor.mjs");
    if (existsSync(supervisor))
      return {
        supervisor,
        kernels: path.join(directory, "kernels"),
        playground: path.join(directory, "playground"),
      };
  }
  throw new SandboxException({
    code: "LOCAL_SERVER_INCOMPLETE",
    message: `The local server cannot find its files: no supervisor.mjs in ${candidates.join(" or ")}. If a bundler put the local server into your program, mark "opensandbox-code-interpreter" as external (esbuild "external", webpack "externals", Vite "ssr.external", Next.js "serverExternalPackages"). In a clone of the repository, run "npm run build" first.`,
  });
}
