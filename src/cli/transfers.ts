import path from "node:path";
import type { Sandbox, TransferProgress } from "../index.js";
import type { Io } from "./io.js";
import { describeBytes, oneLine } from "./text.js";
import type { Transfer } from "./option-parsers.js";

const BAR_CELLS = 24;
/** The shortest time between two updates of the progress bar, in milliseconds. */
const FRAME_MILLIS = 50;

/** Copies local files and folders into a sandbox; without a target, into the folder in which programs run. */
export async function upload(sandbox: Sandbox, transfers: readonly Transfer[], io: Io): Promise<void> {
  for (const { from, to } of transfers) {
    const target = to ?? path.basename(path.resolve(from));
    await withProgress(io, `Uploading ${from}`, (onProgress) =>
      sandbox.files.upload(from, target, { onProgress, signal: io.stop.signal }),
    );
  }
}

/** Copies files and folders of a sandbox to this machine; without a target, into the current folder. */
export async function download(sandbox: Sandbox, transfers: readonly Transfer[], io: Io): Promise<void> {
  for (const { from, to } of transfers) {
    const target = to ?? localName(from);
    await withProgress(io, `Downloading ${from}`, (onProgress) =>
      sandbox.files.download(from, target, { onProgress, signal: io.stop.signal }),
    );
  }
}

/** Returns the last part of a path of the sandbox. It never leads out of the current folder. */
export function localName(remotePath: string): string {
  const name = path.posix.basename(path.posix.normalize(remotePath));
  return name === ".." || name === "/" || name === "" ? "." : name;
}

/** Shows a progress bar during a transfer, if stderr is a terminal. */
export async function withProgress(
  io: Io,
  title: string,
  work: (onProgress: (progress: TransferProgress) => void) => Promise<unknown>,
): Promise<void> {
  if (!process.stderr.isTTY || io.json) {
    await work(() => undefined);
    return;
  }
  let drawnAt = 0;
  const draw = (progress: TransferProgress) => {
    drawnAt = performance.now();
    process.stderr.write(`\r\x1b[K${oneLine(title)}  ${describeProgress(progress)}`);
  };
  let last: TransferProgress = { transferredBytes: 0, totalBytes: undefined };
  try {
    await work((progress) => {
      last = progress;
      if (performance.now() - drawnAt >= FRAME_MILLIS) draw(progress);
    });
    draw(last);
  } finally {
    process.stderr.write("\n");
  }
}

/** Formats the progress of a transfer, with a bar if its size is known. */
export function describeProgress({ transferredBytes, totalBytes }: TransferProgress): string {
  if (totalBytes === undefined) return describeBytes(transferredBytes);
  const share = totalBytes === 0 ? 1 : Math.min(1, transferredBytes / totalBytes);
  const filled = Math.round(share * BAR_CELLS);
  const bar = "█".repeat(filled) + "░".repeat(BAR_CELLS - filled);
  return `${bar} ${String(Math.floor(share * 100)).padStart(3)} %  ${describeBytes(transferredBytes)}`;
}
