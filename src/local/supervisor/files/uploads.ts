import { randomBytes } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { open, rm, stat } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { sendEmpty } from "../http/responses.js";
import type { ExecdRequest } from "../http/routes.js";
import { readText } from "../../wire/body.js";
import { Body } from "../http/body.js";
import { expandPath, type Configuration } from "../configuration.js";
import {
  isTaken,
  makeDirectories,
  moveEntry,
  readPermission,
  Refusal,
  setPermissionOfNew,
  type Permission,
} from "./file-info.js";
import { describeSystemError } from "../http/go-errors.js";
import { boundaryOf, MalformedForm, readMultipart, type Part } from "../http/multipart.js";
import { runtimeError } from "../http/problems.js";
import { problem, type Problem } from "../../wire/problem.js";

const LONGEST_METADATA = 2 ** 20;
const WRITE_BYTES = 2 ** 20;

interface Target extends Permission {
  readonly path: string;
}

/**
 * Handles `POST /files/upload`: pairs of metadata and a file. All files are written completely before the first one is
 * moved to its place, so an incomplete upload changes nothing.
 */
export async function upload({ stream, headers }: ExecdRequest, configuration: Configuration): Promise<void> {
  const descriptions: string[] = [];
  const spooled: string[] = [];
  try {
    for await (const part of readMultipart(stream, boundaryOf(headers["content-type"]))) {
      // As in Go, a part without a file name is a form field.
      if (part.filename === undefined) continue;
      if (part.name === "metadata") descriptions.push(await readDescription(part));
      if (part.name !== "file") continue;
      const description = descriptions[spooled.length];
      spooled.push(await spool(part, description === undefined ? "" : peekPath(description, configuration)));
    }
    assertPairs(descriptions.length, spooled.length);
    const targets = descriptions.map((description) => readTarget(description, configuration));
    for (const [index, target] of targets.entries()) await place(spooled[index] ?? "", target);
  } catch (error) {
    if (!(error instanceof MalformedForm)) throw error;
    throw problem(400, "INVALID_FILE", `error parsing multipart form. ${error.message}`);
  } finally {
    await Promise.all(spooled.map((file) => rm(file, { force: true })));
  }
  sendEmpty(stream);
}

function assertPairs(descriptions: number, files: number): void {
  if (descriptions === 0) throw problem(400, "INVALID_FILE_METADATA", "metadata file is missing");
  if (files === 0) throw problem(400, "INVALID_FILE_CONTENT", "file is missing");
  if (descriptions === files) return;
  const message = `metadata and file count mismatch: ${descriptions} vs ${files}`;
  throw problem(400, "INVALID_FILE", message);
}

function readDescription({ content }: Part): Promise<string> {
  const tooLarge = () => new MalformedForm("multipart: message too large");
  return readText(content, { bytes: LONGEST_METADATA, tooLarge });
}

function readTarget(description: string, configuration: Configuration): Target {
  const refuse = (reason: string) => problem(400, "INVALID_FILE_METADATA", reason);
  const body = Body.parse(description, {
    // The permission is a nested struct in Go, whose error messages contain the full path of the field.
    name: "FileMetadata.Permission",
    unreadable: (reason) => refuse(`invalid metadata format. ${reason}`),
  });
  const given = body.string("path");
  if (given === "") throw refuse("metadata path is empty");
  return { path: expandPath(given, configuration), ...readPermission(body) };
}

/** Returns the target of a file. Invalid metadata is reported when everything has arrived. */
function peekPath(description: string, configuration: Configuration): string {
  try {
    return readTarget(description, configuration).path;
  } catch {
    return "";
  }
}

/** Writes a part to a temporary file, on the file system of its target if possible. */
async function spool(part: Part, target: string): Promise<string> {
  const name = `.upload-${randomBytes(8).toString("hex")}`;
  const directories = [...(target === "" ? [] : [await existingParent(target)]), os.tmpdir()];
  for (const [index, directory] of directories.entries()) {
    const file = path.join(directory, name);
    const handle = await open(file, "wx", 0o777).catch((error: unknown) => {
      if (index === directories.length - 1) throw writeProblem(target, error);
      return undefined;
    });
    if (handle === undefined) continue;
    try {
      await pipeline(part.content, createWriteStream(file, { fd: handle, highWaterMark: WRITE_BYTES }));
    } catch (error) {
      await rm(file, { force: true });
      throw error instanceof MalformedForm ? error : writeProblem(target, error);
    }
    return file;
  }
  throw writeProblem(target, new Error("no directory"));
}

async function existingParent(target: string): Promise<string> {
  for (let parent = path.dirname(target); ; parent = path.dirname(parent)) {
    const stats = await stat(parent).catch(() => undefined);
    if (stats?.isDirectory() === true || parent === path.dirname(parent)) return parent;
  }
}

function writeProblem(target: string, error: unknown): Problem {
  return runtimeError(`error writing file ${target}. write ${target}: ${describeSystemError(error)}`);
}

async function place(spooled: string, target: Target): Promise<void> {
  let parents: readonly string[];
  try {
    parents = makeDirectories(path.dirname(target.path));
    await move(spooled, target.path);
  } catch (error) {
    const reason =
      error instanceof Refusal ? error.message : `open ${target.path}: ${describeSystemError(error)}`;
    throw runtimeError(`error opening destination file ${target.path}. ${reason}`);
  }
  await setPermissionOfNew(target.path, parents, target).catch((error: unknown) => {
    const reason = error instanceof Refusal ? error.message : describeSystemError(error);
    throw runtimeError(`error chmoding file ${target.path}. ${reason}`);
  });
}

/** Replaces only the content of an existing file: its mode, owner and links stay. */
async function move(spooled: string, target: string): Promise<void> {
  // The target of a broken link is created.
  if (await isTaken(target)) {
    const reading = createReadStream(spooled, { highWaterMark: WRITE_BYTES });
    await pipeline(reading, createWriteStream(target, { mode: 0o777 }));
  } else await moveEntry(spooled, target);
}
