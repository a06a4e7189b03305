import { afterAll, test } from "@jest/globals";
import { expectNoPostTwice } from "../helpers/faults/random-faults.js";
import { reportCases } from "../helpers/faults/survival.js";

const CALLS = 10_000;

afterAll(() => reportCases("once"));

test(
  `never sends a POST twice that may have reached the server, in ${CALLS} calls with random faults`,
  () => expectNoPostTwice(CALLS),
  240_000,
);
