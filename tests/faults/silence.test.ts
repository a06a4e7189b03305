import { afterAll, expect, test } from "@jest/globals";
import { SandboxTimeoutException } from "../../src/errors.js";
import { Files } from "../../src/services/files.js";
import type { FaultExchange } from "../helpers/fault-server.js";
import { LeakWatch } from "../helpers/faults/leaks.js";
import { CODE_FRAMES, sdkCall, SDK_CALLS, PRINTED, type SdkCall } from "../helpers/faults/sdk-calls.js";
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
/** Leaves time for all requests, which are sent at once, to arrive on a busy machine. */
const DEADLINE_SECONDS = 5;
const DEADLINES = { requestTimeoutSeconds: DEADLINE_SECONDS, streamIdleTimeoutSeconds: DEADLINE_SECONDS };
/** Creating a context may take two minutes, but this POST has the usual limit. */
const POST: SdkCall = {
  ...sdkCall("post"),
  route: ["POST", "/files/replace"],
  run: (link, { signal }) =>
    new Files(link).replaceContents([{ path: "a", oldContent: "b", newContent: "c" }], { signal }),
};
const CALLS = SDK_CALLS.map((each) => (each.name === "post" ? POST : each));
const isRun = ({ name }: SdkCall): boolean => name === "code" || name === "stream";

/** Where the server stops sending, and whether a byte of the body was sent before. */
const PLACES: readonly (readonly [string, (exchange: FaultExchange, call: SdkCall) => void, boolean])[] = [
  ["without a response", () => undefined, false],
  ["in the headers", (exchange) => exchange.write("HTTP/1.1 200 OK\r\ncontent-"), false],
  ["after an interim response", (exchange) => exchange.write("HTTP/1.1 103 Early Hints\r\n\r\n"), false],
  ["after the headers", (exchange, { headers }) => begin(exchange, headers), false],
  ["in a chunk's size", (exchange, { headers }) => begin(exchange, headers).write("f"), false],
  [
    "in the body",
    (exchange, { body, headers }) => {
      // Of a stream, everything but the completion, which would end a command.
      const end = body.includes("execution_complete") ? body.indexOf('{"type":"execution_complete"') + 9 : 2;
      begin(exchange, headers).chunk(body.byteLength === 0 ? "{" : body.subarray(0, end));
    },
    true,
  ],
];

function begin(exchange: FaultExchange, headers: Readonly<Record<string, string>>): FaultExchange {
  return exchange.head(200, { "transfer-encoding": "chunked", "x-request-id": REQUEST_ID, ...headers });
}

function expected(call: SdkCall, hasBegun: boolean): Failing {
  const { name } = call;
  if (name === "get" || name === "post") {
    return { type, code: "REQUEST_TIMEOUT", attempts: 1, isRetryable: name === "get" };
  }
  // The first byte of a code run may take two minutes, so the run's own deadline is reached first.
  if (isRun(call) && !hasBegun) return { type, code: "RUN_TIMEOUT", attempts: 1, printed: "" };
  return {
    type,
    code: "STREAM_STALLED",
    attempts: 1,
    printed: hasBegun ? PRINTED : "",
    hasRequestId: hasBegun,
  };
}

test("silence at any point ends each kind of call at its deadline, with an interrupt or a closed connection", async () => {
  let settled = 0;
  const leaks = new LeakWatch();
  const wrong: unknown[] = [];
  // All at once: a command without an id cannot be interrupted, and is cancelled after 5 s each time.
  await Promise.all(
    PLACES.flatMap(([place, fault, hasBegun]) =>
      CALLS.flatMap((call) =>
        [false, true].map(async (ignoresInterrupts) => {
          const failing = expected(call, hasBegun);
          const timed: SdkCall = {
            ...call,
            run: (link, options) => call.run(link, options).finally(() => (settled += 1)),
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
            wrong.push([call.name, place, ignoresInterrupts, String(cause)]);
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
  SDK_CALLS.filter(({ name }) => ["code", "stream", "command"].includes(name)).map(
    (each) => [each.name, each] as const,
  ),
)("pings keep a run alive until its own deadline: %s", async (_, call) => {
  const fault: Fault = (exchange) => {
    begin(exchange, call.headers).chunk(CODE_FRAMES[0] ?? "");
    const pinging = setInterval(() => exchange.chunk(bareFrame({ type: "ping", text: "pong" })), 10);
    exchange.socket.on("close", () => clearInterval(pinging));
  };
  await expectSurvival(
    call,
    fault,
    { type, code: "RUN_TIMEOUT", printed: "" },
    { streamIdleTimeoutSeconds: 0.4, timeoutSeconds: 1 },
  );
});
