import type { components } from "../../generated/lifecycle.js";
import { expectDate, expectText, optionalDate, type ResponseInfo } from "../transport/response.js";

/** The state of a sandbox or a snapshot, and why it is in that state. */
export interface Status<State extends string> {
  readonly state: State;
  /** A machine-readable reason, such as `CONTAINER_RUNNING`. */
  readonly reason: string | undefined;
  /** An explanation for people. */
  readonly message: string | undefined;
  /** When it reached this state. */
  readonly lastTransitionAt: Date | undefined;
}

/** Converts a status; accepts any state. @throws {SandboxApiException} `UNEXPECTED_RESPONSE` if the state is missing */
export function toStatus(
  wire:
    | {
        readonly state?: string;
        readonly reason?: string;
        readonly message?: string;
        readonly lastTransitionAt?: string;
      }
    | undefined,
  call: ResponseInfo,
): Status<string> {
  return {
    state: expectText(wire?.state, "status.state", call),
    reason: wire?.reason ?? undefined,
    message: wire?.message ?? undefined,
    lastTransitionAt: optionalDate(wire?.lastTransitionAt, "status.lastTransitionAt", call),
  };
}

/** A sandbox's state. Servers differ, so any string is possible; `Failed` and `Terminated` are final. */
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

/** A sandbox's state, and why it is in that state. */
export type SandboxStatus = Status<SandboxState>;

/** The lifecycle server's description of a sandbox. */
export interface SandboxInfo {
  readonly id: string;
  readonly status: SandboxStatus;
  /** The image it was created from; servers never return its credentials. */
  readonly image: { readonly uri: string } | undefined;
  /** The snapshot it was created from. */
  readonly snapshotId: string | undefined;
  /** The digest of the image that runs, such as `sha256:…`. Only newer servers tell it. */
  readonly resolvedImageDigest: string | undefined;
  /** The pool that it comes from. `undefined` for other sandboxes, and from servers before August 2026. */
  readonly allocation:
    { readonly mode: string; readonly poolRef: string; readonly state: string } | undefined;
  readonly platform: { readonly os: string; readonly arch: string } | undefined;
  readonly entrypoint: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly extensions: Readonly<Record<string, string>>;
  readonly createdAt: Date;
  /** When it expires; `undefined` if it does not expire. */
  readonly expiresAt: Date | undefined;
}

/** Converts the server's description of a sandbox. @throws {SandboxApiException} `UNEXPECTED_RESPONSE` if a field is missing */
export function toSandboxInfo(wire: components["schemas"]["Sandbox"], call: ResponseInfo): SandboxInfo {
  const { image, platform, allocation } = wire;
  return {
    id: expectText(wire.id, "id", call),
    status: toStatus(wire.status, call),
    // Real servers omit null fields; others may send null.
    image: image ? { uri: image.uri } : undefined,
    snapshotId: wire.snapshotId ?? undefined,
    resolvedImageDigest: wire.resolvedImageDigest ?? undefined,
    allocation: allocation
      ? { mode: allocation.mode, poolRef: allocation.poolRef, state: allocation.state }
      : undefined,
    platform: platform ? { os: platform.os, arch: platform.arch } : undefined,
    entrypoint: wire.entrypoint ?? [],
    metadata: wire.metadata ?? {},
    extensions: wire.extensions ?? {},
    createdAt: expectDate(wire.createdAt, "createdAt", call),
    expiresAt: optionalDate(wire.expiresAt, "expiresAt", call),
  };
}

/** A snapshot's state. Servers differ, so any string is possible; `Ready` and `Failed` are final. */
export type SnapshotState = "Creating" | "Ready" | "Failed" | "Deleting" | (string & {});

/** The lifecycle server's description of a snapshot. */
export interface SnapshotInfo {
  readonly id: string;
  /** The sandbox whose files it contains. */
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
