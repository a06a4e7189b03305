import { startBash } from "../../languages/bash/kernel.js";
import { startJavaScript, startTypeScript } from "../../languages/javascript/kernel.js";
import { startGo } from "../../languages/go/kernel.js";
import { startJava } from "../../languages/java/kernel.js";
import type { KernelStarter } from "./kernel.js";
import { startPython } from "../../languages/python/kernel.js";

/** What starts the kernel of each language. */
export const STARTERS: Readonly<Partial<Record<string, KernelStarter>>> = {
  python: startPython,
  javascript: startJavaScript,
  typescript: startTypeScript,
  bash: startBash,
  java: startJava,
  go: startGo,
};
