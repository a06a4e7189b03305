import base from "../../jest.config.js";

/** The tests of the packed package: `npm run test:package`. */
export default {
  ...base,
  rootDir: "../..",
  roots: ["<rootDir>/tests/package"],
  testMatch: ["**/*.package.ts"],
  testPathIgnorePatterns: ["/tools/"],
  modulePathIgnorePatterns: ["<rootDir>/tests/package/tools/", "<rootDir>/tests/package/consumers/"],
  testTimeout: 300_000,
};
