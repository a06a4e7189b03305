// Measures contestants in turns, so that a machine that slows down affects all of them.

const MIB = 1024 * 1024;

/**
 * @param works by contestant
 * @param options.collect whether garbage is collected before each, for what fills the heap
 * @returns by contestant, the median in milliseconds; the first turn warms up and does not count
 */
export async function measureTimes(works, { turns, warmUps = 1, collect = false }) {
  const times = Object.fromEntries(Object.keys(works).map((name) => [name, []]));
  for (let turn = -warmUps; turn < turns; turn += 1) {
    for (const [name, work] of Object.entries(works)) {
      if (collect) gc();
      const start = performance.now();
      await work();
      if (turn >= 0) times[name].push(performance.now() - start);
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, each]) => [name, median(each)]));
}

/** @returns the largest growth of the process during some work, in MiB */
export async function measurePeak(work) {
  gc();
  const before = process.memoryUsage.rss() / MIB;
  await work();
  // From the kernel, in KiB: includes memory that was freed again.
  return process.resourceUsage().maxRSS / 1024 - before;
}

/**
 * @param work calls what it is given again and again; then garbage is collected and the rest is weighed
 * @returns by how much what was alive grew at most, in MiB
 */
export async function measureLiveGrowth(work) {
  const live = () => {
    gc();
    const { heapUsed, external } = process.memoryUsage();
    return (heapUsed + external) / MIB;
  };
  const before = live();
  let most = before;
  await work(() => (most = Math.max(most, live())));
  return most - before;
}

export function median(values) {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)];
}
