/**
 * How often each property is tried, and from where: `npm run fuzz` sets both. Without them it is often enough to find
 * what is badly broken, and quick.
 */
export const RUNS = {
  numRuns: Number(process.env["FUZZ_RUNS"] ?? 200),
  ...(process.env["FUZZ_SEED"] !== undefined && { seed: Number(process.env["FUZZ_SEED"]) }),
};
