import type { Candidate, Finder, Runtime } from "../runtime.js";
import { onPath, outputOf } from "../search.js";

/** Bash: the first one on the search path. */
export const bashFinder: Finder = {
  candidates(): Candidate[] {
    return onPath("bash").map((executable) => ({ executable, version: undefined }));
  },

  async probe(executable: string): Promise<Runtime | null> {
    const version = /version (\d+\.\d+(?:\.\d+)?)/.exec(await outputOf(executable, ["--version"]))?.[1];
    return version === undefined ? null : { executable, version, prefixes: [executable] };
  },
};
