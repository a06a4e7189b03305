import { startBash } from "../../languages/bash/kernel.js";
import { startGo } from "../../languages/go/kernel.js";
import { startJava } from "../../languages/java/kernel.js";
import { startJavaScript, startTypeScript } from "../../languages/javascript/kernel.js";
import { startPython } from "../../languages/python/kernel.js";
import type { KernelStarter } from "./kernel.js";

/** The function that starts a kernel, by the language's name on the wire. */
export const STARTERS: Readonly<Partial<Record<string, KernelStarter>>> = {
  python: startPython,
  java: startJava,
  javascript: startJavaScript,
  typescript: startTypeScript,
  go: startGo,
  bash: startBash,
};
