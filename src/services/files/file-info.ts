import type { components } from "../../../generated/execd.js";
import { expectDate, expectText, unexpectedResponse, type ResponseInfo } from "../../transport/response.js";
import { fromWireMode } from "./mode.js";

/** What a path leads to; `"other"` for sockets, devices and the like. */
export type FileType = "file" | "directory" | "symlink" | "other";

/** A file, directory or symbolic link; a link is described itself, not what it leads to. */
export interface FileInfo {
  /** Its absolute path. */
  readonly path: string;
  /** The kind of entry; `undefined` if an older server does not send it. */
  readonly type: FileType | undefined;
  /** Its length in bytes. */
  readonly size: number;
  /** When its content last changed. */
  readonly modifiedAt: Date;
  /** When it was created, or, where that is not known, when its mode or owner last changed. */
  readonly createdAt: Date;
  /** The owner's name; its number if it has no name. */
  readonly owner: string;
  /** The group's name; its number if it has no name. */
  readonly group: string;
  /** Its permissions in octal digits, `"644"` for rw-r--r--: what a {@link FileMode} may be. */
  readonly mode: string;
}

type WireFileInfo = components["schemas"]["FileInfo"];

/** Converts the server's description of a file. @throws {SandboxApiException} `UNEXPECTED_RESPONSE` if it breaks the contract */
export function toFileInfo(info: WireFileInfo, call: ResponseInfo): FileInfo {
  const { type, size, owner, group, mode } = info;
  if (!Number.isInteger(size) || !Number.isInteger(mode)) {
    throw unexpectedResponse("The server described a file without its size or mode.", call);
  }
  return {
    path: expectText(info.path, "path", call),
    type,
    size,
    modifiedAt: expectDate(info.modified_at, "modified_at", call),
    createdAt: expectDate(info.created_at, "created_at", call),
    owner,
    group,
    mode: fromWireMode(mode),
  };
}

/** Converts a list, as {@link toFileInfo} does. */
export function toFileInfos(infos: readonly WireFileInfo[], call: ResponseInfo): FileInfo[] {
  return infos.map((info) => toFileInfo(info, call));
}
