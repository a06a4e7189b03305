import type { components } from "../../generated/lifecycle.js";
import { expectDate, expectText, type ResponseInfo } from "../transport/response.js";
import { optionalDate, toStatus, type Status } from "./status.js";

/** A sandbox's state. Servers differ, so any string may come; `Failed` and `Terminated` are final. */
export type SandboxState =
  | "Pending"
  | "Running"
  | "Pausing"
  | "Paused"
  | "Resuming"
  | "Stopping"
  | "Terminated"
  | "Failed"
  | (string & {});

/** Where a sandbox is in its life, and why. */
export type SandboxStatus = Status<SandboxState>;

/** What the lifecycle server knows of a sandbox. */
export interface SandboxInfo {
  readonly id: string;
  readonly status: SandboxStatus;
  /** The image it was made from; servers never give its credentials back. */
  readonly image: { readonly uri: string } | undefined;
  /** The snapshot it was made from. */
  readonly snapshotId: string | undefined;
  readonly platform: { readonly os: string; readonly arch: string } | undefined;
  readonly entrypoint: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly extensions: Readonly<Record<string, string>>;
  readonly createdAt: Date;
  /** When it ends by itself; `undefined` where it lives until it is killed. */
  readonly expiresAt: Date | undefined;
}

/** Converts the server's description of a sandbox. @throws {SandboxApiException} `UNEXPECTED_RESPONSE` if a field is missing */
export function toSandboxInfo(wire: components["schemas"]["Sandbox"], call: ResponseInfo): SandboxInfo {
  const { image, platform } = wire;
  return {
    id: expectText(wire.id, "id", call),
    status: toStatus(wire.status, call),
    // Real servers omit null fields; others may send null.
    image: image ? { uri: image.uri } : undefined,
    snapshotId: wire.snapshotId ?? undefined,
    platform: platform ? { os: platform.os, arch: platform.arch } : undefined,
    entrypoint: wire.entrypoint ?? [],
    metadata: wire.metadata ?? {},
    extensions: wire.extensions ?? {},
    createdAt: expectDate(wire.createdAt, "createdAt", call),
    expiresAt: optionalDate(wire.expiresAt, "expiresAt", call),
  };
}
