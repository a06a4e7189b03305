import { lstat } from "node:fs/promises";
import path from "node:path";
import type { FileInfo } from "../../index.js";
import { UsageError } from "../errors.js";
import type { Io } from "../io.js";
import { describeBytes, table } from "../text.js";
import { localName, withProgress } from "../transfers.js";
import { connectSandbox, type WorkspaceOptions } from "../workspace.js";

/** Lists a folder of a sandbox. */
export async function list(
  folder: string,
  options: WorkspaceOptions & { readonly depth?: number },
  io: Io,
): Promise<number> {
  await using sandbox = await connectSandbox(options, io);
  const { signal } = io.stop;
  const infos = await sandbox.files.listDirectory(folder, { depth: options.depth, signal });
  if (io.json) for (const info of infos) await io.record(info);
  else if (infos.length > 0) await io.write(`${table(infos.map(toRow))}\n`);
  return 0;
}

/** Prints files of a sandbox to stdout, byte for byte. */
export async function cat(files: readonly string[], options: WorkspaceOptions, io: Io): Promise<number> {
  await using sandbox = await connectSandbox(options, io);
  const { signal } = io.stop;
  for (const file of files) {
    if (io.json) {
      await io.record({ path: file, ...decode(await sandbox.files.readBytes(file, { signal })) });
      continue;
    }
    for await (const chunk of await sandbox.files.readBytesStream(file, { signal })) await io.write(chunk);
  }
  return 0;
}

/** Copies a local file or folder into a sandbox. */
export async function push(
  {
    from,
    to = path.basename(path.resolve(from)),
  }: { readonly from: string; readonly to?: string | undefined },
  options: WorkspaceOptions,
  io: Io,
): Promise<number> {
  await using sandbox = await connectSandbox(options, io);
  await withProgress(io, `Uploading ${from}`, (onProgress) =>
    sandbox.files.upload(from, to, { onProgress, signal: io.stop.signal }),
  );
  if (io.json) await io.record({ from, to });
  return 0;
}

/** Copies a file or folder of a sandbox to this machine. */
export async function pull(
  { from, to }: { readonly from: string; readonly to?: string | undefined },
  options: WorkspaceOptions,
  io: Io,
): Promise<number> {
  await using sandbox = await connectSandbox(options, io);
  const target = await localTarget(from, to);
  await withProgress(io, `Downloading ${from}`, (onProgress) =>
    sandbox.files.download(from, target, { onProgress, signal: io.stop.signal }),
  );
  if (io.json) await io.record({ from, to: target });
  return 0;
}

/** Deletes files and, with `recursive`, folders of a sandbox. */
export async function remove(
  paths: readonly string[],
  options: WorkspaceOptions & { readonly recursive?: boolean },
  io: Io,
): Promise<number> {
  await using sandbox = await connectSandbox(options, io);
  const { signal } = io.stop;
  // Servers ignore a missing file. Here it is an error, since the path may be mistyped.
  const infos = await sandbox.files.getFileInfo(paths, { signal });
  if (options.recursive === true) {
    await sandbox.files.deleteDirectories(paths, { signal });
  } else {
    const folder = paths.find((each) => infos[each]?.type === "directory");
    if (folder !== undefined)
      throw new UsageError(`${folder} is a folder; -r deletes it with everything in it.`);
    await sandbox.files.deleteFiles(paths, { signal });
  }
  if (io.json) for (const each of paths) await io.record({ path: each, deleted: true });
  return 0;
}

/** Returns the path of the copy: as with `cp`, a source keeps its name inside a target that is a folder. */
async function localTarget(from: string, to: string | undefined): Promise<string> {
  const name = localName(from);
  if (to === undefined) return name;
  const isFolder = await lstat(to).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  return isFolder ? path.join(to, name) : to;
}

function toRow({ path: file, type, mode, owner, size, modifiedAt }: FileInfo): string[] {
  const isFolder = type === "directory";
  const time = modifiedAt.toISOString().slice(0, 16).replace("T", " ");
  return [mode.padStart(4), owner, isFolder ? "-" : describeBytes(size), time, isFolder ? `${file}/` : file];
}

function decode(bytes: Uint8Array): { readonly content: string } | { readonly base64: string } {
  try {
    return { content: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { base64: Buffer.from(bytes).toString("base64") };
  }
}
