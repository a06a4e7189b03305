import type { components } from "../../generated/lifecycle.js";
import { expectDate, expectText, type ResponseInfo } from "../transport/response.js";
import { toStatus, type Status } from "./status.js";

/** A snapshot's state. Servers differ, so any string may come; `Ready` and `Failed` are final. */
export type SnapshotState = "Creating" | "Ready" | "Failed" | "Deleting" | (string & {});

/** What the lifecycle server knows of a snapshot. */
export interface SnapshotInfo {
  readonly id: string;
  /** The sandbox whose files it holds. */
  readonly sandboxId: string;
  readonly name: string | undefined;
  readonly status: Status<SnapshotState>;
  readonly createdAt: Date;
}

/** Converts the server's description of a snapshot. @throws {SandboxApiException} `UNEXPECTED_RESPONSE` if a field is missing */
export function toSnapshotInfo(wire: components["schemas"]["Snapshot"], call: ResponseInfo): SnapshotInfo {
  return {
    id: expectText(wire.id, "id", call),
    sandboxId: expectText(wire.sandboxId, "sandboxId", call),
    name: wire.name ?? undefined,
    status: toStatus(wire.status, call),
    createdAt: expectDate(wire.createdAt, "createdAt", call),
  };
}
