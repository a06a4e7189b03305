import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer, type Server } from "node:net";
import os from "node:os";
import path from "node:path";
import { ControlGroup } from "../box/control-group.js";
import type { Isolation } from "../box/isolation/isolation.js";
import { resolveIsolation } from "../box/isolation/resolve.js";
import { Trees } from "./trees.js";

/** Begins the name of every server's directory. Nobody else may use it: an old empty directory with this prefix is removed. */
export const SERVER_PREFIX = "opensandbox-server-";
const OWNER_FILE = "owner.json";
const SOCKET = "alive";
/** Removed last: while they exist, the next server cleans up what a removal left behind. */
const MARKS = [OWNER_FILE, SOCKET];
const TRASH = "trash";
/** The lowest limit of any system. A longer socket address is silently truncated. */
const LONGEST_ADDRESS_BYTES = 103;
/** The minimum age of an empty directory without marks before it is removed: a server may be about to mark it. */
const UNMARKED_MS = 60_000;

interface Owner {
  readonly host: string;
  /** The directory of the control group. */
  readonly group: string | null;
  /** The directory of the group that limits memory, if it is another one. */
  readonly memory?: string | undefined;
}

/** A server's own directory: its sandboxes, its snapshots, and a mark that it is in use. */
export class ServerDirectory {
  readonly path: string;
  /** The parent of its boxes' groups; `undefined` if control groups cannot be used. */
  readonly group: ControlGroup | undefined;
  readonly trees: Trees;
  readonly #mark: Server | undefined;
  readonly #trash: string;
  #emptying: Promise<unknown> | undefined;
  #hasMore = false;

  private constructor(directory: string, mark: Server | undefined, trees: Trees) {
    this.path = directory;
    this.trees = trees;
    this.#mark = mark;
    this.#trash = path.join(directory, TRASH);
    this.group = ControlGroup.make(path.basename(directory));
    mkdirSync(this.#trash, { mode: 0o700 });
  }

  /**
   * Creates a private directory and marks it as in use for the lifetime of this process, with a socket in it that the
   * system closes with the process. A process id would not work: servers in several containers can share the temporary
   * directory but number their processes separately.
   */
  static async make(isolation: Isolation): Promise<ServerDirectory> {
    const location = mkdtempSync(path.join(os.tmpdir(), SERVER_PREFIX));
    const mark = await listen(path.join(location, SOCKET));
    const made = new ServerDirectory(location, mark, new Trees(isolation));
    // Without a mark no other server may remove it.
    if (mark !== undefined) {
      const owner: Owner = {
        host: os.hostname(),
        group: made.group?.directory ?? null,
        memory: made.group?.memory,
      };
      writeFileSync(path.join(location, OWNER_FILE), JSON.stringify(owner), { mode: 0o600 });
    }
    return made;
  }

  /**
   * Takes a subdirectory out of use and removes it in the background. Removals run one at a time, so that many
   * deletions do not slow down running sandboxes.
   */
  discard(directory: string): void {
    if (!existsSync(directory)) return;
    renameSync(directory, path.join(this.#trash, path.basename(directory)));
    this.#hasMore = true;
    this.#emptying ??= this.#emptyTrash();
  }

  /** Removes the whole directory. The next server that starts removes what is left. */
  async remove(): Promise<void> {
    await this.group?.end();
    await this.#emptying;
    const isEmpty = await this.trees.empty(this.path, MARKS);
    if (this.#mark !== undefined) await new Promise((resolve) => this.#mark?.close(resolve));
    if (isEmpty) removeMarked(this.path);
  }

  /** Like {@link remove}, but synchronous. Used when the process exits. */
  removeSync(timeoutMs: number): void {
    this.group?.endSync();
    if (this.trees.emptySync(this.path, MARKS, timeoutMs)) removeMarked(this.path);
  }

  async #emptyTrash(): Promise<void> {
    while (this.#hasMore) {
      this.#hasMore = false;
      await this.trees.empty(this.#trash);
    }
    this.#emptying = undefined;
  }
}

/** Removes the files of servers that were killed. Their boxes ended with them; their files remained. */
export async function sweepStaleDirectories(isolation: Isolation): Promise<void> {
  const parent = os.tmpdir();
  const directories = readdirSync(parent)
    .filter((name) => name.startsWith(SERVER_PREFIX))
    .map((name) => path.join(parent, name));
  const stale: { directory: string; owner: Owner }[] = [];
  for (const directory of directories) {
    const owner = readOwner(directory);
    if (owner === undefined) removeUnmarked(directory);
    // The socket of another machine that shares the files cannot be checked from here.
    else if (owner.host === os.hostname() && (await isClosed(path.join(directory, SOCKET)))) {
      stale.push({ directory, owner });
    }
  }
  if (stale.length === 0) return;
  // A server without isolation may find the directory of one with it, whose boxes may still be ending.
  const confining =
    isolation.name === "none" ? await resolveIsolation("auto").catch(() => isolation) : isolation;
  const trees = new Trees(confining);
  // Failures must not keep a server from starting; the next one tries again.
  await Promise.allSettled(stale.map(({ directory, owner }) => sweep(directory, owner, trees)));
}

async function sweep(directory: string, { group, memory }: Owner, trees: Trees): Promise<void> {
  const isOfServer = (file: string) => path.basename(file) === path.basename(directory);
  if (group !== null && isOfServer(group)) {
    await new ControlGroup(group, memory !== undefined && isOfServer(memory) ? memory : undefined).end();
  }
  if (await trees.empty(directory, MARKS)) removeMarked(directory);
}

function removeMarked(directory: string): void {
  for (const name of MARKS) {
    try {
      unlinkSync(path.join(directory, name));
    } catch {
      // A socket is removed when it is closed.
    }
  }
  rmdirIfEmpty(directory);
}

/** Removes the empty directory of a server that was killed between its last two steps. */
function removeUnmarked(directory: string): void {
  try {
    const { uid, ctimeMs } = lstatSync(directory);
    if (uid === process.getuid?.() && Date.now() - ctimeMs > UNMARKED_MS) rmdirIfEmpty(directory);
  } catch {
    // Another server has just removed it.
  }
}

function rmdirIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Not empty, or already removed by another server.
  }
}

/** Reads the owner of a directory; `undefined` if it belongs to another user, or is just being created or removed. */
function readOwner(directory: string): Owner | undefined {
  try {
    const { uid } = lstatSync(directory);
    // In a directory that everyone may write to, anyone could have created it.
    if (process.getuid !== undefined && uid !== process.getuid()) return undefined;
    const owner: unknown = JSON.parse(readFileSync(path.join(directory, OWNER_FILE), "utf8"));
    return isOwner(owner) ? owner : undefined;
  } catch {
    return undefined;
  }
}

function isOwner(value: unknown): value is Owner {
  return (
    typeof value === "object" &&
    value !== null &&
    "host" in value &&
    typeof value.host === "string" &&
    "group" in value &&
    (value.group === null || typeof value.group === "string") &&
    (!("memory" in value) || typeof value.memory === "string")
  );
}

/** Returns whether nothing listens any more. Other connection errors prove nothing. */
async function isClosed(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address);
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", (error: NodeJS.ErrnoException) =>
      // The owner file is written after the socket is created, so a missing socket was closed.
      resolve(error.code === "ECONNREFUSED" || error.code === "ENOENT"),
    );
  });
}

/** @returns `undefined` if the socket cannot be created */
async function listen(address: string): Promise<Server | undefined> {
  if (Buffer.byteLength(address) > LONGEST_ADDRESS_BYTES) return undefined;
  const server = createServer((socket) => socket.destroy());
  server.unref();
  return new Promise((resolve) => {
    // Also handles later connection errors, which must not end the program.
    server.on("error", () => resolve(undefined));
    server.listen(address, () => resolve(server));
  });
}
