import {
  assertOptionalText,
  assertSeconds,
  assertText,
  type CallOptions,
  checkOptions,
} from "../arguments.js";
import { InvalidArgumentException } from "../errors.js";
import { defined } from "../transport/request.js";
import { expectDate, expectRecord } from "../transport/response.js";
import { toSandboxInfo, toSnapshotInfo, type SandboxInfo, type SnapshotInfo } from "./info.js";
import { assertLabels, toLabelQuery } from "./labels.js";
import type { Lifecycle } from "./lifecycle.js";
import { assertPageFilter, toPage, type Page, type PageFilter } from "./page.js";

/** Filters for a listing of sandboxes. */
export interface SandboxFilter extends PageFilter {
  /** Sandboxes in one of these states. An unknown state matches no sandbox. */
  readonly states?: readonly string[] | undefined;
  /** Sandboxes with all of these labels. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** Filters for a listing of snapshots. */
export interface SnapshotFilter extends PageFilter {
  /** Snapshots of this sandbox. */
  readonly sandboxId?: string | undefined;
  /** Snapshots with exactly this name. Older servers ignore it. */
  readonly name?: string | undefined;
  /** Snapshots in one of these states. */
  readonly states?: readonly string[] | undefined;
}

/** Implements {@link SandboxManager.listSandboxInfos}. */
export async function listSandboxes(
  lifecycle: Lifecycle,
  filter: SandboxFilter,
  options: CallOptions,
): Promise<Page<SandboxInfo>> {
  assertPageFilter(checkOptions(filter, "filter"));
  const { page, pageSize, states, metadata } = filter;
  const query = defined({
    page,
    pageSize,
    state: states && [...states],
    metadata: toLabelQuery(metadata),
  });
  const call = lifecycle.transport.json(options);
  const { data } = await lifecycle.transport.client.GET("/sandboxes", {
    params: { query },
    fetch: call.fetch,
  });
  const load = (number: number, own: CallOptions) =>
    listSandboxes(lifecycle, { ...filter, page: number }, own);
  return toPage(expectRecord(data, call), (item) => toSandboxInfo(item, call), load, { call, options });
}

/** Implements {@link Sandbox.pause}. */
export function pauseSandbox(lifecycle: Lifecycle, sandboxId: string, options: CallOptions): Promise<void> {
  return lifecycle.about(sandboxId, options, async ({ fetch }) => {
    const params = { path: { sandboxId } };
    await lifecycle.transport.client.POST("/sandboxes/{sandboxId}/pause", { params, fetch });
  });
}

/** Resumes a sandbox, without waiting until it is ready. */
export function resumeSandbox(lifecycle: Lifecycle, sandboxId: string, options: CallOptions): Promise<void> {
  return lifecycle.about(sandboxId, options, async ({ fetch }) => {
    const params = { path: { sandboxId } };
    await lifecycle.transport.client.POST("/sandboxes/{sandboxId}/resume", { params, fetch });
  });
}

/** Implements {@link Sandbox.renew}. */
export function renewSandbox(
  lifecycle: Lifecycle,
  sandboxId: string,
  seconds: number,
  options: CallOptions,
): Promise<Date> {
  return lifecycle.about(sandboxId, options, async (call) => {
    if (typeof seconds !== "number") throw new InvalidArgumentException("seconds must be a number.");
    assertSeconds(seconds, "seconds");
    const expiresAt = new Date(Date.now() + seconds * 1_000);
    if (Number.isNaN(expiresAt.getTime())) throw new InvalidArgumentException("seconds is too large.");
    const { data } = await lifecycle.transport.client.POST("/sandboxes/{sandboxId}/renew-expiration", {
      params: { path: { sandboxId } },
      body: { expiresAt: expiresAt.toISOString() },
      fetch: call.fetch,
    });
    return expectDate(expectRecord(data, call).expiresAt, "expiresAt", call);
  });
}

/** Implements {@link Sandbox.patchMetadata}. */
export function patchMetadata(
  lifecycle: Lifecycle,
  sandboxId: string,
  patch: Readonly<Record<string, string | null>>,
  options: CallOptions,
): Promise<SandboxInfo> {
  return lifecycle.about(sandboxId, options, async (call) => {
    assertLabels(patch, "patch", { isPatch: true });
    const { data } = await lifecycle.transport.client.PATCH("/sandboxes/{sandboxId}/metadata", {
      params: { path: { sandboxId } },
      body: { ...patch },
      fetch: call.fetch,
    });
    return toSandboxInfo(expectRecord(data, call), call);
  });
}

/** Implements {@link Sandbox.createSnapshot}. */
export function createSnapshot(
  lifecycle: Lifecycle,
  sandboxId: string,
  options: CallOptions & { readonly name?: string | undefined },
): Promise<SnapshotInfo> {
  return lifecycle.about(sandboxId, options, async (call) => {
    const { name } = options;
    assertOptionalText(name, "name");
    const { data } = await lifecycle.transport.client.POST("/sandboxes/{sandboxId}/snapshots", {
      params: { path: { sandboxId } },
      body: defined({ name }),
      fetch: call.fetch,
    });
    return toSnapshotInfo(expectRecord(data, call), call);
  });
}

/** Implements {@link SandboxManager.getSnapshot}. */
export async function getSnapshot(
  lifecycle: Lifecycle,
  snapshotId: string,
  options: CallOptions,
): Promise<SnapshotInfo> {
  assertText(snapshotId, "snapshotId");
  const call = lifecycle.transport.json(options);
  const { data } = await lifecycle.transport.client.GET("/snapshots/{snapshotId}", {
    params: { path: { snapshotId } },
    fetch: call.fetch,
  });
  return toSnapshotInfo(expectRecord(data, call), call);
}

/** Implements {@link SandboxManager.listSnapshots}. */
export async function listSnapshots(
  lifecycle: Lifecycle,
  filter: SnapshotFilter,
  options: CallOptions,
): Promise<Page<SnapshotInfo>> {
  assertPageFilter(checkOptions(filter, "filter"));
  const { page, pageSize, states, sandboxId, name } = filter;
  assertOptionalText(sandboxId, "sandboxId");
  assertOptionalText(name, "name");
  const query = defined({ page, pageSize, state: states && [...states], sandboxId, name });
  const call = lifecycle.transport.json(options);
  const { data } = await lifecycle.transport.client.GET("/snapshots", {
    params: { query },
    fetch: call.fetch,
  });
  const load = (number: number, own: CallOptions) =>
    listSnapshots(lifecycle, { ...filter, page: number }, own);
  return toPage(expectRecord(data, call), (item) => toSnapshotInfo(item, call), load, { call, options });
}

/** Implements {@link SandboxManager.deleteSnapshot}. */
export async function deleteSnapshot(
  lifecycle: Lifecycle,
  snapshotId: string,
  options: CallOptions,
): Promise<void> {
  assertText(snapshotId, "snapshotId");
  const params = { path: { snapshotId } };
  const { fetch } = lifecycle.transport.json(options);
  await lifecycle.transport.client.DELETE("/snapshots/{snapshotId}", { params, fetch });
}
