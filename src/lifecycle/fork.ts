import { checkOptions } from "../arguments.js";
import type { ConnectionConfig } from "../connection.js";
import {
  InvalidArgumentException,
  SandboxApiException,
  SandboxException,
  SandboxTimeoutException,
} from "../errors.js";
import { raceAbort, sleep, throwIfAborted, withLimit } from "../transport/abort.js";
import { describeFailure } from "../transport/log.js";
import {
  assertConnectOptions,
  DEFAULT_CREATE_TIMEOUT_SECONDS,
  resolveCreateBody,
  type CreateOptions,
} from "./create-options.js";
import { assertFurtherOptions } from "./further-options.js";
import { Lifecycle } from "./lifecycle.js";
import { createSnapshot, deleteSnapshot, getSnapshot } from "./management.js";

const POLLING_INTERVAL_MILLIS = 200;
/** How long the deletion of a snapshot is tried that is still being taken, in milliseconds. */
const DELETE_WITHIN_MILLIS = 300_000;

/** Creates a sandbox with the files of another one: from a snapshot, which is deleted afterwards. */
export async function fork<Forked, Options extends CreateOptions>(
  sandboxId: string,
  config: ConnectionConfig,
  options: Options,
  create: (options: Options) => Promise<Forked>,
): Promise<Forked> {
  const { signal, createTimeoutSeconds: seconds = DEFAULT_CREATE_TIMEOUT_SECONDS } = checkOptions(options);
  if (options.image !== undefined || options.snapshotId !== undefined) {
    throw new InvalidArgumentException(
      "image and snapshotId are not options of fork: it copies the sandbox.",
    );
  }
  const given = { ...options, snapshotId: "to be taken" };
  resolveCreateBody(given);
  assertFurtherOptions(given);
  assertConnectOptions(options);
  throwIfAborted(signal);
  // Not the sandbox's own: closing the sandbox meanwhile must not keep the snapshot.
  const lifecycle = new Lifecycle(config);
  const reason = () =>
    new SandboxTimeoutException({
      code: "WAIT_TIMEOUT",
      message: `The snapshot was not ready within createTimeoutSeconds of ${seconds} s.`,
      sandboxId,
    });
  const snapshotId = await withLimit({ seconds, reason, signal }, (limit) =>
    takeSnapshot(lifecycle, sandboxId, limit),
  );
  try {
    const { entrypoint } = await lifecycle.get(sandboxId, { signal });
    return await create({
      connectionConfig: config,
      ...(entrypoint.length > 0 && { entrypoint }),
      ...options,
      snapshotId,
    });
  } finally {
    const deleting = discardSnapshot(lifecycle, snapshotId);
    if (signal?.aborted !== true) await deleting;
  }
}

/** Takes a snapshot and waits until it is ready. If that fails or is aborted, deletes it. */
async function takeSnapshot(lifecycle: Lifecycle, sandboxId: string, limit: AbortSignal): Promise<string> {
  // Never aborted: the server could take a snapshot of which nobody learns.
  const taking = createSnapshot(lifecycle, sandboxId, {});
  try {
    const { id } = await raceAbort(limit, taking);
    for (;;) {
      const { status } = await getSnapshot(lifecycle, id, { signal: limit });
      if (status.state === "Ready") return id;
      if (status.state === "Failed") {
        const message = `The snapshot of the sandbox failed: ${status.message ?? status.reason ?? "no reason given"}`;
        throw new SandboxException({ code: "SNAPSHOT_FAILED", message, sandboxId });
      }
      await sleep(POLLING_INTERVAL_MILLIS, limit);
    }
  } catch (error) {
    const deleting = taking.then(
      ({ id }) => discardSnapshot(lifecycle, id),
      () => undefined,
    );
    if (!limit.aborted) await deleting;
    throw error;
  }
}

/** Deletes a snapshot, even if it is still being taken. Never rejects. */
async function discardSnapshot(lifecycle: Lifecycle, id: string): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    try {
      await deleteSnapshot(lifecycle, id, {});
      return;
    } catch (error) {
      const status = error instanceof SandboxApiException ? error.statusCode : 0;
      if (status === 404) return;
      if (status !== 409 || performance.now() - startedAt > DELETE_WITHIN_MILLIS) {
        lifecycle.transport.logger?.warn(
          `The snapshot ${id} of a fork could not be deleted: ${describeFailure(error)}.`,
        );
        return;
      }
      await sleep(POLLING_INTERVAL_MILLIS);
    }
  }
}
