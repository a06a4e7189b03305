import type { CallOptions } from "../arguments.js";
import { isRecord } from "../json.js";
import { keepFailure } from "../transport/platform.js";
import type { ByteSource } from "../transport/segmented-body.js";
import type { FileInfo } from "./files/file-info.js";
import type {
  DirectoryEntry,
  DownloadOptions,
  ListDirectoryOptions,
  MoveEntry,
  PermissionEntry,
  ReadBytesOptions,
  ReadFileOptions,
  ReplaceEntry,
  ReplaceResult,
  SearchOptions,
  UploadOptions,
  WriteEntry,
  WriteFileOptions,
} from "./files/requests.js";
import type { FileLink } from "./files/file-transport.js";

/** Loaded when it is used: many programs only run code. */
const calls = () => import("./files/file-calls.js");

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
  readonly #link: FileLink;

  /** @internal */
  constructor(link: FileLink) {
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
    return (await calls()).readFile(this.#link, path, options);
  }

  /** Reads a file, or a range of it, as bytes. @throws what {@link readBytesStream} throws */
  async readBytes(path: string, options: ReadBytesOptions = {}): Promise<Uint8Array> {
    return (await calls()).readBytes(this.#link, path, options);
  }

  /**
   * Reads a file of any size as a stream. To end it early, cancel the stream or leave the loop over it.
   *
   * @throws {SandboxApiException} `FILE_NOT_FOUND`, `IS_DIRECTORY`, `RANGE_NOT_SATISFIABLE` (status 416: the range contains
   * no byte of the file). If the file does not arrive completely, the stream fails with {@link SandboxConnectionException}
   * (`STREAM_CUT`, `STREAM_BROKEN`) or {@link SandboxTimeoutException} (`STREAM_STALLED`).
   */
  async readBytesStream(path: string, options: ReadBytesOptions = {}): Promise<ReadableStream<Uint8Array>> {
    return (await calls()).readBytesStream(this.#link, path, options);
  }

  /**
   * Writes files, replaces existing ones, and creates their parent directories (755). Up to 400 files share
   * a request. Bodies are streamed, except in browsers.
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
    const entries: unknown = files;
    // A stream may fail before the calls are loaded.
    if (Array.isArray(entries)) {
      entries.forEach((entry: unknown) => keepFailure(isRecord(entry) ? entry["data"] : undefined));
    }
    return (await calls()).writeFiles(this.#link, files, options);
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
    keepFailure(data);
    return (await calls()).writeFile(this.#link, path, data, options);
  }

  /** Deletes a file; see {@link deleteFiles}. */
  async deleteFile(path: string, options: CallOptions = {}): Promise<void> {
    return (await calls()).deleteFile(this.#link, path, options);
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
    return (await calls()).getInfo(this.#link, path, options);
  }

  /** Returns whether a file, a directory or a symbolic link exists at a path. */
  async exists(path: string, options: CallOptions = {}): Promise<boolean> {
    return (await calls()).exists(this.#link, path, options);
  }

  /** Deletes files. Succeeds for files that do not exist. @throws {SandboxApiException} status 500 for a directory */
  async deleteFiles(paths: readonly string[], options: CallOptions = {}): Promise<void> {
    return (await calls()).deleteFiles(this.#link, paths, options);
  }

  /** Deletes directories with their content, and also files. Succeeds for paths that do not exist. */
  async deleteDirectories(paths: readonly string[], options: CallOptions = {}): Promise<void> {
    return (await calls()).deleteDirectories(this.#link, paths, options);
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
    return (await calls()).getFileInfo(this.#link, paths, options);
  }

  /**
   * Finds files and symbolic links below a directory, at any depth, by their names.
   *
   * @throws {SandboxApiException} status 500 for a malformed pattern
   */
  async search(path: string, options: SearchOptions = {}): Promise<FileInfo[]> {
    return (await calls()).search(this.#link, path, options);
  }

  /**
   * Lists the content of a directory, sorted by name. A directory comes before its content. Symbolic links are not followed.
   *
   * @throws {SandboxApiException} status 400 for a file, and for a symbolic link
   */
  async listDirectory(path: string, options: ListDirectoryOptions = {}): Promise<FileInfo[]> {
    return (await calls()).listDirectory(this.#link, path, options);
  }

  /**
   * Creates directories and their parents. An existing directory keeps its mode and owner. A string is the path of a
   * directory with mode 755.
   */
  async createDirectories(
    directories: readonly (string | DirectoryEntry)[],
    options: CallOptions = {},
  ): Promise<void> {
    return (await calls()).createDirectories(this.#link, directories, options);
  }

  /** Moves files and directories, and creates parent directories. @throws {SandboxApiException} status 500 if the destination exists */
  async moveFiles(moves: readonly MoveEntry[], options: CallOptions = {}): Promise<void> {
    return (await calls()).moveFiles(this.#link, moves, options);
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
    return (await calls()).replaceContents(this.#link, replacements, options);
  }

  /**
   * Changes the mode and owner of files and directories. The content of a directory is not changed.
   *
   * @throws {SandboxApiException} status 500 if a file does not exist, or if an owner or group is unknown
   */
  async setPermissions(entries: readonly PermissionEntry[], options: CallOptions = {}): Promise<void> {
    return (await calls()).setPermissions(this.#link, entries, options);
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
    return (await calls()).upload(this.#link, localPath, path, options);
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
    return (await calls()).download(this.#link, path, localPath, options);
  }
}
