import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import os from "node:os";
import path from "node:path";

/**
 * Returns a new name in the supervisor's directory for temporary files. Creates the directory each time, because code
 * in the sandbox may empty /tmp, and commands must continue to work.
 */
export function privateFile(suffix: string): string {
  const directory = path.join(os.tmpdir(), "opensandbox-execd");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return path.join(directory, `${randomBytes(12).toString("hex")}.${suffix}`);
}
