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

const PREFIX = "opensandbox-";
const OWNER_FILE = "owner.json";
const SOCKET = "alive";
/** They are removed last: while they exist, the next server sweeps what a removal left behind. */
const MARKS = [OWNER_FILE, SOCKET];
const TRASH = "trash";
/** The limit of the system with the smallest one. A longer address of a socket is silently cut off. */
const LONGEST_ADDRESS_BYTES = 103;
/** How long an empty directory without marks may be one that a server is about to mark. */
const UNMARKED_MS = 60_000;

interface Owner {
  readonly host: string;
  /** The directory of the control group. */
  readonly group: string | null;
  /** Of the one that limits memory, where that is another. */
  readonly memory?: string | undefined;
}

/** A server's own directory: its sandboxes, its snapshots, and the mark that it is in use. */
export class ServerDirectory {
  readonly path: string;
  /** Where the groups of its boxes go; `undefined` where control groups cannot be used. */
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
   * Makes a private directory and marks it as in use while this process lives, by a socket in it that the system closes with
   * the process. A process id would not do: servers in several containers may share the directory for temporary files, but
   * number their processes separately.
   */
  static async make(isolation: Isolation): Promise<ServerDirectory> {
    const location = mkdtempSync(path.join(os.tmpdir(), PREFIX));
    const mark = await listen(path.join(location, SOCKET));
    const made = new ServerDirectory(location, mark, new Trees(isolation));
    // Without a mark nobody may sweep it.
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
   * Takes a directory in this one out of use and removes it in the background. One removal runs at a time, so that many
   * deletions do not slow down the sandboxes that go on.
   */
  discard(directory: string): void {
    if (!existsSync(directory)) return;
    renameSync(directory, path.join(this.#trash, path.basename(directory)));
    this.#hasMore = true;
    this.#emptying ??= this.#emptyTrash();
  }

  /** Removes the whole directory. What cannot be removed is left to the next server that starts. */
  async remove(): Promise<void> {
    await this.group?.end();
    await this.#emptying;
    const isEmpty = await this.trees.empty(this.path, MARKS);
    if (this.#mark !== undefined) await new Promise((resolve) => this.#mark?.close(resolve));
    if (isEmpty) removeMarked(this.path);
  }

  /** {@link remove} for the end of the process, when nothing asynchronous happens any more. */
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

/**
 * Removes what servers left behind that were killed before they could do it. Their boxes end with them; their files do not.
 */
export async function sweepStaleDirectories(isolation: Isolation): Promise<void> {
  const parent = os.tmpdir();
  const directories = readdirSync(parent)
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => path.join(parent, name));
  const stale: { directory: string; owner: Owner }[] = [];
  for (const directory of directories) {
    const owner = readOwner(directory);
    if (owner === undefined) removeUnmarked(directory);
    // A socket of another machine that shares the files answers nobody here.
    else if (owner.host === os.hostname() && (await isClosed(path.join(directory, SOCKET)))) {
      stale.push({ directory, owner });
    }
  }
  if (stale.length === 0) return;
  // A server without isolation may find the directory of one with it, whose boxes may still be dying.
  const confining =
    isolation.name === "none" ? await resolveIsolation("auto").catch(() => isolation) : isolation;
  const trees = new Trees(confining);
  // What cannot be removed now must not keep a server from starting; the next one tries again.
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
      // A socket disappears when it is closed.
    }
  }
  rmdirIfEmpty(directory);
}

/** A server that is killed between its last two steps leaves an empty directory. */
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
    // Not empty, or removed by another server.
  }
}

/** Reads who made a directory; `undefined` for one of another user, and for one that is just made or removed. */
function readOwner(directory: string): Owner | undefined {
  try {
    const { uid } = lstatSync(directory);
    // In a directory that everybody may write to, anybody may have made it.
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

/** Whether nobody listens any more. Other errors of a connection prove nothing. */
async function isClosed(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address);
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", (error: NodeJS.ErrnoException) =>
      // The owner's file is written after the socket is made, so a missing socket was closed.
      resolve(error.code === "ECONNREFUSED" || error.code === "ENOENT"),
    );
  });
}

/** @returns `undefined` where no socket can be made */
async function listen(address: string): Promise<Server | undefined> {
  if (Buffer.byteLength(address) > LONGEST_ADDRESS_BYTES) return undefined;
  const server = createServer((socket) => socket.destroy());
  server.unref();
  return new Promise((resolve) => {
    // Also for connections that cannot be accepted later, which must not end the program.
    server.on("error", () => resolve(undefined));
    server.listen(address, () => resolve(server));
  });
}
