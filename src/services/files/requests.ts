import { assertOptionalText, type CallOptions } from "../../arguments.js";
import type { ByteSource } from "../../transport/segmented-body.js";
import type { ProgressCallback } from "./local-file.js";
import { toWireMode, type FileMode, type WireMode } from "./mode.js";
import type { ByteRange, LineRange } from "./range.js";

/** The permissions of a file. */
export interface Permissions {
  /** The mode, as a number or as octal digits; see {@link FileMode}. */
  readonly mode?: FileMode | undefined;
  /** The owner's name or number. */
  readonly owner?: string | undefined;
  /** The group's name or number. */
  readonly group?: string | undefined;
}

/** A file to write, for `files.writeFiles`. */
export interface WriteEntry {
  readonly path: string;
  /** The content. Bytes are not copied: do not change them until the call has resolved. */
  readonly data: ByteSource;
  /** The number of bytes, for a stream. Some gateways require it. */
  readonly size?: number | undefined;
  /**
   * The file's mode, even if the file exists. With `null`, an existing file keeps its mode and a new one gets 755.
   * @default 0o644
   */
  readonly mode?: FileMode | null | undefined;
  /** The owner's name or number. @default the server's own */
  readonly owner?: string | undefined;
  /** The group's name or number. @default the server's own */
  readonly group?: string | undefined;
}

/** Options of `files.writeFile`; see {@link WriteEntry}. */
export interface WriteFileOptions
  extends CallOptions, Pick<WriteEntry, "size" | "mode" | "owner" | "group"> {}

/** A file or directory to change, for `files.setPermissions`. Values that you omit are not changed. */
export interface PermissionEntry extends Permissions {
  readonly path: string;
}

/** A directory to create, for `files.createDirectories`. The default mode is 755. */
export interface DirectoryEntry extends Permissions {
  readonly path: string;
}

/** A file or directory to move, for `files.moveFiles`. */
export interface MoveEntry {
  readonly src: string;
  /** The new path, including the name. */
  readonly dest: string;
}

/** A text to replace in a file, for `files.replaceContents`. */
export interface ReplaceEntry {
  readonly path: string;
  /** The text to find, literally. */
  readonly oldContent: string;
  /** The new text. An empty text deletes the old one. */
  readonly newContent: string;
}

/** The outcome of a {@link ReplaceEntry}. */
export interface ReplaceResult {
  readonly path: string;
  /** The number of replacements; `undefined` if an older server does not send it. */
  readonly replacedCount: number | undefined;
}

/** Options of `files.readBytes` and `files.readBytesStream`. */
export interface ReadBytesOptions extends CallOptions {
  /** The bytes to read. @default all bytes */
  readonly range?: ByteRange | undefined;
}

/** Options of `files.readFile`: `range` or `lines`, not both. */
export interface ReadFileOptions extends ReadBytesOptions {
  /** The lines to read. They are joined by `\n`, without carriage returns and without a final newline. @default the whole file */
  readonly lines?: LineRange | undefined;
  /** The encoding, as a label for `TextDecoder`. @default "utf-8" */
  readonly encoding?: string | undefined;
}

/** Options of `files.download`. */
export interface DownloadOptions extends CallOptions {
  readonly onProgress?: ProgressCallback | undefined;
}

/** Options of `files.upload`. */
export interface UploadOptions extends DownloadOptions, Pick<WriteEntry, "owner" | "group"> {
  /** See {@link WriteEntry}. @default 0o755 if the owner of the local file may execute it, else 0o644 */
  readonly mode?: FileMode | null | undefined;
}

/** Options of `files.search`. */
export interface SearchOptions extends CallOptions {
  /**
   * The pattern for names: `*`, `?`, `[ab]`, `{a,b}`. It is case-sensitive. A pattern with a directory (`a/*`) finds
   * nothing. @default all names
   */
  readonly pattern?: string | undefined;
}

/** Options of `files.listDirectory`. */
export interface ListDirectoryOptions extends CallOptions {
  /** The number of levels, from 1. @default 1 */
  readonly depth?: number | undefined;
}

/** {@link Permissions} in their wire format. */
export interface WirePermissions {
  readonly mode?: WireMode;
  readonly owner?: string;
  readonly group?: string;
}

/** Converts permissions to their wire format. @throws {InvalidArgumentException} if one is invalid */
export function toWirePermissions({ mode, owner, group }: Permissions, name: string): WirePermissions {
  assertOptionalText(owner, `${name}.owner`);
  assertOptionalText(group, `${name}.group`);
  return {
    ...(mode !== undefined && { mode: toWireMode(mode, `${name}.mode`) }),
    ...(owner !== undefined && { owner }),
    ...(group !== undefined && { group }),
  };
}
