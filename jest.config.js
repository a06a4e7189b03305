/** @type {import("jest").Config} */
export default {
  testEnvironment: "node",
  roots: ["<rootDir>/tests"],
  testMatch: ["**/*.test.ts"],
  // Sources name their siblings with the `.js` of the emitted file, as Node's ESM resolution wants.
  moduleNameMapper: { "^(\\.{1,2}/.*)\\.js$": "$1" },
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      {
        jsc: { target: "es2022", parser: { syntax: "typescript", explicitResourceManagement: true } },
        module: { type: "commonjs" },
        sourceMaps: "inline",
      },
    ],
  },
  // The suite itself must not leave a handle behind: a test that leaks keeps jest from ending.
  testTimeout: 30_000,
};
