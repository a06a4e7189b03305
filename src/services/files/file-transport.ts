import type { ExecdClient } from "../../../generated/execd.js";
import type { ConnectionConfig } from "../../connection.js";
import type { Transport } from "../../transport/transport.js";

/** What `Files` needs of a transport: the files of isolated sessions have a client of their own. */
export type FileTransport = Pick<Transport<ExecdClient>, "client" | "json" | "download" | "upload">;

/** The part of a sandbox's link that `Files` needs. */
export interface FileLink {
  readonly config: Pick<ConnectionConfig, "logger">;
  readonly execd: FileTransport;
}
