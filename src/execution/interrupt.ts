import { onAbort, raceAbort, sleep } from "../transport/abort.js";

/** When interrupts are sent, in milliseconds after a run is stopped: one sent right after `init` can be lost. */
const SCHEDULE_MILLIS = [0, 500, 1_000, 2_000];

/** A caught value in an object, since any value may be thrown, `undefined` too. */
export interface Failure {
  readonly error: unknown;
}

/**
 * Interrupts a run again and again until its response has ended.
 *
 * It settles only when every interrupt that was sent has its response or `limit` has fired: a late one would hit the
 * next run of the same context.
 *
 * @returns how the last interrupt failed, if it did; never rejects
 */
export async function interruptUntilEnded(run: {
  /** What to interrupt, as soon as it is known. */
  readonly id: string | Promise<string>;
  readonly send: (id: string) => Promise<void>;
  /** Aborts when the response has ended. */
  readonly ended: AbortSignal;
  /** Ends the attempts; `send` ends with it. */
  readonly limit: AbortSignal;
}): Promise<Failure | undefined> {
  const { send, ended, limit } = run;
  const over = new AbortController();
  const end = (): void => {
    over.abort();
  };
  if (ended.aborted || limit.aborted) end();
  const unlinks = [onAbort(ended, end), onAbort(limit, end)];
  let failure: Failure | undefined;
  const sent: Promise<void>[] = [];
  try {
    const id = await raceAbort(over.signal, Promise.resolve(run.id));
    const begin = performance.now();
    for (const at of SCHEDULE_MILLIS) {
      // Also the first time: what is read in this turn may be the end of the response. Some platforms warn of delays
      // below 0.
      await sleep(Math.max(0, begin + at - performance.now()), over.signal);
      const sending = send(id).then(
        () => {
          failure = undefined;
        },
        (error: unknown) => {
          // An error after the limit has fired is only the limit's abort.
          if (!limit.aborted) failure = { error };
        },
      );
      sent.push(sending);
    }
    await raceAbort(over.signal, new Promise<never>(() => undefined));
  } catch {
    // It is over: nothing else rejects here.
  }
  for (const unlink of unlinks) unlink();
  await Promise.all(sent);
  return failure;
}
