import { afterAll, expect, test } from "@jest/globals";
import { SandboxTimeoutException } from "../../src/errors.js";
import { Files } from "../../src/services/files.js";
import type { FaultExchange } from "../helpers/faults/fault-server.js";
import { LeakWatch } from "../helpers/faults/leaks.js";
import { CODE_FRAMES, operation, OPERATIONS, PRINTED, type Operation } from "../helpers/faults/operations.js";
import {
  expectSurvival,
  REQUEST_ID,
  reportCases,
  type Failing,
  type Fault,
} from "../helpers/faults/survival.js";
import { bareFrame } from "../helpers/wire.js";

afterAll(() => reportCases("silence"));

const type = SandboxTimeoutException;
/** Long enough for all requests, which are sent at once, to arrive on a busy machine. */
const DEADLINE_SECONDS = 5;
const DEADLINES = { requestTimeoutSeconds: DEADLINE_SECONDS, streamIdleTimeoutSeconds: DEADLINE_SECONDS };
/** Contexts may take two minutes to be made; this POST may take as long as any other call. */
const POST: Operation = {
  ...operation("post"),
  route: ["POST", "/files/replace"],
  run: (link, { signal }) =>
    new Files(link).replaceContents([{ path: "a", oldContent: "b", newContent: "c" }], { signal }),
};
const CALLS = OPERATIONS.map((each) => (each.name === "post" ? POST : each));
const isRun = ({ name }: Operation): boolean => name === "code" || name === "stream";

/** Where the server falls silent, and whether a byte of the body has come by then. */
const PLACES: readonly (readonly [
  string,
  (exchange: FaultExchange, operation: Operation) => void,
  boolean,
])[] = [
  ["without an answer", () => undefined, false],
  ["in the headers", (exchange) => exchange.write("HTTP/1.1 200 OK\r\ncontent-"), false],
  ["after an interim answer", (exchange) => exchange.write("HTTP/1.1 103 Early Hints\r\n\r\n"), false],
  ["after the headers", (exchange, { headers }) => begin(exchange, headers), false],
  ["in a chunk's size", (exchange, { headers }) => begin(exchange, headers).write("f"), false],
  [
    "in the body",
    (exchange, { body, headers }) => {
      // Of a stream all but the completion, which would be the end of a command.
      const end = body.includes("execution_complete") ? body.indexOf('{"type":"execution_complete"') + 9 : 2;
      begin(exchange, headers).chunk(body.byteLength === 0 ? "{" : body.subarray(0, end));
    },
    true,
  ],
];

function begin(exchange: FaultExchange, headers: Readonly<Record<string, string>>): FaultExchange {
  return exchange.head(200, { "transfer-encoding": "chunked", "x-request-id": REQUEST_ID, ...headers });
}

function expected(operation: Operation, hasBegun: boolean): Failing {
  const { name } = operation;
  if (name === "get" || name === "post") {
    return { type, code: "REQUEST_TIMEOUT", attempts: 1, isRetryable: name === "get" };
  }
  // The first byte of a code run may take two minutes: there the run's own deadline comes first.
  if (isRun(operation) && !hasBegun) return { type, code: "RUN_TIMEOUT", attempts: 1, printed: "" };
  return {
    type,
    code: "STREAM_STALLED",
    attempts: 1,
    printed: hasBegun ? PRINTED : "",
    hasRequestId: hasBegun,
  };
}

test("silence, wherever it begins, ends each kind of call in its time, and the server is told or its connection is closed", async () => {
  let settled = 0;
  const leaks = new LeakWatch();
  const wrong: unknown[] = [];
  // All at once: a command that cannot be interrupted, as its id has not come, is given up after 5 s each time.
  await Promise.all(
    PLACES.flatMap(([place, fault, hasBegun]) =>
      CALLS.flatMap((operation) =>
        [false, true].map(async (ignoresInterrupts) => {
          const failing = expected(operation, hasBegun);
          const timed: Operation = {
            ...operation,
            run: (link, options) => operation.run(link, options).finally(() => (settled += 1)),
          };
          const timeoutSeconds = failing.code === "RUN_TIMEOUT" ? DEADLINE_SECONDS : undefined;
          try {
            await expectSurvival(timed, fault, failing, {
              ...DEADLINES,
              leaks,
              ignoresInterrupts,
              ...(timeoutSeconds !== undefined && { timeoutSeconds }),
            });
          } catch (cause) {
            wrong.push([operation.name, place, ignoresInterrupts, String(cause)]);
          }
        }),
      ),
    ),
  );
  expect(wrong).toEqual([]);
  await leaks.expectNothingLeft();
  expect(settled).toBe(PLACES.length * CALLS.length * 2);
});

test.each(
  OPERATIONS.filter(({ name }) => ["code", "stream", "command"].includes(name)).map(
    (each) => [each.name, each] as const,
  ),
)("pings keep a run alive until its own deadline: %s", async (_, operation) => {
  const fault: Fault = (exchange) => {
    begin(exchange, operation.headers).chunk(CODE_FRAMES[0] ?? "");
    const pinging = setInterval(() => exchange.chunk(bareFrame({ type: "ping", text: "pong" })), 10);
    exchange.socket.on("close", () => clearInterval(pinging));
  };
  await expectSurvival(
    operation,
    fault,
    { type, code: "RUN_TIMEOUT", printed: "" },
    { streamIdleTimeoutSeconds: 0.4, timeoutSeconds: 1 },
  );
});
