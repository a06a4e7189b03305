import { lstatSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import os from "node:os";
import path from "node:path";
import { ControlGroup } from "../box/control-group.js";
import { removeTree } from "./removal.js";

const PREFIX = "opensandbox-";
const OWNER_FILE = "owner.json";
const SOCKET = "alive";
/** What an address of a socket holds on the systems that hold least; a longer one would be cut off without a word. */
const LONGEST_ADDRESS_BYTES = 103;

/** A server's own directory, and the mark that it is in use. */
export interface ServerDirectory {
  readonly path: string;
  /** Where the groups of its boxes go; `undefined` where there can be none. */
  readonly group: ControlGroup | undefined;
  /** Ends the mark; the directory is removed by whoever made it. */
  readonly release: () => void;
}

interface Owner {
  readonly host: string;
  /** The directory of the control group. */
  readonly group: string | null;
}

/**
 * Makes a server's own directory, private, and marks it as in use for as long as this process lives: by a socket in it,
 * which the system closes with the process. A process id would not do: servers in other containers may share the
 * directory for temporary files, but number their processes themselves.
 */
export async function makeServerDirectory(): Promise<ServerDirectory> {
  const directory = mkdtempSync(path.join(os.tmpdir(), PREFIX));
  const socket = await listen(path.join(directory, SOCKET));
  const group = ControlGroup.make(path.basename(directory));
  // Where there is no mark, nobody sweeps.
  if (socket !== undefined) {
    const owner: Owner = { host: os.hostname(), group: group?.directory ?? null };
    writeFileSync(path.join(directory, OWNER_FILE), JSON.stringify(owner), { mode: 0o600 });
  }
  return { path: directory, group, release: () => void socket?.close() };
}

/**
 * Removes what servers left behind whose process was killed before it could. Their boxes have ended with them; their
 * files have not.
 */
export async function sweepStaleDirectories(): Promise<void> {
  const parent = os.tmpdir();
  const directories = readdirSync(parent)
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => path.join(parent, name));
  // One that cannot be removed now is no reason not to start; the next server tries again.
  await Promise.allSettled(directories.map(sweep));
}

async function sweep(directory: string): Promise<void> {
  const owner = readOwner(directory);
  // A socket of another machine, which shares the files, answers nobody here.
  if (owner?.host !== os.hostname() || !(await isRefused(path.join(directory, SOCKET)))) return;
  const { group } = owner;
  if (group !== null && path.basename(group) === path.basename(directory))
    await new ControlGroup(group).end();
  await removeTree(directory);
}

/** Who made a directory; `undefined` for one that is not a server's of this user, or that is just being removed. */
function readOwner(directory: string): Owner | undefined {
  try {
    const { uid } = lstatSync(directory);
    // In a directory that everybody may write to, the names are anybody's.
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
    (value.group === null || typeof value.group === "string")
  );
}

/** Whether nobody listens any more. Whatever else is wrong with a socket is no proof of that. */
async function isRefused(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address);
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "ECONNREFUSED"));
  });
}

/** @returns `undefined` where there cannot be a socket */
async function listen(address: string): Promise<Server | undefined> {
  if (Buffer.byteLength(address) > LONGEST_ADDRESS_BYTES) return undefined;
  const server = createServer((socket) => socket.destroy());
  server.unref();
  return new Promise((resolve) => {
    // Later ones too, of connections that cannot be accepted: they are no reason to end the program.
    server.on("error", () => resolve(undefined));
    server.listen(address, () => resolve(server));
  });
}
