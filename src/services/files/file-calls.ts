import {
  assertFunction,
  assertInteger,
  assertOptionalText,
  assertText,
  type CallOptions,
  checkOptions,
} from "../../arguments.js";
import { InvalidArgumentException, SandboxInternalException } from "../../errors.js";
import { throwIfAborted } from "../../transport/abort.js";
import { defined } from "../../transport/request.js";
import { expectRecord, expectRecords, unexpectedResponse } from "../../transport/response.js";
import type { ByteSource } from "../../transport/segmented-body.js";
import { collect, isDirectory, isMissing } from "./download.js";
import { toFileInfo, toFileInfos, type FileInfo } from "./file-info.js";
import { assertDistinct, assertPath, inBatches } from "./paths.js";
import { newDecoder, openFile } from "./reading.js";
import { downloadToLocal, uploadFromLocal, type RemoteFiles } from "./transfers.js";
import {
  toWirePermissions,
  type DirectoryEntry,
  type DownloadOptions,
  type ListDirectoryOptions,
  type MoveEntry,
  type PermissionEntry,
  type ReadBytesOptions,
  type ReadFileOptions,
  type ReplaceEntry,
  type ReplaceResult,
  type SearchOptions,
  type UploadOptions,
  type WriteEntry,
  type WriteFileOptions,
} from "./requests.js";
import { createAll, DEFAULT_DIRECTORY_MODE, writeAll } from "./writing.js";
import type { FileLink } from "./file-transport.js";

/** Implements `files.readFile`. */
export async function readFile(link: FileLink, path: string, options: ReadFileOptions): Promise<string> {
  const { encoding = "utf-8", lines, signal } = checkOptions(options);
  const decoder = newDecoder(encoding);
  const { body, call } = await openFile(link.execd, path, options);
  const text = decoder.decode(await collect(body));
  if (lines !== undefined && text === "") {
    // For a directory, servers send no lines either.
    const { [path]: info } = await getFileInfo(link, [path], { signal });
    if (info?.type === "directory") throw isDirectory(path, call);
  }
  return text;
}

/** Implements `files.readBytes`. */
export async function readBytes(
  link: FileLink,
  path: string,
  options: ReadBytesOptions,
): Promise<Uint8Array> {
  const { range, signal } = checkOptions(options);
  return await collect((await openFile(link.execd, path, { range, signal })).body);
}

/** Implements `files.readBytesStream`. */
export async function readBytesStream(
  link: FileLink,
  path: string,
  options: ReadBytesOptions,
): Promise<ReadableStream<Uint8Array>> {
  const { range, signal } = checkOptions(options);
  return (await openFile(link.execd, path, { range, signal })).body;
}

/** Implements `files.writeFiles`. */
export async function writeFiles(
  link: FileLink,
  files: readonly WriteEntry[],
  options: CallOptions,
): Promise<void> {
  checkOptions(options);
  assertDistinct(files, "files", ({ path }) => path);
  await writeAll(link.execd, files, options);
}

/** Implements `files.writeFile`. */
export async function writeFile(
  link: FileLink,
  path: string,
  data: ByteSource,
  options: WriteFileOptions,
): Promise<void> {
  const { size, mode, owner, group, signal } = checkOptions(options);
  assertPath(path);
  await writeFiles(link, [{ path, data, size, mode, owner, group }], { signal });
}

/** Implements `files.deleteFile`. */
export async function deleteFile(link: FileLink, path: string, options: CallOptions): Promise<void> {
  assertPath(path);
  await deleteFiles(link, [path], options);
}

/** Implements `files.getInfo`. */
export async function getInfo(link: FileLink, path: string, options: CallOptions): Promise<FileInfo> {
  assertPath(path);
  const [info] = Object.values(await getFileInfo(link, [path], options));
  if (info === undefined) throw new SandboxInternalException({ message: `No description of ${path}.` });
  return info;
}

/** Implements `files.exists`. */
export async function exists(link: FileLink, path: string, options: CallOptions): Promise<boolean> {
  try {
    await getInfo(link, path, options);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** Implements `files.deleteFiles`. */
export async function deleteFiles(
  link: FileLink,
  paths: readonly string[],
  options: CallOptions,
): Promise<void> {
  assertDistinct(paths, "paths", (path) => path);
  const { client, json } = link.execd;
  for (const path of inBatches(paths)) {
    await client.DELETE("/files", { params: { query: { path } }, fetch: json(options).fetch });
  }
}

/** Implements `files.deleteDirectories`. */
export async function deleteDirectories(
  link: FileLink,
  paths: readonly string[],
  options: CallOptions,
): Promise<void> {
  assertDistinct(paths, "paths", (path) => path);
  const { client, json } = link.execd;
  for (const path of inBatches(paths)) {
    await client.DELETE("/directories", { params: { query: { path } }, fetch: json(options).fetch });
  }
}

/** Implements `files.getFileInfo`. */
export async function getFileInfo(
  link: FileLink,
  paths: readonly string[],
  options: CallOptions,
): Promise<Record<string, FileInfo>> {
  assertDistinct(paths, "paths", (path) => path);
  const { client, json } = link.execd;
  const found: [string, FileInfo][] = [];
  for (const batch of inBatches(paths)) {
    const call = json(options);
    const { data } = await client.GET("/files/info", {
      params: { query: { path: batch } },
      fetch: call.fetch,
    });
    const infos = new Map(Object.entries(expectRecord(data, call)));
    for (const path of batch) {
      const info = infos.get(path);
      // A server may send null for a missing description.
      if (!info) throw unexpectedResponse(`The server did not describe ${path}.`, call);
      found.push([path, toFileInfo(info, call)]);
    }
  }
  return Object.fromEntries(found);
}

/** Implements `files.search`. */
export async function search(link: FileLink, path: string, options: SearchOptions): Promise<FileInfo[]> {
  assertPath(path);
  const { pattern, signal } = checkOptions(options);
  assertOptionalText(pattern, "pattern");
  const { client, json } = link.execd;
  const call = json({ signal });
  const { data } = await client.GET("/files/search", {
    params: { query: defined({ path, pattern }) },
    fetch: call.fetch,
  });
  return toFileInfos(expectRecords(data, call), call);
}

/** Implements `files.listDirectory`. */
export async function listDirectory(
  link: FileLink,
  path: string,
  options: ListDirectoryOptions,
): Promise<FileInfo[]> {
  assertPath(path);
  const { depth, signal } = checkOptions(options);
  assertInteger(depth, "depth", 1);
  const { client, json } = link.execd;
  const call = json({ signal });
  const { data } = await client.GET("/directories/list", {
    params: { query: defined({ path, depth }) },
    fetch: call.fetch,
  });
  return toFileInfos(expectRecords(data, call), call);
}

/** Implements `files.createDirectories`. */
export async function createDirectories(
  link: FileLink,
  directories: readonly (string | DirectoryEntry)[],
  options: CallOptions,
): Promise<void> {
  const entries = assertDistinct(directories, "directories", (entry) =>
    typeof entry === "string" ? entry : entry.path,
  );
  await createAll(
    link.execd,
    Object.fromEntries(
      entries.map(([path, entry], index) => [
        path,
        {
          mode: DEFAULT_DIRECTORY_MODE,
          ...(typeof entry !== "string" && toWirePermissions(entry, `directories[${index}]`)),
        },
      ]),
    ),
    options,
  );
}

/** Implements `files.moveFiles`. */
export async function moveFiles(
  link: FileLink,
  moves: readonly MoveEntry[],
  options: CallOptions,
): Promise<void> {
  assertDistinct(moves, "moves", ({ src }) => src, "src");
  assertDistinct(moves, "moves", ({ dest }) => dest, "dest");
  if (moves.length === 0) return;
  const { client, json } = link.execd;
  await client.POST("/files/mv", {
    body: moves.map(({ src, dest }) => ({ src, dest })),
    fetch: json(options).fetch,
  });
}

/** Implements `files.replaceContents`. */
export async function replaceContents(
  link: FileLink,
  replacements: readonly ReplaceEntry[],
  options: CallOptions,
): Promise<ReplaceResult[]> {
  const entries = assertDistinct(replacements, "replacements", ({ path }) => path).map(
    ([path, { oldContent, newContent }], index) => {
      if (typeof oldContent !== "string" || oldContent === "" || typeof newContent !== "string") {
        throw new InvalidArgumentException(
          `replacements[${index}] must have the strings oldContent, not empty, and newContent.`,
        );
      }
      return [path, { old: oldContent, new: newContent }] as const;
    },
  );
  if (entries.length === 0) return [];
  const { client, json } = link.execd;
  const call = json(options);
  const { data } = await client.POST("/files/replace", {
    params: { query: { verbose: true } },
    body: Object.fromEntries(entries),
    fetch: call.fetch,
  });
  // Older servers respond without a body.
  const counts = new Map(Object.entries(data ?? {}));
  return entries.map(([path]) => ({ path, replacedCount: counts.get(path)?.replacedCount }));
}

/** Implements `files.setPermissions`. */
export async function setPermissions(
  link: FileLink,
  entries: readonly PermissionEntry[],
  options: CallOptions,
): Promise<void> {
  const body = assertDistinct(entries, "entries", ({ path }) => path).map(([path, entry], index) => {
    const permissions = toWirePermissions(entry, `entries[${index}]`);
    if (Object.keys(permissions).length === 0) {
      throw new InvalidArgumentException(`entries[${index}] must have a mode, an owner or a group.`);
    }
    // 0 leaves the mode as it is.
    return [path, { mode: 0, ...permissions }] as const;
  });
  if (body.length === 0) return;
  const { client, json } = link.execd;
  await client.POST("/files/permissions", { body: Object.fromEntries(body), fetch: json(options).fetch });
}

/** Implements `files.upload`. */
export async function upload(
  link: FileLink,
  localPath: string,
  path: string,
  options: UploadOptions,
): Promise<void> {
  assertText(localPath, "localPath");
  assertPath(path);
  assertFunction(checkOptions(options).onProgress, "onProgress");
  throwIfAborted(options.signal);
  await uploadFromLocal(remoteFiles(link), localPath, path, options);
}

/** Implements `files.download`. */
export async function download(
  link: FileLink,
  path: string,
  localPath: string,
  options: DownloadOptions,
): Promise<void> {
  assertPath(path);
  assertText(localPath, "localPath");
  assertFunction(checkOptions(options).onProgress, "onProgress");
  throwIfAborted(options.signal);
  await downloadToLocal(remoteFiles(link), path, localPath, options);
}

function remoteFiles(link: FileLink): RemoteFiles {
  return {
    logger: link.config.logger,
    writeFiles: (files, options) => writeFiles(link, files, options),
    createDirectories: (directories, options) => createDirectories(link, directories, options),
    getInfo: (path, options) => getInfo(link, path, options),
    listDirectory: (path, options) => listDirectory(link, path, options),
    open: (path, options) => openFile(link.execd, path, options),
  };
}
