import { lstatSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { startTimeOf } from "./processes.js";
import { removeTree } from "./removal.js";

const PREFIX = "opensandbox-";
const OWNER_FILE = "owner.json";

/** Makes a server's own directory, private, and marks it as this process's. */
export function makeServerDirectory(): string {
  const directory = mkdtempSync(path.join(os.tmpdir(), PREFIX));
  const owner = { pid: process.pid, startTime: startTimeOf(process.pid) ?? null };
  writeFileSync(path.join(directory, OWNER_FILE), JSON.stringify(owner), { mode: 0o600 });
  return directory;
}

/**
 * Removes what servers left behind whose process was killed before it could. Their boxes have ended with them; their
 * files have not.
 */
export async function sweepStaleDirectories(): Promise<void> {
  const parent = os.tmpdir();
  const stale = readdirSync(parent)
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => path.join(parent, name))
    .filter(isStale);
  // One that cannot be removed now is no reason not to start; the next server tries again.
  await Promise.allSettled(stale.map(removeTree));
}

function isStale(directory: string): boolean {
  try {
    const { uid } = lstatSync(directory);
    // In a directory that everybody may write to, the names are anybody's.
    if (process.getuid !== undefined && uid !== process.getuid()) return false;
    const owner: unknown = JSON.parse(readFileSync(path.join(directory, OWNER_FILE), "utf8"));
    return isOwner(owner) && !isRunning(owner);
  } catch {
    return false; // not a server's, or being removed by its own
  }
}

interface Owner {
  readonly pid: number;
  readonly startTime: string | null;
}

function isOwner(value: unknown): value is Owner {
  return (
    typeof value === "object" &&
    value !== null &&
    "pid" in value &&
    typeof value.pid === "number" &&
    "startTime" in value &&
    (value.startTime === null || typeof value.startTime === "string")
  );
}

/** A number alone says little: the kernel gives it to another process in time. */
function isRunning({ pid, startTime }: Owner): boolean {
  if (startTime !== null) return startTimeOf(pid) === startTime;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return typeof error === "object" && error !== null && "code" in error && error.code === "EPERM";
  }
}
