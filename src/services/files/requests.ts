import { assertOptionalText, type CallOptions } from "../../arguments.js";
import type { ByteSource } from "../../transport/segmented-body.js";
import type { ProgressCallback } from "./local-file.js";
import { toWireMode, type FileMode, type WireMode } from "./mode.js";
import type { ByteRange, LineRange } from "./range.js";

/** The permissions of a file. */
export interface Permissions {
  /** What may be done with it; see {@link FileMode} for how to write one. */
  readonly mode?: FileMode | undefined;
  /** The owner's name or number. */
  readonly owner?: string | undefined;
  /** The group's name or number. */
  readonly group?: string | undefined;
}

/** A file to write, for `files.writeFiles`. */
export interface WriteEntry {
  readonly path: string;
  /** What is to be in it. Bytes are not copied: leave them alone until they are written. */
  readonly data: ByteSource;
  /** How many bytes `data` has, for streams, which have no size: some gateways require it. */
  readonly size?: number | undefined;
  /**
   * The file's mode, also where it exists already. `null` leaves it to the server: a file that exists keeps its mode, a
   * new one gets 755.
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

/** A file or directory to change, for `files.setPermissions`: what is not given stays as it is. */
export interface PermissionEntry extends Permissions {
  readonly path: string;
}

/** A directory to make, for `files.createDirectories`; its mode is 755 by default. */
export interface DirectoryEntry extends Permissions {
  readonly path: string;
}

/** A file or directory to move, for `files.moveFiles`. */
export interface MoveEntry {
  readonly src: string;
  /** Where to, with the new name. */
  readonly dest: string;
}

/** A text to replace in a file, for `files.replaceContents`. */
export interface ReplaceEntry {
  readonly path: string;
  /** The text to find, literally. */
  readonly oldContent: string;
  /** What to put in its place; an empty text deletes. */
  readonly newContent: string;
}

/** The outcome of a {@link ReplaceEntry}. */
export interface ReplaceResult {
  readonly path: string;
  /** How often the text was found; `undefined` if an older server does not send it. */
  readonly replacedCount: number | undefined;
}

/** Options of `files.readBytes` and `files.readBytesStream`. */
export interface ReadBytesOptions extends CallOptions {
  /** Only these bytes. @default all */
  readonly range?: ByteRange | undefined;
}

/** Options of `files.readFile`: `range` or `lines`, not both. */
export interface ReadFileOptions extends ReadBytesOptions {
  /** Only these lines, joined by `\n`, without carriage returns and without a newline at the end. @default all, as they are */
  readonly lines?: LineRange | undefined;
  /** How the bytes become text: a label that `TextDecoder` knows. @default "utf-8" */
  readonly encoding?: string | undefined;
}

/** Options of `files.download`. */
export interface DownloadOptions extends CallOptions {
  readonly onProgress?: ProgressCallback | undefined;
}

/** Options of `files.upload`. */
export interface UploadOptions extends DownloadOptions, Pick<WriteEntry, "owner" | "group"> {
  /** As for {@link WriteEntry}. @default 0o755 for what the local file's owner may execute, 0o644 for others */
  readonly mode?: FileMode | null | undefined;
}

/** Options of `files.search`. */
export interface SearchOptions extends CallOptions {
  /**
   * What a name must be like: `*`, `?`, `[ab]`, `{a,b}`. Upper and lower case differ, and a pattern with a directory in
   * it (`a/*`) finds nothing. @default all
   */
  readonly pattern?: string | undefined;
}

/** Options of `files.listDirectory`. */
export interface ListDirectoryOptions extends CallOptions {
  /** How many levels, from 1. @default 1 */
  readonly depth?: number | undefined;
}

/** {@link Permissions} as servers take them. */
export interface WirePermissions {
  readonly mode?: WireMode;
  readonly owner?: string;
  readonly group?: string;
}

/** @throws {InvalidArgumentException} that names what is wrong */
export function toWirePermissions({ mode, owner, group }: Permissions, name: string): WirePermissions {
  assertOptionalText(owner, `${name}.owner`);
  assertOptionalText(group, `${name}.group`);
  return {
    ...(mode !== undefined && { mode: toWireMode(mode, `${name}.mode`) }),
    ...(owner !== undefined && { owner }),
    ...(group !== undefined && { group }),
  };
}
