import type { CallOptions } from "../../arguments.js";
import { SandboxApiException, SandboxException } from "../../errors.js";
import type { Logger } from "../../logging.js";
import type { Download } from "./download.js";
import type { FileInfo } from "./file-info.js";
import { isLocalDirectory, makeLocalDirectory, walkLocal } from "./local-directory.js";
import { failure, openLocal, writeLocal, type ProgressCallback } from "./local-file.js";
import type {
  DirectoryEntry,
  DownloadOptions,
  ListDirectoryOptions,
  UploadOptions,
  WriteEntry,
} from "./requests.js";

/** The number of files that are uploaded in one request. */
const FILES_PER_REQUEST = 100;
/** The number of files that are downloaded at the same time. */
const PARALLEL_DOWNLOADS = 4;
/** The largest depth of a listing that servers accept. */
const DEEPEST_LISTING = 2 ** 31 - 1;

/** The operations of `Files` that transfers use. */
export interface RemoteFiles {
  readonly logger: Logger | undefined;
  writeFiles(files: readonly WriteEntry[], options: CallOptions): Promise<void>;
  createDirectories(directories: readonly DirectoryEntry[], options: CallOptions): Promise<void>;
  getInfo(path: string, options: CallOptions): Promise<FileInfo>;
  listDirectory(path: string, options: ListDirectoryOptions): Promise<FileInfo[]>;
  open(path: string, options: CallOptions): Promise<Download>;
}

/** Copies a local file, or a directory with its content, into the sandbox. */
export async function uploadFromLocal(
  remote: RemoteFiles,
  localPath: string,
  path: string,
  options: UploadOptions,
): Promise<void> {
  const { mode, owner, group, signal, onProgress } = options;
  if (!(await isLocalDirectory(localPath))) {
    const local = await openLocal(localPath);
    try {
      const data = local.read(onProgress);
      await remote.writeFiles(
        [{ path, data, size: local.size, mode: mode === undefined ? local.mode : mode, owner, group }],
        { signal },
      );
    } finally {
      await local.close();
    }
    return;
  }
  const { files, directories, skipped } = await walkLocal(localPath, signal);
  warnOfSkipped(remote.logger, skipped);
  const at = (relative: string): string =>
    relative === "" ? path : `${path.replace(/\/+$/, "")}/${relative}`;
  for (const batch of batchesOf(directories)) {
    await remote.createDirectories(
      batch.map((relative) => ({ path: at(relative), owner, group })),
      { signal },
    );
  }
  const report = progressOf(
    onProgress,
    files.reduce((sum, { size }) => sum + size, 0),
  );
  for (const batch of batchesOf(files)) {
    const entries = batch.map((file): WriteEntry => ({
      path: at(file.relative),
      data: readWhenNeeded(file.local, file.size, report),
      size: file.size,
      mode: mode === undefined ? file.mode : mode,
      owner,
      group,
    }));
    await remote.writeFiles(entries, { signal });
  }
}

/** Copies a file of the sandbox, or a directory with its content, to a local path. */
export async function downloadToLocal(
  remote: RemoteFiles,
  path: string,
  localPath: string,
  { onProgress, signal }: DownloadOptions,
): Promise<void> {
  if (!(await isLocalDirectory(localPath))) {
    try {
      await writeLocal(localPath, onProgress, () => remote.open(path, { signal }));
      return;
    } catch (error) {
      // Servers return different errors for the download of a directory.
      if (!(error instanceof SandboxApiException) || !["IS_DIRECTORY", "INVALID_FILE"].includes(error.code))
        throw error;
    }
  }
  const root = await remote.getInfo(path, { signal });
  if (root.type !== "directory") {
    throw failure(
      localPath,
      `${path} in the sandbox is a file: expected a file, or nothing, at the local path`,
    );
  }
  const listing = await remote.listDirectory(path, { depth: DEEPEST_LISTING, signal });
  const entries = listing.map((info) => ({ info, relative: relativeTo(root.path, info.path) }));
  const isCopied = ({ info: { type } }: (typeof entries)[number]) => type === "file" || type === "directory";
  warnOfSkipped(
    remote.logger,
    entries.filter((entry) => !isCopied(entry)).map(({ info }) => info.path),
  );
  await makeLocalDirectory(localPath, "");
  const made = new Set([""]);
  for (const { info, relative } of entries) {
    const parent = relative.slice(0, Math.max(relative.lastIndexOf("/"), 0));
    // A local symbolic link in its place would lead elsewhere.
    if (!made.has(parent)) {
      throw unexpectedListing(root.path, "directories before what is in them", info.path);
    }
    if (info.type !== "directory") continue;
    await makeLocalDirectory(localPath, relative);
    made.add(relative);
  }
  const files = entries.filter(({ info }) => info.type === "file");
  const report = progressOf(
    onProgress,
    files.reduce((sum, { info }) => sum + info.size, 0),
  );
  await inParallel(files, async ({ info, relative }) => {
    let before = 0;
    const onPiece: ProgressCallback = ({ transferredBytes }) => {
      const bytes = transferredBytes - before;
      before = transferredBytes;
      return report(bytes);
    };
    const isExecutable = (Number.parseInt(info.mode, 8) & 0o100) !== 0;
    await writeLocal(`${localPath}/${relative}`, onPiece, () => remote.open(info.path, { signal }), {
      mode: isExecutable ? 0o777 : 0o666,
      followLinks: false,
    });
  });
}

/**
 * Returns the relative path of an entry that the server lists in a directory.
 *
 * @throws {SandboxException} `UNEXPECTED_RESPONSE` if the path is outside the directory: a download must not write there
 */
export function relativeTo(root: string, path: string): string {
  const prefix = root.endsWith("/") ? root : `${root}/`;
  const relative = path.startsWith(prefix) ? path.slice(prefix.length) : "";
  const isSafe = relative
    .split("/")
    .every(
      (name) =>
        name !== "" && name !== "." && name !== ".." && !name.includes("\0") && !isSpecialOnWindows(name),
    );
  if (isSafe) return relative;
  throw unexpectedListing(root, "paths below it that are valid local names", path);
}

function unexpectedListing(root: string, expected: string, path: string): SandboxException {
  return new SandboxException({
    code: "UNEXPECTED_RESPONSE",
    message: `GET /directories/list of ${root}: expected ${expected}; got ${JSON.stringify(path)}.`,
  });
}

/** Returns whether Windows would treat a name as a path of several parts or on another drive. */
function isSpecialOnWindows(name: string): boolean {
  // Undefined in browsers, despite Node's types.
  const host: { readonly process?: { readonly platform?: string } } = globalThis;
  return host.process?.platform === "win32" && /[\\:]/.test(name);
}

/** Reports the progress of several files as one transfer. The returned function takes the newly transferred bytes. */
function progressOf(
  onProgress: ProgressCallback | undefined,
  totalBytes: number,
): (bytes: number) => unknown {
  let transferredBytes = 0;
  return (bytes) => {
    transferredBytes += bytes;
    return onProgress?.({ transferredBytes, totalBytes });
  };
}

/** Returns the content of a file that is opened at the first read, so that a batch does not open all its files at once. */
async function* readWhenNeeded(
  path: string,
  size: number,
  report: (bytes: number) => unknown,
): AsyncGenerator<Uint8Array, void> {
  const local = await openLocal(path, { followLinks: false });
  try {
    if (local.size !== size) {
      throw failure(path, "its size changed while the directory was uploaded");
    }
    for await (const piece of local.read(undefined)) {
      yield piece;
      await report(piece.byteLength);
    }
  } finally {
    await local.close();
  }
}

function* batchesOf<Item>(items: readonly Item[]): Generator<Item[], void> {
  for (let at = 0; at < items.length; at += FILES_PER_REQUEST) yield items.slice(at, at + FILES_PER_REQUEST);
}

/** Processes a few items at a time. After a failure, starts no further item and waits for the active ones. */
async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const queue = items.values();
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (const item of queue) {
      if (failures.length > 0) return;
      try {
        await work(item);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_DOWNLOADS }, worker));
  if (failures.length > 0) throw failures[0];
}

function warnOfSkipped(logger: Logger | undefined, paths: readonly string[]): void {
  if (paths.length === 0) return;
  const some = paths.slice(0, 5).join(", ");
  const more = paths.length > 5 ? `, and ${paths.length - 5} more` : "";
  logger?.warn(`Not copied, as they are symbolic links or special files: ${some}${more}.`);
}
