import type { Language } from "../language.js";
import { onPath, outputOf } from "../search.js";

/** Bash: the first one on the search path. */
export const bash: Language = {
  label: "Bash",
  program: "Bash",
  requirement: { what: "Bash", debian: "bash", fedora: "bash", macos: "bash" },
  kernels: {
    bash: () => ({ command: ["bash", "--noprofile", "--norc", "--noediting", "-i"] }),
  },

  candidates() {
    return onPath("bash").map((executable) => ({ executable, version: undefined }));
  },

  async probe(executable) {
    const version = /version (\d+\.\d+(?:\.\d+)?)/.exec(await outputOf(executable, ["--version"]))?.[1];
    return version === undefined ? null : { executable, version, prefixes: [executable] };
  },
};
