import { closeSync, constants, openSync } from "node:fs";
import path from "node:path";
import { SandboxException } from "../../../errors.js";
import { openBelow } from "../../host/below.js";
import { messageOf } from "../../wire/problem.js";

/** A directory or file of the host that a box sees. */
export interface BoxMount {
  /** A path on the host. Until it is mounted, code in another box may exchange what is there. */
  readonly source: string;
  /** The path in the box. */
  readonly target: string;
  readonly isReadOnly: boolean;
  readonly isDirectory: boolean;
  /** What `identityOf` returns for what must be mounted. */
  readonly identity: string;
}

/** Directories with programs and libraries, mounted where they exist. */
export const SYSTEM_DIRECTORIES = [
  "/usr",
  "/bin",
  "/sbin",
  "/lib",
  "/lib32",
  "/lib64",
  "/libx32",
  "/opt",
  "/nix/store",
];

/** Other directories where nothing can be mounted: the system's own, and those of the supervisor. */
const RESERVED = [...SYSTEM_DIRECTORIES, "/etc", "/proc", "/dev", "/sys", "/run"];

/** Returns why nothing can be mounted at a path of a box, or `undefined` if it can. */
export function describeUnmountable(target: string): string | undefined {
  if (target === "/tmp") return "sandboxes keep their own files there; mount below it";
  const reserved = RESERVED.find((directory) => overlaps(target, directory));
  return reserved && `${reserved} is the same in every sandbox of the local server`;
}

/** Returns whether one of two paths contains the other, or both are the same. */
export function overlaps(one: string, other: string): boolean {
  return isWithin(one, other) || isWithin(other, one);
}

/** Returns whether a path is a directory or below it. */
export function isWithin(file: string, directory: string): boolean {
  return file === directory || directory === "/" || file.startsWith(`${directory}/`);
}

/**
 * Creates the places for mounts in a directory of a box, which may come from a snapshot: in place of a directory there
 * may be a link, which bwrap would follow on the host.
 *
 * @param inside - the path of the directory in the box
 * @throws {SandboxException} `SANDBOX_START_FAILED` if there is something else
 */
export function makeMountPoints(directory: string, inside: string, mounts: readonly BoxMount[]): void {
  const own = mounts.filter(({ target }) => target !== inside && isWithin(target, inside));
  if (own.length === 0) return;
  const opened = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    for (const mount of own) makeMountPoint(opened, path.relative(inside, mount.target).split("/"), mount);
  } finally {
    closeSync(opened);
  }
}

function makeMountPoint(
  directory: number,
  parts: readonly string[],
  { target, isDirectory }: BoxMount,
): void {
  try {
    const parent = openBelow(directory, isDirectory ? parts : parts.slice(0, -1));
    try {
      if (isDirectory) return;
      const { O_WRONLY, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
      const file = `/proc/self/fd/${parent}/${path.basename(target)}`;
      closeSync(openSync(file, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o644));
    } finally {
      closeSync(parent);
    }
  } catch (cause) {
    const message = `Nothing can be mounted at ${target} of this sandbox: ${messageOf(cause)}.`;
    throw new SandboxException({ code: "SANDBOX_START_FAILED", message, cause });
  }
}
