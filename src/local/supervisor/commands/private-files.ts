import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import os from "node:os";
import path from "node:path";

/**
 * A new name in the supervisor's own directory for temporary files. It is made again each time: code in the sandbox may
 * empty /tmp, and commands must go on to work.
 */
export function privateFile(suffix: string): string {
  const directory = path.join(os.tmpdir(), "opensandbox-execd");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return path.join(directory, `${randomBytes(12).toString("hex")}.${suffix}`);
}
