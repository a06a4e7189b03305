import type { KernelStarter } from "./kernel.js";
import { startPython } from "./python.js";

/** What starts the kernel of each language. */
export const STARTERS: Readonly<Partial<Record<string, KernelStarter>>> = {
  python: startPython,
};
