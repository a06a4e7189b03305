import {
  ConnectionConfig,
  InvalidArgumentException,
  type RetryPolicyOptions,
  Sandbox,
  SandboxApiException,
  SandboxManager,
  SandboxTimeoutException,
} from "../index.js";
import { deferred, raceAbort, withLimit } from "../transport/abort.js";
import type { PoolConfig } from "./options.js";

/** How long a pool that closes waits for a server that does not respond, in seconds. */
export const UNREACHABLE_SECONDS = 1;

/** A sandbox that is being created and prepared. */
export class Creation {
  /** Resolves to the prepared sandbox. If it rejects, the sandbox is deleted, or will be once its id is known. */
  readonly done: Promise<Sandbox>;
  /** Resolves as soon as the sandbox's id is known, or the creation has ended. */
  readonly idKnown: Promise<unknown>;
  readonly #config: PoolConfig;
  readonly #cancelling = new AbortController();
  #sandboxId: string | undefined;

  constructor(config: PoolConfig, lifetimeSeconds: number) {
    const idKnown = deferred<undefined>();
    this.#config = config;
    this.idKnown = idKnown.promise;
    this.done = this.#run(lifetimeSeconds, () => idKnown.resolve(undefined)).finally(() =>
      idKnown.resolve(undefined),
    );
    // A caller that cancels it need not wait for it.
    this.done.catch(() => undefined);
  }

  /** Whether it was cancelled. */
  get isCancelled(): boolean {
    return this.#cancelling.signal.aborted;
  }

  /** Ends the creation: {@link done} rejects with the reason. The sandbox is deleted in the background. */
  cancel(reason: unknown): void {
    this.#cancelling.abort(reason);
  }

  /** Cancels the creation and waits until its sandbox is deleted, if its id is known. */
  async cancelAndDelete(reason: unknown): Promise<void> {
    this.cancel(reason);
    const { create } = this.#config;
    const hasSandbox = await this.done.then(
      () => true,
      () => false,
    );
    if (hasSandbox || this.#sandboxId === undefined || typeof create === "function") return;
    // It may be gone: its creation deletes it, too.
    await killSoon(this.#sandboxId, ConnectionConfig.from(create.connectionConfig)).catch(() => undefined);
  }

  async #run(timeoutSeconds: number, setIdKnown: () => void): Promise<Sandbox> {
    const { create } = this.#config;
    const { signal } = this.#cancelling;
    const given = typeof create === "function" ? {} : create;
    const options = {
      killOnDispose: true,
      ...given,
      timeoutSeconds,
      signal,
      onProgress: async (progress: Parameters<NonNullable<typeof given.onProgress>>[0]) => {
        this.#sandboxId = progress.sandboxId;
        setIdKnown();
        await given.onProgress?.(progress);
      },
    };
    const creating = typeof create === "function" ? create(options) : Sandbox.create(options);
    let sandbox: Sandbox;
    try {
      sandbox = await raceAbort(signal, creating);
    } catch (error) {
      // A function may have ignored the signal.
      void creating.then(
        (late) => endSandbox(late, signal),
        () => undefined,
      );
      throw error;
    }
    if (!(sandbox instanceof Sandbox)) {
      throw new InvalidArgumentException("create must return a Sandbox.");
    }
    try {
      await this.#prepare(sandbox);
      return sandbox;
    } catch (error) {
      await endSandbox(sandbox, signal);
      throw error;
    }
  }

  async #prepare(sandbox: Sandbox): Promise<void> {
    const { prepare, prepareTimeoutSeconds: seconds } = this.#config;
    if (prepare === undefined) return;
    const reason = () =>
      new SandboxTimeoutException({
        code: "WAIT_TIMEOUT",
        message: `prepare did not end within prepareTimeoutSeconds of ${seconds} s.`,
        sandboxId: sandbox.id,
      });
    await withLimit({ seconds, reason, signal: this.#cancelling.signal }, (signal) =>
      raceAbort(signal, callAsync(prepare, sandbox, { signal })),
    );
  }
}

/** Calls a function of the user, so that it also rejects if it throws. */
export async function callAsync<Arguments extends readonly unknown[], Value>(
  call: (...values: Arguments) => Value | PromiseLike<Value>,
  ...values: Arguments
): Promise<Value> {
  return await call(...values);
}

/**
 * Kills a sandbox, which may be gone already, and closes it. Resolves to the error if it could not be killed.
 *
 * @param closing aborts when nobody should wait long any more for a server that does not respond
 */
export async function endSandbox(sandbox: Sandbox, closing: AbortSignal): Promise<unknown> {
  try {
    await sandbox.kill({ signal: closing }).catch((error: unknown) => {
      if (!closing.aborted) throw error;
      return killSoon(sandbox.id, sandbox.connectionConfig);
    });
    return undefined;
  } catch (error) {
    return isGone(error) ? undefined : error;
  } finally {
    await sandbox.close();
  }
}

/** Kills a sandbox, and retries only for a moment: if the server is gone, the sandbox ends when it expires. */
async function killSoon(sandboxId: string, config: ConnectionConfig): Promise<void> {
  const given: RetryPolicyOptions = config.retryPolicy;
  const deadlineSeconds = Math.min(given.deadlineSeconds ?? Infinity, UNREACHABLE_SECONDS);
  const connectionConfig = config.with({ retryPolicy: { ...given, deadlineSeconds } });
  await using manager = SandboxManager.create({ connectionConfig });
  await manager.killSandbox(sandboxId);
}

/** Returns whether an error means that the server does not know a sandbox (any more). */
export function isGone(error: unknown): boolean {
  return error instanceof SandboxApiException && error.statusCode === 404;
}
