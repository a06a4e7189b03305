import { closeSync, constants, mkdirSync, openSync } from "node:fs";
import { errorCode } from "../wire/problem.js";

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** What {@link openBelow} met instead of a directory or file. */
export class NotBelowError extends Error {
  override readonly name = "NotBelowError";
}

/**
 * Opens a directory or file below an open directory, and creates the directories that are missing. Each part is opened
 * relative to its parent and no link is followed, so that code in a box which exchanges a directory for a link meanwhile
 * cannot lead anywhere else. Linux only.
 *
 * @returns the descriptor, which the caller closes
 * @throws {NotBelowError} if a part is a link, or one before the last is a file
 */
export function openBelow(directory: number, parts: readonly string[]): number {
  let current = openSync(`/proc/self/fd/${directory}/.`, O_RDONLY | O_DIRECTORY);
  for (const [index, part] of parts.entries()) {
    const parent = current;
    try {
      current = openPart(`/proc/self/fd/${parent}/${part}`, index < parts.length - 1);
    } finally {
      closeSync(parent);
    }
  }
  return current;
}

function openPart(path: string, isParent: boolean): number {
  // Without O_NONBLOCK, opening a pipe waits for its writer.
  const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | (isParent ? O_DIRECTORY : 0);
  try {
    return openSync(path, flags);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw asRefusal(error);
  }
  try {
    mkdirSync(path);
  } catch (error) {
    // Somebody else may have just created it.
    if (errorCode(error) !== "EEXIST") throw error;
  }
  try {
    return openSync(path, flags | O_DIRECTORY);
  } catch (error) {
    throw asRefusal(error);
  }
}

function asRefusal(error: unknown): unknown {
  const code = errorCode(error);
  return code === "ELOOP" || code === "ENOTDIR"
    ? new NotBelowError("a part of it is a link or a file")
    : error;
}
