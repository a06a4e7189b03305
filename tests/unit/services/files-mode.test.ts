import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { InvalidArgumentException } from "../../../src/errors.js";
import { fromWireMode, isSearchable, toWireMode } from "../../../src/services/files/mode.js";

/** The numbers below 0o777 that are as likely to be meant in octal digits. */
const EITHER_WAY = [400, 440, 444, 500];

function refusal(mode: unknown): string {
  try {
    toWireMode(mode, "mode");
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidArgumentException);
    return (error as Error).message;
  }
  throw new Error("It was not refused.");
}

describe("a mode", () => {
  test.each<[number | string, number]>([
    [0o644, 644],
    [0o755, 755],
    [0o777, 777],
    [0o600, 600],
    [0o400, 400],
    [0o7, 7],
    [420, 644],
    ["644", 644],
    ["0644", 644],
    ["0o644", 644],
    ["400", 400],
    ["007", 7],
  ])("%j is written %d", (mode, wire) => {
    expect(toWireMode(mode, "mode")).toBe(wire);
  });

  test.each([
    [644, 'mode 644 is 0o1204; write 0o644 or "644".'],
    [755, 'mode 755 is 0o1363; write 0o755 or "755".'],
    [400, 'mode 400 is 0o620; write 0o400 or "400", or "620".'],
    [500, 'mode 500 is 0o764; write 0o500 or "500", or "764".'],
    [0o4755, "mode must not be above 0o777, and 2541 is 0o4755."],
    [999, "mode must not be above 0o777, and 999 is 0o1747."],
    [0, "mode must not be 0: servers leave a file as it is then."],
    ["000", "mode must not be 0: servers leave a file as it is then."],
    ["4755", 'mode must be a number such as 0o644 or a string such as "644"; got "4755".'],
    ["rw-r--r--", 'mode must be a number such as 0o644 or a string such as "644"; got "rw-r--r--".'],
  ])("%j is refused: %s", (mode, message) => {
    expect(refusal(mode)).toBe(message);
  });

  test.each([-1, 6.44, Number.NaN, Infinity, true, null, {}, 0o644n])("%p is refused", (mode) => {
    expect(refusal(mode)).toContain("must be a number such as 0o644");
  });

  test("is the same as bits and as digits, unless it is refused", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 0o777 }), (bits) => {
        const digits = bits.toString(8).padStart(3, "0");
        expect(toWireMode(digits, "mode")).toBe(Number(digits));
        if (!EITHER_WAY.includes(bits)) expect(toWireMode(bits, "mode")).toBe(Number(digits));
        // What a server says of a file can be given back.
        expect(toWireMode(fromWireMode(Number(digits)), "mode")).toBe(Number(digits));
      }),
    );
  });

  test("in octal digits without 0o, as people write it, is never taken for another mode", () => {
    const written = [4, 5, 6, 7].flatMap((owner) =>
      [0, 4, 5, 6, 7].flatMap((group) => [0, 4, 5, 6, 7].map((other) => owner * 100 + group * 10 + other)),
    );
    const taken = written.filter((mode) => {
      try {
        return toWireMode(mode, "mode") !== mode;
      } catch {
        return false;
      }
    });
    // What is left lets others do what the owner may not, as 404 does.
    expect(taken.filter((mode) => isMonotone(String(mode)))).toEqual([]);
  });
});

test.each([
  [755, true],
  [700, true],
  [711, true],
  [644, false],
  [600, false],
  [744, false],
  [77, false],
  [200, false],
])("a directory of mode %d can be entered by all who may use it: %s", (mode, expected) => {
  expect(isSearchable(mode)).toBe(expected);
});

/** Whether nobody may do what the owner may not. */
function isMonotone(digits: string): boolean {
  const [owner = 0, group = 0, other = 0] = Array.from(digits, Number);
  return (group & ~owner) === 0 && (other & ~group) === 0;
}
