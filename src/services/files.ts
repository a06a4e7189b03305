import {
  assertFunction,
  assertInteger,
  assertOptionalText,
  assertText,
  type CallOptions,
  checkOptions,
} from "../arguments.js";
import { InvalidArgumentException, SandboxInternalException } from "../errors.js";
import { throwIfAborted } from "../transport/abort.js";
import { defined } from "../transport/request.js";
import { expectRecord, expectRecords, unexpectedResponse } from "../transport/response.js";
import type { ByteSource } from "../transport/segmented-body.js";
import { collect, isDirectory, isMissing } from "./files/download.js";
import { toFileInfo, toFileInfos, type FileInfo } from "./files/file-info.js";
import { assertDistinct, assertPath, inBatches } from "./files/paths.js";
import { newDecoder, openFile } from "./files/reading.js";
import { downloadToLocal, uploadFromLocal, type RemoteFiles } from "./files/transfers.js";
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
} from "./files/requests.js";
import { createAll, DEFAULT_DIRECTORY_MODE, writeAll } from "./files/writing.js";
import type { SandboxLink } from "./link.js";

/**
 * The files of a sandbox.
 *
 * In paths, the server expands `~`, `$VAR` and `${VAR}`. Relative paths are relative to the server's own directory. Methods
 * that take several paths reject duplicates and send no request for an empty list. They are not atomic: if one path fails,
 * others may have been changed.
 *
 * Every method throws {@link InvalidArgumentException} for invalid arguments before anything is sent, and
 * {@link SandboxApiException} with the server's code, such as `FILE_NOT_FOUND` (404). Uploads and downloads have no time
 * limit: they fail if no byte is transferred for the connection's `streamIdleTimeoutSeconds`.
 */
export class Files {
  readonly #link: SandboxLink;

  /** @internal */
  constructor(link: SandboxLink) {
    this.#link = link;
  }

  /**
   * Reads a file as text. A byte order mark is kept.
   *
   * @throws what {@link readBytesStream} throws
   *
   * @example
   * ```ts
   * await sandbox.files.readFile("/etc/hostname");
   * await sandbox.files.readFile("/var/log/app.log", { lines: { first: 100, count: 20 } });
   * ```
   */
  async readFile(path: string, options: ReadFileOptions = {}): Promise<string> {
    const { encoding = "utf-8", lines, signal } = checkOptions(options);
    const decoder = newDecoder(encoding);
    const { body, call } = await openFile(this.#link.execd, path, options);
    const text = decoder.decode(await collect(body));
    if (lines !== undefined && text === "") {
      // For a directory, servers send no lines either.
      const { [path]: info } = await this.getFileInfo([path], { signal });
      if (info?.type === "directory") throw isDirectory(path, call);
    }
    return text;
  }

  /** Reads a file, or a range of it, as bytes. @throws what {@link readBytesStream} throws */
  async readBytes(path: string, options: ReadBytesOptions = {}): Promise<Uint8Array> {
    const { range, signal } = checkOptions(options);
    return await collect((await openFile(this.#link.execd, path, { range, signal })).body);
  }

  /**
   * Reads a file of any size as a stream. To end it early, cancel the stream or leave the loop over it.
   *
   * @throws {SandboxApiException} `FILE_NOT_FOUND`, `IS_DIRECTORY`, `RANGE_NOT_SATISFIABLE` (status 416: the range contains
   * no byte of the file). If the file does not arrive completely, the stream fails with {@link SandboxConnectionException}
   * (`STREAM_CUT`, `STREAM_BROKEN`) or {@link SandboxTimeoutException} (`STREAM_STALLED`).
   */
  async readBytesStream(path: string, options: ReadBytesOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const { range, signal } = checkOptions(options);
    return (await openFile(this.#link.execd, path, { range, signal })).body;
  }

  /**
   * Writes files, replaces existing ones, and creates their parent directories (755). Small files share a request. A large
   * file is streamed.
   *
   * A stream can be read only once, so a request with a stream is never retried. An error of your stream is thrown
   * unchanged.
   *
   * @throws {SandboxApiException} status 500 if a path is a directory or an owner is unknown; in the latter case the file
   * has been written
   *
   * @example
   * ```ts
   * await sandbox.files.writeFiles([
   *   { path: "/workspace/main.py", data: "print('hi')\n" },
   *   { path: "/workspace/run.sh", data: script, mode: 0o755 },
   *   { path: "/workspace/video.mp4", data: createReadStream("video.mp4") },
   * ]);
   * ```
   */
  async writeFiles(files: readonly WriteEntry[], options: CallOptions = {}): Promise<void> {
    checkOptions(options);
    assertDistinct(files, "files", ({ path }) => path);
    await writeAll(this.#link.execd, files, options);
  }

  /**
   * Writes a file; see {@link writeFiles}.
   *
   * @example
   * ```ts
   * await sandbox.files.writeFile("/workspace/main.py", "print('hi')\n");
   * ```
   */
  async writeFile(path: string, data: ByteSource, options: WriteFileOptions = {}): Promise<void> {
    const { size, mode, owner, group, signal } = checkOptions(options);
    assertPath(path);
    await this.writeFiles([{ path, data, size, mode, owner, group }], { signal });
  }

  /** Deletes a file; see {@link deleteFiles}. */
  async deleteFile(path: string, options: CallOptions = {}): Promise<void> {
    assertPath(path);
    await this.deleteFiles([path], options);
  }

  /**
   * Returns the metadata of a file, directory or symbolic link.
   *
   * @throws {SandboxApiException} `FILE_NOT_FOUND` if it does not exist
   *
   * @example
   * ```ts
   * const { size, mode } = await sandbox.files.getInfo("/etc/hosts");
   * ```
   */
  async getInfo(path: string, options: CallOptions = {}): Promise<FileInfo> {
    assertPath(path);
    const [info] = Object.values(await this.getFileInfo([path], options));
    if (info === undefined) throw new SandboxInternalException({ message: `No description of ${path}.` });
    return info;
  }

  /** Returns whether a file, a directory or a symbolic link exists at a path. */
  async exists(path: string, options: CallOptions = {}): Promise<boolean> {
    try {
      await this.getInfo(path, options);
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  /** Deletes files. Succeeds for files that do not exist. @throws {SandboxApiException} status 500 for a directory */
  async deleteFiles(paths: readonly string[], options: CallOptions = {}): Promise<void> {
    assertDistinct(paths, "paths", (path) => path);
    const { client, json } = this.#link.execd;
    for (const path of inBatches(paths)) {
      await client.DELETE("/files", { params: { query: { path } }, fetch: json(options).fetch });
    }
  }

  /** Deletes directories with their content, and also files. Succeeds for paths that do not exist. */
  async deleteDirectories(paths: readonly string[], options: CallOptions = {}): Promise<void> {
    assertDistinct(paths, "paths", (path) => path);
    const { client, json } = this.#link.execd;
    for (const path of inBatches(paths)) {
      await client.DELETE("/directories", { params: { query: { path } }, fetch: json(options).fetch });
    }
  }

  /**
   * Returns the metadata of files and directories, by the paths that you pass.
   *
   * @throws {SandboxApiException} `FILE_NOT_FOUND` if one of them does not exist
   *
   * @example
   * ```ts
   * const { "/etc/hosts": hosts } = await sandbox.files.getFileInfo(["/etc/hosts"]);
   * hosts?.mode; // "644"
   * ```
   */
  async getFileInfo(paths: readonly string[], options: CallOptions = {}): Promise<Record<string, FileInfo>> {
    assertDistinct(paths, "paths", (path) => path);
    const { client, json } = this.#link.execd;
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

  /**
   * Finds files and symbolic links below a directory, at any depth, by their names.
   *
   * @throws {SandboxApiException} status 500 for a malformed pattern
   */
  async search(path: string, options: SearchOptions = {}): Promise<FileInfo[]> {
    assertPath(path);
    const { pattern, signal } = checkOptions(options);
    assertOptionalText(pattern, "pattern");
    const { client, json } = this.#link.execd;
    const call = json({ signal });
    const { data } = await client.GET("/files/search", {
      params: { query: defined({ path, pattern }) },
      fetch: call.fetch,
    });
    return toFileInfos(expectRecords(data, call), call);
  }

  /**
   * Lists the content of a directory, sorted by name. A directory comes before its content. Symbolic links are not followed.
   *
   * @throws {SandboxApiException} status 400 for a file, and for a symbolic link
   */
  async listDirectory(path: string, options: ListDirectoryOptions = {}): Promise<FileInfo[]> {
    assertPath(path);
    const { depth, signal } = checkOptions(options);
    assertInteger(depth, "depth", 1);
    const { client, json } = this.#link.execd;
    const call = json({ signal });
    const { data } = await client.GET("/directories/list", {
      params: { query: defined({ path, depth }) },
      fetch: call.fetch,
    });
    return toFileInfos(expectRecords(data, call), call);
  }

  /**
   * Creates directories and their parents. An existing directory keeps its mode and owner. A string is the path of a
   * directory with mode 755.
   */
  async createDirectories(
    directories: readonly (string | DirectoryEntry)[],
    options: CallOptions = {},
  ): Promise<void> {
    const entries = assertDistinct(directories, "directories", (entry) =>
      typeof entry === "string" ? entry : entry.path,
    );
    await createAll(
      this.#link.execd,
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

  /** Moves files and directories, and creates parent directories. @throws {SandboxApiException} status 500 if the destination exists */
  async moveFiles(moves: readonly MoveEntry[], options: CallOptions = {}): Promise<void> {
    assertDistinct(moves, "moves", ({ src }) => src, "src");
    assertDistinct(moves, "moves", ({ dest }) => dest, "dest");
    if (moves.length === 0) return;
    const { client, json } = this.#link.execd;
    await client.POST("/files/mv", {
      body: moves.map(({ src, dest }) => ({ src, dest })),
      fetch: json(options).fetch,
    });
  }

  /**
   * Replaces all occurrences of a text in each file.
   *
   * @returns the number of replacements in each file, in the order of the entries
   * @throws {SandboxApiException} status 500 for a directory
   */
  async replaceContents(
    replacements: readonly ReplaceEntry[],
    options: CallOptions = {},
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
    const { client, json } = this.#link.execd;
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

  /**
   * Changes the mode and owner of files and directories. The content of a directory is not changed.
   *
   * @throws {SandboxApiException} status 500 if a file does not exist, or if an owner or group is unknown
   */
  async setPermissions(entries: readonly PermissionEntry[], options: CallOptions = {}): Promise<void> {
    const body = assertDistinct(entries, "entries", ({ path }) => path).map(([path, entry], index) => {
      const permissions = toWirePermissions(entry, `entries[${index}]`);
      if (Object.keys(permissions).length === 0) {
        throw new InvalidArgumentException(`entries[${index}] must have a mode, an owner or a group.`);
      }
      // 0 leaves the mode as it is.
      return [path, { mode: 0, ...permissions }] as const;
    });
    if (body.length === 0) return;
    const { client, json } = this.#link.execd;
    await client.POST("/files/permissions", { body: Object.fromEntries(body), fetch: json(options).fetch });
  }

  /**
   * Copies a local file, or a directory with its content, into the sandbox. `path` is the path of the copy itself.
   * Directories may already exist. Symbolic links inside a directory are not copied; the logger receives a warning. Not in
   * browsers.
   *
   * @throws {SandboxException} `LOCAL_FILE` if a local file cannot be read
   *
   * @example
   * ```ts
   * await sandbox.files.upload("project", "/workspace/project", {
   *   onProgress: ({ transferredBytes, totalBytes }) => console.log(transferredBytes, totalBytes),
   * });
   * ```
   */
  async upload(localPath: string, path: string, options: UploadOptions = {}): Promise<void> {
    assertText(localPath, "localPath");
    assertPath(path);
    assertFunction(checkOptions(options).onProgress, "onProgress");
    throwIfAborted(options.signal);
    await uploadFromLocal(this.#remote, localPath, path, options);
  }

  /**
   * Copies a file of the sandbox, or a directory with its content, to a local path. `localPath` is the path of the copy
   * itself. A local file is replaced only after the new one has arrived completely. Symbolic links inside a directory are not
   * copied, and nothing is written outside `localPath`. Not in browsers.
   *
   * @throws what {@link readBytesStream} and its stream throw
   * @throws {SandboxException} `LOCAL_FILE` if a local file cannot be written, or if a symbolic link is in its place
   */
  async download(path: string, localPath: string, options: DownloadOptions = {}): Promise<void> {
    assertPath(path);
    assertText(localPath, "localPath");
    assertFunction(checkOptions(options).onProgress, "onProgress");
    throwIfAborted(options.signal);
    await downloadToLocal(this.#remote, path, localPath, options);
  }

  get #remote(): RemoteFiles {
    return {
      logger: this.#link.config.logger,
      writeFiles: (files, options) => this.writeFiles(files, options),
      createDirectories: (directories, options) => this.createDirectories(directories, options),
      getInfo: (path, options) => this.getInfo(path, options),
      listDirectory: (path, options) => this.listDirectory(path, options),
      open: (path, options) => openFile(this.#link.execd, path, options),
    };
  }
}
