import { mkdirSync, statSync, type BigIntStats } from "node:fs";
import { chmod, chown, cp, lstat, rename, rm } from "node:fs/promises";
import path from "node:path";
import type { Body } from "../http/body.js";
import { describeSystemError, formatNanoseconds } from "../http/go-errors.js";
import { groups, users } from "./identities.js";
import { runtimeError } from "../http/problems.js";
import { errorCode, Problem, problem } from "../../wire/problem.js";

/** A file, as execd describes it. */
export interface FileInfo {
  /** Absolute. */
  readonly path: string;
  readonly type: "file" | "directory" | "symlink" | "other";
  readonly size: number;
  readonly modified_at: string;
  readonly created_at: string;
  readonly owner: string;
  readonly group: string;
  /** A decimal number with the octal digits: 644 means 0644. */
  readonly mode: number;
}

/** Describes a file. Does not follow links. */
export async function readFileInfo(file: string): Promise<FileInfo> {
  const stats = await lstat(file, { bigint: true });
  return {
    path: file,
    type: typeOf(stats),
    size: Number(stats.size),
    modified_at: formatNanoseconds(stats.mtimeNs),
    // As in execd: few file systems record the creation time.
    created_at: formatNanoseconds(stats.ctimeNs),
    owner: users.nameOf(Number(stats.uid)),
    group: groups.nameOf(Number(stats.gid)),
    mode: Number((stats.mode & 0o777n).toString(8)),
  };
}

function typeOf(stats: BigIntStats): FileInfo["type"] {
  if (stats.isSymbolicLink()) return "symlink";
  if (stats.isDirectory()) return "directory";
  return stats.isFile() ? "file" : "other";
}

/** Returns a 404 Problem if a file does not exist, and `undefined` for other errors. */
export function missingFile(error: unknown, operation: string, file: string): Problem | undefined {
  if (errorCode(error) !== "ENOENT") return undefined;
  return problem(404, "FILE_NOT_FOUND", `file not found. ${operation} ${file}: no such file or directory`);
}

/** Returns the Problem for a failed file operation. */
export function fileProblem(error: unknown, operation: string, file: string): Problem {
  if (error instanceof Problem) return error;
  const message = `error accessing file: ${operation} ${file}: ${describeSystemError(error)}`;
  return missingFile(error, operation, file) ?? runtimeError(message);
}

/** The mode and owner of a file. */
export interface Permission {
  /** With the octal digits; 0 for unchanged. */
  readonly mode: number;
  /** A name or a number; empty for unchanged. */
  readonly owner: string;
  readonly group: string;
}

export function readPermission(body: Body): Permission {
  return { mode: body.integer("mode"), owner: body.string("owner"), group: body.string("group") };
}

/** An error in Go's words. The caller adds which operation failed. */
export class Refusal extends Error {}

/** Returns the Problem for a refusal: 404 if something does not exist, as for anything created in /proc. */
export function refusalProblem(refusal: Refusal): Problem {
  if (errorCode(refusal.cause) !== "ENOENT") {
    return runtimeError(`error accessing file: ${refusal.message}`);
  }
  return problem(404, "FILE_NOT_FOUND", `file not found. ${refusal.message}`);
}

/** @throws {Refusal} */
export async function setPermission(file: string, { mode, owner, group }: Permission): Promise<void> {
  if (mode !== 0) {
    if (!/^[0-7]+$/.test(String(mode))) {
      throw new Refusal(`strconv.ParseUint: parsing "${mode}": invalid syntax`);
    }
    // Higher bits mean something else in Go.
    const bits = Number.parseInt(String(mode), 8) & 0o777;
    await chmod(file, bits).catch(refuse("chmod", file));
  }
  await setOwner(file, owner, group);
}

/** @throws {Refusal} */
async function setOwner(file: string, owner: string, group: string): Promise<void> {
  if (owner === "" && group === "") return;
  const uid = owner === "" ? -1 : users.idOf(owner);
  if (uid === undefined) throw new Refusal(`failed to lookup user ${owner}: user: unknown user ${owner}`);
  const gid = group === "" ? -1 : groups.idOf(group);
  if (gid === undefined) throw new Refusal(`failed to lookup group ${group}: group: unknown group ${group}`);
  await chown(file, uid, gid).catch(refuse("chown", file));
}

function refuse(operation: string, file: string): (error: unknown) => never {
  return (error) => {
    throw new Refusal(`${operation} ${file}: ${describeSystemError(error)}`);
  };
}

/**
 * Creates a directory and its parents. Returns those that are new, the directory itself first. `fs.mkdir` never returns
 * if a parent does not allow new entries, as in /proc.
 *
 * @throws {Refusal}
 */
export function makeDirectories(directory: string): string[] {
  const missing: string[] = [];
  let existing = directory;
  for (; !isThere(existing) && existing !== path.dirname(existing); existing = path.dirname(existing)) {
    missing.push(existing);
  }
  if (!statSync(existing).isDirectory()) throw new Refusal(`mkdir ${existing}: not a directory`);
  for (const created of missing.toReversed()) {
    try {
      mkdirSync(created);
    } catch (error) {
      // Created meanwhile, or a broken link, which the next step reports.
      if (errorCode(error) === "EEXIST" && created !== directory) continue;
      throw new Refusal(`mkdir ${created}: ${describeSystemError(error)}`, { cause: error });
    }
  }
  return missing;
}

function isThere(file: string): boolean {
  try {
    statSync(file);
    return true;
  } catch {
    return false;
  }
}

/** Returns whether a name is taken, also by a broken link. */
export function isTaken(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  );
}

/** Renames a file or directory. Copies it if the new name is in another file system: in a container there is only one. */
export async function moveEntry(source: string, destination: string): Promise<void> {
  await rename(source, destination).catch(async (error: unknown) => {
    if (errorCode(error) !== "EXDEV") throw error;
    await cp(source, destination, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
    await rm(source, { recursive: true });
  });
}

/**
 * Sets mode and owner of a new file or directory, and the owner of the parents created for it. Their mode stays
 * unchanged, as it could deny access.
 *
 * @throws {Refusal}
 */
export async function setPermissionOfNew(
  file: string,
  parents: readonly string[],
  permission: Permission,
): Promise<void> {
  await setPermission(file, permission);
  for (const parent of parents) await setOwner(parent, permission.owner, permission.group);
}
