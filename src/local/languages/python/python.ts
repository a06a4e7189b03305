import path from "node:path";
import type { Language } from "../language.js";
import { pythonFinder } from "./runtime.js";

export const python: Language = {
  ...pythonFinder,
  label: "Python",
  program: "Python",
  version: { variable: "PYTHON_VERSION", of: "Python" },
  requirement: { what: "Python 3.8 or newer", debian: "python3", fedora: "python3", macos: "python" },
  kernels: {
    python: ({ settings }, { kernels, temporary, ipython }) => {
      const environment = environmentIn(temporary);
      return {
        command: [path.posix.join(environment, "bin/python"), path.posix.join(kernels, "python.py")],
        settings: { ...settings, ipython, environment },
      };
    },
  },
  environment: ({ temporary, path: searchPath }) => {
    const environment = environmentIn(temporary);
    return { VIRTUAL_ENV: environment, PATH: `${environment}/bin:${searchPath}` };
  },
};

/** The virtual environment that `pip` installs into. */
function environmentIn(temporary: string): string {
  return path.posix.join(temporary, ".python");
}
