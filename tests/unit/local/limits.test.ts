import os from "node:os";
import { expect, test } from "@jest/globals";
import { chooseCores, parseCores, parseQuantity, resolveLimits } from "../../../src/local/box/limits.js";

const MIB = 2 ** 20;

test.each([
  ["512Mi", 512 * MIB],
  ["2Gi", 2048 * MIB],
  ["1.5G", 1_500_000_000],
  ["500m", 0.5],
  [" 1 ", 1],
  ["0", undefined],
  ["-1", undefined],
  ["lots", undefined],
  ["1e3", undefined],
  ["1Xi", undefined],
  ["", undefined],
  [undefined, undefined],
])("the quantity %j is %j", (text, value) => {
  expect(parseQuantity(text)).toBe(value);
});

test("limits are read from resources, with defaults and minimums for missing and invalid values", () => {
  expect(
    resolveLimits({ memory: "1Gi", cpu: "1500m", disk: "5Gi", processes: "64", "cpu-seconds": "9" }),
  ).toEqual({
    memoryBytes: 1024 * MIB,
    cpuCount: 2,
    diskBytes: 5 * 1024 * MIB,
    processes: 64,
    cpuSeconds: 9,
  });
  expect(resolveLimits({ memory: "lots", cpu: "abc" })).toEqual({
    memoryBytes: Math.floor(Math.min(4096 * MIB, os.totalmem() * 0.75)),
    cpuCount: undefined,
    diskBytes: 10 * 1024 * MIB,
    processes: 512,
    cpuSeconds: undefined,
  });
  expect(resolveLimits({ memory: "1", processes: "1", "ephemeral-storage": "1" })).toMatchObject({
    memoryBytes: 128 * MIB,
    diskBytes: MIB,
    processes: 32,
  });
});

test("sandboxes begin at different cores; all cores need no choice", () => {
  expect([0, 1, 2, 3].map((ordinal) => chooseCores(2, [0, 2, 5], ordinal))).toEqual([
    "0,2",
    "2,5",
    "5,0",
    "0,2",
  ]);
  expect(chooseCores(3, [0, 2, 5], 0)).toBeUndefined();
  expect(chooseCores(undefined, [0, 2, 5], 0)).toBeUndefined();
  expect(chooseCores(1, [], 0)).toBeUndefined();
});

test.each([
  ["0-3,8", [0, 1, 2, 3, 8]],
  ["5", [5]],
  ["", []],
])("the kernel's list %j means %j", (list, cores) => {
  expect(parseCores(list)).toEqual(cores);
});
