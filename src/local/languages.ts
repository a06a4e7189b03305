import { realpathSync } from "node:fs";
import path from "node:path";
import type { PythonRuntime } from "./python.js";
import type { LanguageConfiguration } from "./supervisor/environment.js";

/** What the languages of a box depend on. */
export interface LanguageOptions {
  readonly python: PythonRuntime | null;
  /** The directory with the kernels' programs, as seen from inside the box. */
  readonly kernels: string;
  readonly ipython: boolean;
}

/** How each language runs in a box, or why it does not. */
export function configureLanguages({
  python,
  kernels,
  ipython,
}: LanguageOptions): Record<string, LanguageConfiguration> {
  const kernel = (file: string) => path.posix.join(kernels, file);
  const node = realpathSync(process.execPath);
  return {
    python:
      python === null
        ? {
            unavailable:
              "no Python 3.8 or newer was found on this machine; install python3 (Debian, Ubuntu: apt-get install python3) and start the local server again",
          }
        : { command: [python.executable, kernel("python.py")], settings: { ipython } },
    javascript: { command: [node, kernel("javascript.mjs")], settings: { typescript: false } },
    typescript: { command: [node, kernel("javascript.mjs")], settings: { typescript: true } },
    bash: { command: ["bash", kernel("bash.sh")] },
    java: { unavailable: "this version of the local server has no kernel for it" },
    go: { unavailable: "this version of the local server has no kernel for it" },
  };
}
