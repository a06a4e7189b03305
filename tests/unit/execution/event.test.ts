import { describe, expect, test } from "@jest/globals";
import { decodeFrame } from "../../../src/execution/event.js";

describe("decoding a frame", () => {
  test("fields that execd omits are empty or zero", () => {
    expect(decodeFrame({ type: "execution_complete" })).toEqual({
      event: { type: "execution_complete", executionTimeMs: 0, timestamp: 0 },
    });
    expect(decodeFrame({ type: "stdout", timestamp: 5 })).toEqual({
      event: { type: "stdout", text: "", timestamp: 5 },
    });
    expect(decodeFrame({ type: "error", timestamp: 5 })).toEqual({
      event: { type: "error", error: { name: "", value: "", traceback: [], timestamp: 5 }, timestamp: 5 },
    });
  });

  test("a traceback may be null", () => {
    expect(decodeFrame({ type: "error", error: { ename: "E", evalue: "v", traceback: null } })).toMatchObject(
      {
        event: { error: { name: "E", value: "v", traceback: [] } },
      },
    );
  });

  test("`text` in results becomes text/plain, and everything else is unchanged", () => {
    const results = { text: "2", "application/json": { a: [1] }, "image/png": "iVBO" };
    expect(decodeFrame({ type: "result", results })).toMatchObject({
      event: { results: { "text/plain": "2", "application/json": { a: [1] }, "image/png": "iVBO" } },
    });
    expect(decodeFrame({ type: "result", results: { "text/plain": "a", text: "b" } })).toMatchObject({
      event: { results: { "text/plain": "a", text: "b" } },
    });
  });

  test("an object with a code and no type is an error inside the stream", () => {
    expect(decodeFrame({ code: "RUNTIME_ERROR", message: "busy" })).toEqual({
      inBandError: { code: "RUNTIME_ERROR", message: "busy" },
    });
    expect(decodeFrame({ code: "RUNTIME_ERROR" })).toEqual({
      inBandError: { code: "RUNTIME_ERROR", message: "RUNTIME_ERROR" },
    });
  });

  test("an event of an unknown type is passed on with all its fields", () => {
    expect(decodeFrame({ type: "progress", percent: 5, timestamp: 1 })).toEqual({
      event: { type: "progress", raw: { type: "progress", percent: 5, timestamp: 1 }, timestamp: 1 },
    });
  });

  test.each([
    ["an array", []],
    ["a string", "x"],
    ["null", null],
    ["neither type nor code", { text: "x" }],
    ["a type that is not a string", { type: 5 }],
    ["a text that is not a string", { type: "stdout", text: 5 }],
    ["a timestamp that is not a number", { type: "ping", timestamp: "now" }],
    ["results that are not an object", { type: "result", results: ["x"] }],
    ["an error that is not an object", { type: "error", error: "x" }],
    ["a traceback that is not a list", { type: "error", error: { ename: "", evalue: "", traceback: "x" } }],
    ["a count that is not a number", { type: "execution_count", execution_count: "1" }],
  ])("%s is malformed", (_, frame) => {
    expect(decodeFrame(frame)).toEqual({ malformed: expect.any(String) });
  });
});
