import { availableParallelism } from "node:os";

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
    // The one dependency of the sources that comes as an ES module only.
    "/es-module-lexer/dist/.+\\.js$": [
      "@swc/jest",
      { jsc: { target: "es2022" }, module: { type: "commonjs" } },
    ],
  },
  transformIgnorePatterns: ["/node_modules/(?!es-module-lexer/)"],
  coverageProvider: "v8",
  // Tests start kernels and servers of their own: one worker for each core would starve these on a large machine, and
  // jest's default of one less than the cores would leave a machine with two cores half idle.
  maxWorkers: Math.max(2, Math.floor(availableParallelism() / 2)),
  testTimeout: 60_000,
};
