import { readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { sendEmpty, sendJson } from "../http/responses.js";
import type { ExecdRequest, RouteTable } from "../http/routes.js";
import { Body } from "../http/body.js";
import { download } from "./downloads.js";
import { expandPath, type Configuration } from "../configuration.js";
import {
  fileProblem,
  isTaken,
  makeDirectories,
  moveEntry,
  readFileInfo,
  readPermission,
  Refusal,
  refusalProblem,
  setPermission,
  type FileInfo,
} from "./file-info.js";
import { describeSystemError } from "../http/go-errors.js";
import { badRequest, runtimeError } from "../http/problems.js";
import { errorCode, problem } from "../../wire/problem.js";
import { upload } from "./uploads.js";

/** Returns the routes for files. Operations on several files are not transactional: they stop at the first failure. */
export function fileRoutes(configuration: Configuration): RouteTable {
  const resolve = (given: string) => expandPath(given, configuration);
  return {
    "GET /files/info": (request) => info(request, resolve),
    "POST /files/upload": (request) => upload(request, configuration),
    "GET /files/download": (request) => download(request, configuration),
    "POST /files/replace": (request) => replace(request, resolve),
    "POST /files/permissions": async ({ stream }) => {
      for (const [given, body] of await Body.readMap(stream, "Permission")) {
        const file = resolve(given);
        await setPermission(file, readPermission(body)).catch((error: unknown) => {
          if (!(error instanceof Refusal)) throw error;
          throw runtimeError(`error changing permissions for ${file}. ${error.message}`);
        });
      }
      sendEmpty(stream);
    },
    "POST /files/mv": async ({ stream }) => {
      for (const item of await Body.readList(stream, "RenameFileItem")) {
        await move(resolve(item.string("src")), resolve(item.string("dest")));
      }
      sendEmpty(stream);
    },
    "DELETE /files": async ({ stream, query }) => {
      for (const file of query.getAll("path").map(resolve)) await remove(file);
      sendEmpty(stream);
    },
  };
}

type Resolve = (given: string) => string;

async function info({ stream, query }: ExecdRequest, resolve: Resolve): Promise<void> {
  const found = new Map<string, FileInfo>();
  for (const given of query.getAll("path")) {
    const file = resolve(given);
    found.set(
      given,
      await readFileInfo(file).catch((error: unknown) => {
        if (errorCode(error) !== "ENOENT") throw fileProblem(error, "lstat", file);
        const reason = `file not found: ${file}: lstat ${file}: no such file or directory`;
        throw problem(404, "FILE_NOT_FOUND", `file not found. ${reason}`);
      }),
    );
  }
  sendJson(stream, 200, Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1))));
}

async function replace({ stream, query }: ExecdRequest, resolve: Resolve): Promise<void> {
  const counts: [string, { replacedCount: number }][] = [];
  for (const [given, body] of await Body.readMap(stream, "ReplaceFileContentItem")) {
    const old = body.string("old");
    if (old === "") throw badRequest("old content must not be empty");
    const replacedCount = await replaceIn(resolve(given), Buffer.from(old), Buffer.from(body.string("new")));
    counts.push([given, { replacedCount }]);
  }
  if (query.get("verbose") !== "true") sendEmpty(stream);
  else sendJson(stream, 200, Object.fromEntries(counts.sort(([a], [b]) => (a < b ? -1 : 1))));
}

async function replaceIn(file: string, old: Buffer, replacement: Buffer): Promise<number> {
  await stat(file).catch((error: unknown) => {
    throw fileProblem(error, "stat", file);
  });
  const content = await readFile(file).catch((error: unknown) => {
    throw fileProblem(error, "read", file);
  });
  const pieces: Buffer[] = [];
  let start = 0;
  // On bytes, so that in any encoding the rest stays unchanged.
  for (let found = content.indexOf(old); found !== -1; found = content.indexOf(old, start)) {
    pieces.push(content.subarray(start, found), replacement);
    start = found + old.length;
  }
  if (pieces.length === 0) return 0;
  await writeFile(file, Buffer.concat([...pieces, content.subarray(start)])).catch((error: unknown) => {
    throw fileProblem(error, "open", file);
  });
  return pieces.length / 2;
}

async function move(source: string, destination: string): Promise<void> {
  await stat(source).catch((error: unknown) => {
    if (errorCode(error) !== "ENOENT") throw fileProblem(error, "stat", source);
    const reason = `source path not found: ${source}: stat ${source}: no such file or directory`;
    throw problem(404, "FILE_NOT_FOUND", `file not found. ${reason}`);
  });
  if (await isTaken(destination)) {
    throw runtimeError(`error accessing file: destination path already exists: ${destination}`);
  }
  try {
    makeDirectories(path.dirname(destination));
    await moveEntry(source, destination);
  } catch (error) {
    if (error instanceof Refusal) throw refusalProblem(error);
    const failed = `rename ${source} ${destination}: ${describeSystemError(error)}`;
    throw runtimeError(`error accessing file: ${failed}`);
  }
}

async function remove(file: string): Promise<void> {
  // As in execd, a link is treated as its target. A broken link is deleted as well.
  const stats = await stat(file).catch(() => undefined);
  const failed = (reason: string) => runtimeError(`error removing file ${file}. ${reason}`);
  if (stats?.isDirectory() === true) throw failed(`path is a directory: ${file}`);
  await rm(file, { force: true }).catch((error: unknown) => {
    throw failed(`remove ${file}: ${describeSystemError(error)}`);
  });
}
