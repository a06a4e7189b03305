import { SandboxException } from "../../errors.js";
import { fileSystem } from "../../transport/platform.js";
import type { Download } from "./download.js";
import type { FileMode } from "./mode.js";

const CHUNK_BYTES = 64 * 1024;

/** The progress of a transfer. */
export interface TransferProgress {
  readonly transferredBytes: number;
  /** The total number of bytes; `undefined` if the server does not send it. */
  readonly totalBytes: number | undefined;
}

/**
 * Called during a transfer, for each piece of about 64 KiB. A promise is awaited. If the function throws or rejects, the
 * transfer fails with its error.
 */
export type ProgressCallback = (progress: TransferProgress) => unknown;

/** A local file that is open for reading. */
export interface LocalSource {
  readonly size: number;
  /** 0o755 if it is executable, else 0o644, as in Git. */
  readonly mode: FileMode;
  read(onProgress: ProgressCallback | undefined): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** Opens a file for reading. @throws {SandboxException} `LOCAL_FILE` */
export async function openLocal(
  path: string,
  { followLinks = true }: { readonly followLinks?: boolean } = {},
): Promise<LocalSource> {
  const fs = nodeFileSystem();
  const { handle, stats } = await attempt(path, async () => {
    // Check before opening: opening a pipe waits for a writer.
    const stats = followLinks ? await fs.stat(path) : await fs.lstat(path);
    if (!stats.isFile()) throw failure(path, "expected a regular file");
    return { handle: await fs.open(path, followLinks ? "r" : noFollow(fs)), stats };
  });
  const { size } = stats;
  return {
    size,
    mode: modeOf(stats),
    async *read(onProgress) {
      for (let at = 0; at < size;) {
        const room = new Uint8Array(Math.min(CHUNK_BYTES, size - at));
        const { bytesRead } = await attempt(path, () => handle.read(room, 0, room.byteLength, at));
        if (bytesRead === 0) throw failure(path, "it became shorter while it was read");
        at += bytesRead;
        yield room.subarray(0, bytesRead);
        // The next read means that the previous piece has been sent.
        const told: unknown = onProgress?.({ transferredBytes: at, totalBytes: size });
        await told;
      }
    },
    close: () => handle.close(),
  };
}

/**
 * Writes a file completely or not at all: writes to a temporary file beside it and renames that at the end.
 *
 * @throws {SandboxException} `LOCAL_FILE`, and the errors of `open` and its stream
 */
export async function writeLocal(
  path: string,
  onProgress: ProgressCallback | undefined,
  open: () => Promise<Download>,
  options: { readonly mode?: number; readonly followLinks?: boolean } = {},
): Promise<void> {
  const { mode: newMode = 0o666, followLinks = true } = options;
  const fs = nodeFileSystem();
  const { target, mode } = await attempt(path, async () => {
    const stats = await (followLinks ? fs.stat(path) : fs.lstat(path)).catch((error: unknown) => {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    });
    // A device or a pipe must not be replaced by a file.
    if (stats?.isFile() === false) throw failure(path, "something other than a regular file is in its place");
    return stats === undefined
      ? { target: path, mode: newMode }
      : { target: await fs.realpath(path), mode: stats.mode & 0o777 };
  });
  const { body, size } = await open();
  const reader = body.getReader();
  const part = `${target}.${crypto.getRandomValues(new Uint32Array(1))[0] ?? 0}.part`;
  let handle: Awaited<ReturnType<typeof fs.open>> | undefined;
  let received = 0;
  try {
    const file = (handle = await attempt(path, () => fs.open(part, "wx", mode)));
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      await attempt(path, () => file.writeFile(value));
      received += value.byteLength;
      const told: unknown = onProgress?.({ transferredBytes: received, totalBytes: size });
      await told;
    }
    await attempt(path, async () => {
      await file.close();
      await fs.rename(part, target);
    });
  } catch (error) {
    reader.cancel().catch(() => undefined);
    await handle?.close().catch(() => undefined);
    await fs.rm(part, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Returns 0o755 if a file is executable, else 0o644, as in Git. */
export function modeOf(stats: { readonly mode: number }): FileMode {
  return (stats.mode & 0o100) === 0 ? 0o644 : 0o755;
}

function noFollow({ constants }: ReturnType<typeof nodeFileSystem>): number {
  // Windows has no executable flag.
  return constants.O_RDONLY | ((constants.O_NOFOLLOW as number | undefined) ?? 0);
}

/** Returns Node's file system. @throws {SandboxException} `LOCAL_FILE` if there is none */
export function nodeFileSystem(): NonNullable<ReturnType<typeof fileSystem>> {
  const fs = fileSystem();
  if (fs === undefined) {
    throw new SandboxException({
      code: "LOCAL_FILE",
      message: "Local files need Node.js, Bun or Deno; use readBytes and writeFile in browsers.",
    });
  }
  return fs;
}

/** Runs an operation on a local path and converts its error to a {@link SandboxException}. */
export async function attempt<Value>(path: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SandboxException) throw error;
    throw failure(path, error instanceof Error ? error.message : String(error), error);
  }
}

export function failure(path: string, why: string, cause?: unknown): SandboxException {
  return new SandboxException({ code: "LOCAL_FILE", message: `The local file ${path}: ${why}.`, cause });
}

function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}
