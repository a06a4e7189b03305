import { mkdirSync, statSync, type BigIntStats } from "node:fs";
import { chmod, chown, lstat } from "node:fs/promises";
import path from "node:path";
import type { Body } from "../http/body.js";
import { describeSystemError, errorCode, formatNanoseconds } from "../http/go-errors.js";
import { groups, users } from "./identities.js";
import { Problem } from "../http/problem.js";

/** A file as execd shows it. */
export interface FileInfo {
  /** Absolute. */
  readonly path: string;
  readonly type: "file" | "directory" | "symlink" | "other";
  readonly size: number;
  readonly modified_at: string;
  readonly created_at: string;
  readonly owner: string;
  readonly group: string;
  /** A decimal number with the digits of the octal one: 644 is 0644. */
  readonly mode: number;
}

/** Describes a file, and a link itself rather than what it leads to. */
export async function readFileInfo(file: string): Promise<FileInfo> {
  const stats = await lstat(file, { bigint: true });
  return {
    path: file,
    type: typeOf(stats),
    size: Number(stats.size),
    modified_at: formatNanoseconds(stats.mtimeNs),
    // As in execd: few file systems tell when a file was created.
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

/** 404 for what is not there; `undefined` for any other failure. */
export function missingFile(error: unknown, operation: string, file: string): Problem | undefined {
  if (errorCode(error) !== "ENOENT") return undefined;
  return new Problem(
    404,
    "FILE_NOT_FOUND",
    `file not found. ${operation} ${file}: no such file or directory`,
  );
}

/** The Problem of a failed operation on a file. */
export function fileProblem(error: unknown, operation: string, file: string): Problem {
  if (error instanceof Problem) return error;
  const message = `error accessing file: ${operation} ${file}: ${describeSystemError(error)}`;
  return missingFile(error, operation, file) ?? new Problem(500, "RUNTIME_ERROR", message);
}

/** Who may do what with a file. */
export interface Permission {
  /** With the digits of the octal number; 0: unchanged. */
  readonly mode: number;
  /** A name or a number; empty: unchanged. */
  readonly owner: string;
  readonly group: string;
}

export function readPermission(body: Body): Permission {
  return { mode: body.integer("mode"), owner: body.string("owner"), group: body.string("group") };
}

/** A failure in Go's words, to which the caller adds what it was doing. */
export class Refusal extends Error {}

/** The Problem of a refusal: 404 where something is missing, as everything is that somebody tries to make in /proc. */
export function refusalProblem(refusal: Refusal): Problem {
  if (errorCode(refusal.cause) !== "ENOENT") {
    return new Problem(500, "RUNTIME_ERROR", `error accessing file: ${refusal.message}`);
  }
  return new Problem(404, "FILE_NOT_FOUND", `file not found. ${refusal.message}`);
}

/** @throws {Refusal} */
export async function setPermission(file: string, { mode, owner, group }: Permission): Promise<void> {
  if (mode !== 0) {
    if (!/^[0-7]+$/.test(String(mode))) {
      throw new Refusal(`strconv.ParseUint: parsing "${mode}": invalid syntax`);
    }
    // The bits above these mean something else in Go.
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
 * Makes a directory and its parents; gives those that are new, the directory itself first. Node's own way never returns
 * where a directory is there in which nothing can be made, as in /proc.
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
      // Somebody else made it meanwhile, or it is a link to nowhere, which the next step shows.
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

/**
 * Gives a new file or directory its permission, and its owner to the parents that were made for it; but not its mode,
 * which may be one that lets nobody through.
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
