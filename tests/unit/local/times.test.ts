import { expect, test } from "@jest/globals";
import { formatTime, LATEST, parseTime } from "../../../src/local/sandboxes/times.js";

test("the latest time is still in the year 9999", () => {
  expect(formatTime(LATEST)).toMatch(/^9999-12-31T23:59:59\.99\d{4}Z$/);
});

test.each([253_402_300_800, "9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59-14:00"])(
  "%s is not a valid time",
  (value) => {
    expect(parseTime(value)).toBeUndefined();
  },
);

test("a second before the end of the year 9999 is a time", () => {
  expect(formatTime(parseTime("9999-12-31T23:59:58Z") ?? 0)).toBe("9999-12-31T23:59:58Z");
});
