import { expect, test } from "@jest/globals";
import { run } from "../package/programs.js";

interface Row {
  readonly row: string;
  readonly title: string;
  readonly unit: string;
  readonly figures: Readonly<Record<string, number>>;
}

// Those that compare clients: the others start processes for seconds, and have tests of their own.
const ROWS = [
  "accumulated",
  "flushed",
  "iterated",
  "streamed",
  "picture",
  "largePicture",
  "unkeptGrowth",
  "command",
];
const TRANSFERS = ["create", "upload", "download", "parallel", "parallelConnections", "roundTrip", "size"];

test("the benchmark measures the SDK beside the floor and prints JSON", async () => {
  const rows = [...ROWS, ...TRANSFERS];
  const args = ["scripts/bench.mjs", "--quick", "--json", "--no-official", ...rows];
  const { exitCode, stdout } = await run(process.execPath, args);
  expect(exitCode).toBe(0);
  const report = JSON.parse(stdout) as { readonly rows: readonly Row[] };
  expect(report.rows.map(({ row }) => row)).toEqual(rows);
  for (const { figures } of report.rows) expect(figures["ours"]).toBeGreaterThanOrEqual(0);
  expect(report.rows[0]).toMatchObject({
    title: "events of 100 bytes, accumulated by run",
    unit: "ms",
    figures: { floor: expect.any(Number) },
  });
}, 120_000);

test("an unknown row is an error that lists the rows", async () => {
  const { exitCode, output } = await run(process.execPath, ["scripts/bench.mjs", "accumulates"]);
  expect(output).toContain("Unknown row: accumulates. Rows: accumulated, ");
  expect(exitCode).toBe(2);
});
