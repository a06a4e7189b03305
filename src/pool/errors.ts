import { SandboxException, SandboxTimeoutException } from "../index.js";

/** No sandbox was idle, and the policy is `fail-fast`. The cause is the latest failed creation, if creations fail. */
export class PoolEmptyException extends SandboxException {
  override readonly name = "PoolEmptyException";

  constructor(cause: unknown) {
    super({ code: "POOL_EMPTY", message: `No sandbox is idle.${because(cause)}`, cause, isRetryable: true });
  }
}

/** The pool is closed. */
export class PoolClosedException extends SandboxException {
  override readonly name = "PoolClosedException";

  constructor() {
    super({ code: "POOL_CLOSED", message: "The pool is closed." });
  }
}

/** Returns the error of a call for which there was no sandbox in time. */
export function poolTimeout(timeoutSeconds: number, cause: unknown): SandboxTimeoutException {
  const message = `The pool had no sandbox within ${timeoutSeconds} s.${because(cause)}`;
  return new SandboxTimeoutException({ code: "POOL_TIMEOUT", message, cause, isRetryable: true });
}

function because(cause: unknown): string {
  return cause instanceof Error ? ` The latest creation failed: ${cause.message}` : "";
}
