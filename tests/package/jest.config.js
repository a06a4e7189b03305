import base from "../../jest.config.js";

/** The tests of the packed package: `npm run test:package`. */
export default {
  ...base,
  rootDir: "../..",
  roots: ["<rootDir>/tests/package"],
  testMatch: ["**/*.package.ts"],
  testTimeout: 300_000,
};
