import type { components } from "../../../generated/execd.js";
import { expectDate, expectText, unexpectedResponse, type ResponseInfo } from "../../transport/response.js";
import { fromWireMode } from "./mode.js";

/** The kind of an entry; `"other"` for sockets, devices and the like. */
export type FileType = "file" | "directory" | "symlink" | "other";

/** The metadata of a file, directory or symbolic link. For a link, it describes the link itself. */
export interface FileInfo {
  /** The absolute path. */
  readonly path: string;
  /** The kind of entry; `undefined` if an older server does not send it. */
  readonly type: FileType | undefined;
  /** The size in bytes. */
  readonly size: number;
  /** When the content was last changed. */
  readonly modifiedAt: Date;
  /** When it was created or, if that is not known, when its mode or owner was last changed. */
  readonly createdAt: Date;
  /** The owner's name, or id if the owner has no name; empty if the server does not know it. */
  readonly owner: string;
  /** The group's name, or id if the group has no name; empty if the server does not know it. */
  readonly group: string;
  /** The permissions as octal digits, such as `"644"` for rw-r--r--. Can be passed as a {@link FileMode}. */
  readonly mode: string;
}

type WireFileInfo = components["schemas"]["FileInfo"];

/** Converts the server's description of a file. @throws {SandboxApiException} `UNEXPECTED_RESPONSE` if it breaks the contract */
export function toFileInfo(info: WireFileInfo, call: ResponseInfo): FileInfo {
  // Of files in isolated sessions, servers send neither owner nor group.
  const { type, size, owner = "", group = "", mode } = info;
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

/** Converts a list; see {@link toFileInfo}. */
export function toFileInfos(infos: readonly WireFileInfo[], call: ResponseInfo): FileInfo[] {
  return infos.map((info) => toFileInfo(info, call));
}
