import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { configurationDirectory } from "../configuration.js";

/** The number of lines to keep. */
export const HISTORY_SIZE = 1_000;

function historyFile(): string {
  return path.join(configurationDirectory(), "repl-history");
}

/** Reads the lines of earlier sessions, the newest first. */
export function readHistory(): string[] {
  try {
    return readFileSync(historyFile(), "utf8").split("\n").filter(Boolean).reverse();
  } catch {
    return [];
  }
}

/** Saves lines, the newest first, for later sessions. If that fails, the session continues without it. */
export function writeHistory(lines: readonly string[]): void {
  try {
    mkdirSync(configurationDirectory(), { recursive: true, mode: 0o700 });
    writeFileSync(historyFile(), `${lines.toReversed().join("\n")}\n`, { mode: 0o600 });
  } catch {
    // The home directory is not writable.
  }
}
