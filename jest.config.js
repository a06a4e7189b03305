import { availableParallelism } from "node:os";

/** @type {import("jest").Config} */
export default {
  testEnvironment: "node",
  roots: ["<rootDir>/tests"],
  // `npm run test:soak` runs `*.soak.ts`, and `npm run test:package` runs `*.package.ts`.
  testMatch: ["**/*.test.ts"],
  testSequencer: "<rootDir>/scripts/lib/slow-first-sequencer.mjs",
  modulePathIgnorePatterns: [
    "<rootDir>/tests/package/(consumers|tools)/",
    "<rootDir>/tests/clients/(python|javascript)/",
  ],
  // Sources import their siblings with the `.js` of the emitted file, as Node's ESM resolution requires.
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
    // The only dependency of the sources that has no CommonJS build.
    "/es-module-lexer/dist/.+\\.js$": [
      "@swc/jest",
      { jsc: { target: "es2022" }, module: { type: "commonjs" } },
    ],
  },
  transformIgnorePatterns: ["/node_modules/(?!es-module-lexer/)"],
  coverageProvider: "v8",
  // Tests start kernels and servers, so one worker per core would starve these on a large machine. On a small one the
  // workers often wait for them: with three on two cores, these are busy.
  maxWorkers: Math.max(3, Math.floor(availableParallelism() / 2)),
  // Jest keeps the modules of files that a worker has run. A worker that holds more than this is replaced.
  workerIdleMemoryLimit: "400MB",
  testTimeout: 60_000,
};
