import { startBash } from "./bash.js";
import { startJavaScript, startTypeScript } from "./javascript.js";
import { startGo } from "./go.js";
import { startJava } from "./java.js";
import type { KernelStarter } from "./kernel.js";
import { startPython } from "./python.js";

/** What starts the kernel of each language. */
export const STARTERS: Readonly<Partial<Record<string, KernelStarter>>> = {
  python: startPython,
  javascript: startJavaScript,
  typescript: startTypeScript,
  bash: startBash,
  java: startJava,
  go: startGo,
};
