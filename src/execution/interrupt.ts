/** When interrupts are sent, in milliseconds after a run is stopped: one sent right after `init` can be lost. */
const SCHEDULE_MILLIS = [0, 500, 1_000, 2_000];

/** A caught value in a box, since any value may be thrown. */
export interface Failure {
  readonly error: unknown;
}

/** A promise and the function that resolves it. */
export class Deferred<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;

  constructor() {
    let resolve!: (value: Value) => void;
    this.promise = new Promise((settle) => (resolve = settle));
    this.resolve = resolve;
  }
}

/**
 * Interrupts a run again and again until its answer has ended.
 *
 * It settles only when every interrupt that was sent is answered or `limit` has fired: a late one would hit the next
 * run of the same context.
 *
 * @returns how the last interrupt failed, if it did; never rejects
 */
export async function interruptUntilEnded(run: {
  /** What to interrupt, as soon as it is known. */
  readonly id: string | Promise<string>;
  readonly send: (id: string) => Promise<void>;
  readonly ended: Promise<void>;
  /** Ends the attempts; `send` ends with it. */
  readonly limit: AbortSignal;
}): Promise<Failure | undefined> {
  let isOver = false;
  const over = Promise.race([run.ended, aborted(run.limit)]).then(() => {
    isOver = true;
  });
  const id = await Promise.race([run.id, over]);
  if (id === undefined) return undefined;
  let failure: Failure | undefined;
  const sent: Promise<void>[] = [];
  const begin = performance.now();
  for (const at of SCHEDULE_MILLIS) {
    await sleepUnless(begin + at - performance.now(), over);
    if (isOver) break;
    const sending = run.send(id).then(
      () => {
        failure = undefined;
      },
      (error: unknown) => {
        // Cut off by the limit, it tells nothing that the limit does not.
        if (!run.limit.aborted) failure = { error };
      },
    );
    sent.push(sending);
  }
  await over;
  await Promise.all(sent);
  return failure;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    // Both belong to one run and go with it, so that there is no listener to take back.
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function sleepUnless(millis: number, over: Promise<void>): Promise<void> {
  if (millis <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, millis);
    void over.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
