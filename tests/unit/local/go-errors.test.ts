import { describe, expect, test } from "@jest/globals";
import {
  describeSystemError,
  formatDuration,
  formatNanoseconds,
} from "../../../src/local/supervisor/http/go-errors.js";

describe("as Go writes it", () => {
  test.each([
    [0, "0s"],
    [500, "500ms"],
    [1000, "1s"],
    [1500, "1.5s"],
    [90_000, "1m30s"],
    [60_000, "1m0s"],
    [3_600_000, "1h0m0s"],
    [3_661_250, "1h1m1.25s"],
  ])("%d milliseconds are %s", (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });

  test.each([
    [1_795_453_123_022_614_677n, "2026-11-23T16:58:43.022614677Z"],
    [1_795_453_123_086_614_680n, "2026-11-23T16:58:43.08661468Z"],
    [1_795_453_123_000_000_000n, "2026-11-23T16:58:43Z"],
  ])("%d nanoseconds are %s", (nanoseconds, text) => {
    expect(formatNanoseconds(nanoseconds)).toBe(text);
  });

  test("system errors have Go's words, other errors their own", () => {
    expect(describeSystemError(Object.assign(new Error("x"), { code: "ENOENT" }))).toBe(
      "no such file or directory",
    );
    expect(describeSystemError(new Error("own"))).toBe("own");
  });
});
