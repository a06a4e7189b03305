import { afterAll, describe, expect, test } from "@jest/globals";
import { SandboxConnectionException } from "../../src/errors.js";
import { chunkOf, frame, unusedOrigin, type FaultExchange } from "../helpers/fault-server.js";
import { LeakWatch } from "../helpers/faults/leaks.js";
import { CODE_FRAMES, SDK_CALLS, PRINTED, type SdkCall } from "../helpers/faults/sdk-calls.js";
import {
  countCases,
  expectOutcome,
  expectSurvival,
  outcomeOf,
  QUICK_RETRIES,
  REQUEST_ID,
  reportCases,
  type Expected,
  type Failing,
  type Fault,
} from "../helpers/faults/survival.js";
import { linkTo } from "../helpers/link.js";

afterAll(() => reportCases("connections"));

const type = SandboxConnectionException;
/** Without a response: a GET is retried; a POST is not, as it may have taken effect. */
const lost = ({ name }: SdkCall): Failing =>
  name === "get" || name === "download"
    ? { type, code: "CONNECTION", isRetryable: true, attempts: 3 }
    : { type, code: "CONNECTION", isRetryable: false, attempts: 1, printed: "" };
const isStreamed = ({ name }: SdkCall): boolean => !["get", "post", "upload"].includes(name);
/** In the response: streams are never requested again. */
const broken = (call: SdkCall): Failing =>
  isStreamed(call) ? { type, code: "STREAM_BROKEN", attempts: 1, hasRequestId: true } : lost(call);

const head = (exchange: FaultExchange, { headers }: SdkCall): FaultExchange =>
  exchange.head(200, { "transfer-encoding": "chunked", "x-request-id": REQUEST_ID, ...headers });

/** Announces more than is sent, so that the response of every call can be cut. */
const bodyOf = ({ body }: SdkCall): Buffer => (body.byteLength === 0 ? Buffer.from("{}") : body);

/** Ends the connection after the client has received everything that was written before. */
type End = (exchange: FaultExchange) => void;
const ENDS: readonly (readonly [string, End])[] = [
  ["closed", (exchange) => exchange.close()],
  ["reset", (exchange) => exchange.reset()],
];

const FAULTS: readonly (readonly [
  name: string,
  before: (exchange: FaultExchange, call: SdkCall) => void,
  expected: (call: SdkCall) => Failing,
])[] = [
  ["before the headers", () => undefined, lost],
  ["in the status line", (exchange) => exchange.write("HTTP/1.1 20"), lost],
  ["in a header", (exchange) => exchange.write("HTTP/1.1 200 OK\r\ncontent-ty"), lost],
  ["before the blank line", (exchange) => exchange.write("HTTP/1.1 200 OK\r\na: b\r\n"), lost],
  ["after an interim response", (exchange) => exchange.write("HTTP/1.1 103 Early Hints\r\n\r\n"), lost],
  ["after the headers", head, broken],
  ["in a chunk's size", (exchange, call) => head(exchange, call).write("1"), broken],
  ["after a chunk's size", (exchange, call) => head(exchange, call).write("ff\r\n"), broken],
  [
    "in the middle of the body",
    (exchange, call) => {
      const body = bodyOf(call);
      head(exchange, call).chunk(body.subarray(0, body.byteLength / 2));
    },
    broken,
  ],
  [
    "after the body, before the last chunk",
    (exchange, call) => head(exchange, call).chunk(bodyOf(call)),
    // The completion of a code run proves nothing without the end of the stream; that of a command does.
    (call) => (call.name === "command" ? { code: "none" } : broken(call)),
  ],
  [
    "in the last chunk",
    (exchange, call) => head(exchange, call).chunk(bodyOf(call)).write("0\r\n"),
    (call) => (call.name === "command" ? { code: "none" } : broken(call)),
  ],
  [
    "before the announced length",
    (exchange, call) => {
      const whole = frame(200, bodyOf(call), { ...call.headers, "x-request-id": REQUEST_ID });
      exchange.write(whole.subarray(0, whole.byteLength - 1));
    },
    (call) => (call.name === "command" ? { code: "none" } : broken(call)),
  ],
];

describe.each(ENDS)("a connection that is %s", (_, end) => {
  describe.each(FAULTS)("%s", (_, before, expected) => {
    test.each(SDK_CALLS.map((call) => [call.name, call] as const))("%s", async (_, call) => {
      const fault: Fault = (exchange) => {
        before(exchange, call);
        // A reset discards data that the client has not read, so the response has to arrive first.
        setImmediate(() => setImmediate(() => end(exchange)));
      };
      const failing = expected(call);
      await expectSurvival(call, fault, failing.code === "none" ? "ok" : failing);
    });
  });
});

describe("the exception contains a code run's frames up to the break:", () => {
  const code = SDK_CALLS.filter(({ name }) => name === "code");
  const upTo = (marker: string, more: number): Buffer => {
    const body = Buffer.from(CODE_FRAMES.join(""));
    return body.subarray(0, body.indexOf(marker) + more);
  };
  test.each<[string, Buffer, string]>([
    ["in the middle of a frame", upTo('"text":"h', 9), ""],
    ["in the middle of a character of two bytes", upTo("\u00e9", 1), ""],
    ["in the middle of a character of three bytes", upTo("\u2713", 2), ""],
    ["in the middle of a character of four bytes", upTo("\u{1f600}", 3), ""],
    ["in the middle of the frame after", upTo("execution_count", 4), PRINTED],
    ["between a frame's two newlines", upTo('execution_time":7,"timestamp":6}\n', 33), PRINTED],
  ])("%s", async (_, bytes, printed) => {
    for (const call of code) {
      for (const [, end] of ENDS) {
        const fault: Fault = (exchange) => {
          head(exchange, call).write(chunkOf(bytes));
          setImmediate(() => setImmediate(() => end(exchange)));
        };
        await expectSurvival(call, fault, { ...broken(call), printed });
      }
    }
  });
});

test.each(SDK_CALLS.map((call) => [call.name, call] as const))(
  "a refused connection counts as nothing sent: %s",
  async (_, call) => {
    const leaks = new LeakWatch();
    const retries: number[] = [];
    const link = linkTo(await unusedOrigin(), {
      retryPolicy: { ...QUICK_RETRIES, onRetry: ({ attempt }) => retries.push(attempt) },
    });
    const expected: Expected = { type, code: "CONNECTION", isRetryable: true, message: /refused/ };
    expectOutcome(call, await outcomeOf(call.run(link, {})), expected);
    expect(retries).toEqual([1, 2]);
    countCases(1);
    await leaks.expectNothingLeft();
  },
);

describe("bytes that are not HTTP are an error:", () => {
  test.each<[string, string]>([
    ["another protocol", "SSH-2.0-OpenSSH_9.6\r\n"],
    ["binary", "\0\x01\x02\x03"],
    ["an invalid status", "HTTP/1.1 xyz OK\r\n\r\n"],
    ["a header without a colon", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"],
    ["an invalid length", "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n"],
    ["a negative length", "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"],
    ["headers of 1 MB", `HTTP/1.1 200 OK\r\na: ${"b".repeat(1024 * 1024)}\r\n\r\n`],
    [
      "a switch of protocols",
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: other\r\nconnection: upgrade\r\n\r\n",
    ],
  ])("%s", async (_, bytes) => {
    for (const call of SDK_CALLS) {
      await expectSurvival(call, (exchange) => exchange.write(bytes).close(), lost(call));
    }
  });

  test("a chunk with an invalid size", async () => {
    for (const call of SDK_CALLS) {
      const fault: Fault = (exchange) => head(exchange, call).write("zz\r\nab\r\n").close();
      await expectSurvival(call, fault, broken(call));
    }
  });
});

test("unrequested bytes after a response affect neither it nor the next call", async () => {
  for (const call of SDK_CALLS) {
    const fault: Fault = (exchange) => {
      const whole = frame(200, call.body, call.headers);
      exchange.write(
        Buffer.concat([whole, Buffer.from("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nunused")]),
      );
      exchange.isAnswered = true;
    };
    await expectSurvival(call, fault, "ok");
  }
});
