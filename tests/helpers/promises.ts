/** Returns what a promise rejects with. */
export async function failureOf(work: PromiseLike<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error("It did not fail.");
}

// The real clock, even in tests that replace it later.
const now = performance.now.bind(performance);

/** Runs everything that can continue without time passing, including timers of 0 ms, which take up to 1 ms. */
export async function settle(): Promise<void> {
  const start = now();
  for (let turn = 0; turn < 20 || now() - start < 3; turn += 1) await new Promise(setImmediate);
}

/** Collects all items of an iterable. */
export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}
