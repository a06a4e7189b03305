import { lstat, readdir, rm, stat } from "node:fs/promises";
import path from "node:path";
import { sendEmpty, sendJson } from "../http/responses.js";
import { requiredQuery, type ExecdRequest, type RouteTable } from "../http/routes.js";
import { Body } from "../http/body.js";
import { expandPath, type Configuration } from "../configuration.js";
import {
  fileProblem,
  makeDirectories,
  missingFile,
  readFileInfo,
  readPermission,
  Refusal,
  refusalProblem,
  setPermissionOfNew,
  type FileInfo,
  type Permission,
} from "./file-info.js";
import { errorCode } from "../../wire/problem.js";
import { describeSystemError } from "../http/go-errors.js";
import { BadPattern, compileGlob } from "./glob.js";
import { badRequest, runtimeError } from "../http/problems.js";

/** The time limit for a search. Clients wait for about as long. */
const SEARCH_LIMIT_MS = 25_000;

/** Returns the routes for directories and for the file search. */
export function directoryRoutes(configuration: Configuration): RouteTable {
  const resolve = (given: string) => expandPath(given, configuration);
  return {
    "POST /directories": async ({ stream }) => {
      for (const [given, body] of await Body.readMap(stream, "Permission")) {
        await create(resolve(given), readPermission(body));
      }
      sendEmpty(stream);
    },
    "GET /directories/list": (request) => list(request, resolve(requiredQuery(request.query, "path"))),
    "DELETE /directories": async ({ stream, query }) => {
      for (const directory of query.getAll("path").map(resolve)) {
        await rm(directory, { recursive: true, force: true }).catch((error: unknown) => {
          const message = `error deleting directory ${directory}. ${describeSystemError(error)}`;
          throw runtimeError(message);
        });
      }
      sendEmpty(stream);
    },
    "GET /files/search": (request) => search(request, resolve(requiredQuery(request.query, "path"))),
  };
}

async function create(directory: string, permission: Permission): Promise<void> {
  try {
    const [isNew, ...parents] = makeDirectories(directory);
    if (isNew !== undefined) await setPermissionOfNew(directory, parents, permission);
  } catch (error) {
    if (error instanceof Refusal) throw refusalProblem(error);
    // Go reports ENOTDIR where Node.js, which checks the path first, reports EEXIST.
    if (errorCode(error) === "EEXIST")
      throw runtimeError(`error accessing file: mkdir ${directory}: not a directory`);
    throw fileProblem(error, "mkdir", directory);
  }
}

async function list({ stream, query }: ExecdRequest, root: string): Promise<void> {
  const depth = readDepth(query.get("depth") ?? "");
  const stats = await lstat(root).catch((error: unknown) => {
    throw fileProblem(error, "lstat", root);
  });
  if (stats.isSymbolicLink()) throw badRequest(`path is a symbolic link, refusing to traverse: ${root}`);
  if (!stats.isDirectory()) throw badRequest(`path is not a directory: ${root}`);
  sendJson(stream, 200, await collect(root, depth));
}

function readDepth(given: string): number {
  if (given === "") return 1;
  if (/^\d+$/.test(given)) return Number(given);
  throw badRequest(`invalid query parameter 'depth': ${given}`);
}

/** Lists a directory recursively: each entry comes before its own entries, in the order of names. */
async function collect(directory: string, depth: number): Promise<FileInfo[]> {
  if (depth === 0) return [];
  const found: FileInfo[] = [];
  for (const name of await namesIn(directory)) {
    const info = await readFileInfo(path.join(directory, name)).catch(() => undefined);
    if (info === undefined) continue; // deleted meanwhile
    found.push(info);
    if (info.type !== "directory") continue;
    for (const below of await collect(info.path, depth - 1)) found.push(below);
  }
  return found;
}

async function search({ stream, query }: ExecdRequest, root: string): Promise<void> {
  const pattern = query.get("pattern") ?? "";
  const matches = readPattern(pattern === "" ? "**" : pattern);
  const deadline = performance.now() + SEARCH_LIMIT_MS;
  await stat(root).catch((error: unknown) => {
    throw missingFile(error, "stat", root) ?? fileProblem(error, "stat", root);
  });
  const found: FileInfo[] = [];
  // A list instead of recursion: a tree may be deeper than the call stack.
  const pending = [root];
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    if (stream.destroyed) return;
    if (performance.now() > deadline) {
      throw runtimeError(`error searching files. no result within ${SEARCH_LIMIT_MS / 1000} s: ${root}`);
    }
    const info = await readFileInfo(file).catch(() => undefined);
    if (info === undefined) continue; // deleted meanwhile
    if (info.type === "directory") {
      for (const name of (await namesIn(file)).reverse()) pending.push(path.join(file, name));
    } else if (matches(path.basename(file))) found.push(info);
  }
  sendJson(stream, 200, found);
}

function readPattern(pattern: string): (name: string) => boolean {
  try {
    return compileGlob(pattern);
  } catch (error) {
    if (!(error instanceof BadPattern)) throw error;
    throw runtimeError(`error searching files. invalid pattern ${pattern}: syntax error in pattern`);
  }
}

/** Returns the names in a directory in Go's order; empty if it cannot be read. */
async function namesIn(directory: string): Promise<string[]> {
  return (await readdir(directory).catch(() => [])).sort((a, b) => (a < b ? -1 : 1));
}
