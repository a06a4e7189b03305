import { SandboxTimeoutException } from "../errors.js";
import { onAbort, raceAbort, sleep } from "../transport/abort.js";

/** When interrupts are sent, in milliseconds after a run is stopped. One that is sent right after `init` can be lost. */
const SCHEDULE_MILLIS = [0, 500, 1_000, 2_000];

/** How long a stopped run may take to end before its request is cancelled. In seconds. */
export const STOP_LIMIT_SECONDS = 5;

/** Creates the error of an interrupt after which the run has not ended. */
export function stillRunning(): SandboxTimeoutException {
  const message = `The run did not end within ${STOP_LIMIT_SECONDS} s of being interrupted; it continues.`;
  return new SandboxTimeoutException({ code: "REQUEST_TIMEOUT", message });
}

/** A caught value in an object, since any value may be thrown, `undefined` too. */
export interface Failure {
  readonly error: unknown;
}

/** Why a run was stopped before its end. */
export interface Stop extends Failure {
  /** The error is the caller's own: an abort reason, or what a handler threw. */
  readonly isFromCaller: boolean;
}

/**
 * Interrupts a run repeatedly until its response has ended.
 *
 * Resolves only when each interrupt has been responded to or `limit` has fired: a late interrupt would hit the next run in
 * the same context.
 *
 * @returns the error of the last interrupt, if it failed; never rejects
 */
export async function interruptUntilEnded(run: {
  /** The id to interrupt, when it is known. */
  readonly id: Promise<string>;
  readonly send: (id: string) => Promise<void>;
  /** Settles when the response has ended. */
  readonly ended: Promise<unknown>;
  /** Ends the attempts; `send` ends with it. */
  readonly limit: AbortSignal;
}): Promise<Failure | undefined> {
  const { send, ended, limit } = run;
  const over = new AbortController();
  const end = (): void => {
    over.abort();
  };
  if (limit.aborted) end();
  const unlink = onAbort(limit, end);
  void ended.then(end);
  let failure: Failure | undefined;
  const sent: Promise<void>[] = [];
  try {
    const id = await raceAbort(over.signal, run.id);
    const begin = performance.now();
    for (const at of SCHEDULE_MILLIS) {
      // Wait before the first attempt, too: the end of the response may be read in this turn. Some platforms warn of negative
      // delays.
      await sleep(Math.max(0, begin + at - performance.now()), over.signal);
      const sending = send(id).then(
        () => {
          failure = undefined;
        },
        (error: unknown) => {
          // After the limit has fired, the error is only the abort.
          if (!limit.aborted) failure = { error };
        },
      );
      sent.push(sending);
    }
    await raceAbort(over.signal, new Promise<never>(() => undefined));
  } catch {
    // The response has ended, or the limit has fired: nothing else rejects here.
  }
  unlink();
  await Promise.all(sent);
  return failure;
}
