import { availableParallelism } from "node:os";
import base from "../../jest.config.js";

/** The tests of the packed package: `npm run test:package`. */
export default {
  ...base,
  rootDir: "../..",
  roots: ["<rootDir>/tests/package"],
  testMatch: ["**/*.package.ts"],
  testTimeout: 300_000,
  // Bundlers and compilers seldom wait.
  maxWorkers: Math.max(2, Math.floor(availableParallelism() / 2)),
};
