import { afterAll, describe, expect, test } from "@jest/globals";
import { SandboxApiException, SandboxConnectionException, SandboxException } from "../../src/errors.js";
import { Codes } from "../../src/services/codes.js";
import { chunkOf, frame, type FaultExchange } from "../helpers/fault-server.js";
import { heapMiB } from "../helpers/faults/leaks.js";
import { CODE_FRAMES, SDK_CALLS, sdkCall, PRINTED } from "../helpers/faults/sdk-calls.js";
import {
  countCases,
  expectSurvival,
  withFaultServer,
  REQUEST_ID,
  reportCases,
  type Expected,
} from "../helpers/faults/survival.js";
import { bareFrame } from "../helpers/wire.js";

afterAll(() => reportCases("streams"));

const STREAMS = SDK_CALLS.filter(({ name }) => ["code", "stream", "command"].includes(name));
const MIB = 1024 * 1024;

function begin(exchange: FaultExchange): FaultExchange {
  return exchange.head(200, {
    "transfer-encoding": "chunked",
    "content-type": "text/event-stream",
    "x-request-id": REQUEST_ID,
  });
}

describe("accepts a stream one byte at a time:", () => {
  test.each(SDK_CALLS.filter(({ name }) => name !== "download").map((each) => [each.name, each] as const))(
    "%s",
    async (_, call) => {
      for (const framing of ["chunked", "length"] as const) {
        const bytes = frame(200, call.body, call.headers, framing);
        await expectSurvival(
          call,
          (exchange) => {
            void (async () => {
              for (const byte of bytes) {
                exchange.write(new Uint8Array([byte]));
                await new Promise(setImmediate);
              }
              exchange.isAnswered = true;
            })();
          },
          "ok",
        );
      }
    },
  );
});

test("accepts all frames in one segment with headers and end, and each in its own chunk or in many", async () => {
  for (const each of STREAMS) {
    const frames = each.body.toString().split(/(?<=\n\n)/);
    const head = Buffer.from("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    const end = Buffer.from("0\r\n\r\n");
    for (const chunks of [[each.body], frames, [...each.body].map((byte) => new Uint8Array([byte]))]) {
      const bytes = Buffer.concat([head, ...chunks.map(chunkOf), end]);
      await expectSurvival(
        each,
        (exchange) => {
          exchange.isAnswered = true;
          exchange.write(bytes);
        },
        "ok",
      );
    }
  }
});

describe("accepts every framing:", () => {
  test.each<[string, (frames: readonly string[]) => string]>([
    ["as they are", (frames) => frames.join("")],
    ["with one newline", (frames) => frames.map((each) => each.trimEnd()).join("\n")],
    ["with many newlines", (frames) => frames.join("\n\n\n\n")],
    ["as data", (frames) => frames.map((each) => `data: ${each}`).join("")],
    ["as data without a blank", (frames) => frames.map((each) => `data:${each}`).join("")],
    ["as data without blank lines", (frames) => frames.map((each) => `data: ${each.trimEnd()}\n`).join("")],
    ["with CRLF", (frames) => frames.join("").replaceAll("\n", "\r\n")],
    [
      "as data with CRLF",
      (frames) =>
        frames
          .map((each) => `data: ${each}`)
          .join("")
          .replaceAll("\n", "\r\n"),
    ],
    ["with a byte order mark", (frames) => `\u{feff}${frames.join("")}`],
    ["as data with a byte order mark", (frames) => `\u{feff}data: ${frames.join("data: ")}`],
    ["with comments", (frames) => `: hi\n\n${frames.join(":\n\n: keep-alive\n\n")}`],
    [
      "with events, ids and retries",
      (frames) => frames.map((each) => `event: x\nid: 1\nretry: 9\ndata: ${each}`).join(""),
    ],
    [
      "both kinds mixed",
      (frames) => frames.map((each, index) => (index % 2 === 0 ? each : `data: ${each}`)).join(""),
    ],
    ["indented", (frames) => frames.map((each) => `  ${each}`).join("")],
    [
      "with unknown fields",
      (frames) => frames.map((each) => each.replace("{", '{"extra":{"a":[1]},')).join(""),
    ],
    ["without times", (frames) => frames.map((each) => each.replace(/,"timestamp":\d/, "")).join("")],
    ["with statuses among them", (frames) => frames.join(bareFrame({ type: "status", text: "busy" }))],
  ])("%s", async (_, write) => {
    for (const each of STREAMS) {
      const frames = each.body.toString().split(/(?<=\n\n)/);
      const body = write(frames);
      // In the plain form a status is a separate event.
      if (each.name === "stream" && body.includes('"status"')) continue;
      await expectSurvival(each, (exchange) => exchange.answer(200, body, {}, "chunked"), "ok");
    }
  });
});

describe("accepts frames with fewer or more fields than expected:", () => {
  const complete = CODE_FRAMES[5] ?? "";
  const code = sdkCall("code");
  const command = sdkCall("command");
  test.each<[string, readonly unknown[], string]>([
    ["no init", [{ type: "stdout", text: "a" }], "a"],
    ["an init without an id", [{ type: "init" }, { type: "stdout", text: "a" }], "a"],
    ["a stdout without text", [{ type: "stdout" }], ""],
    ["a result without values", [{ type: "result" }], ""],
    ["unknown types", [{ type: "from_the_future", text: "a" }, { type: "" }], ""],
    [
      "an event twice",
      [
        { type: "init", text: "c" },
        { type: "init", text: "c" },
      ],
      "",
    ],
    ["keys of objects", [JSON.parse('{"type":"stdout","text":"a","__proto__":{"text":"b"}}')], "a"],
    ["keys of prototypes", [{ type: "stdout", text: "a", constructor: 1, toString: 2 }], "a"],
  ])("%s", async (_, values, stdout) => {
    for (const each of [code, command]) {
      const printed = each === command && stdout !== "" ? `${stdout}\n` : stdout;
      const body = values.map(bareFrame).join("") + complete;
      await expectSurvival(each, (exchange) => exchange.answer(200, body), {
        value: {
          stdout: each === command && stdout === "" && body.includes('"stdout"') ? "\n" : printed,
          text: undefined,
          isComplete: true,
        },
      });
    }
  });
});

describe("a malformed frame is an error, after the events before it:", () => {
  const init = CODE_FRAMES[0] ?? "";
  const stdout = CODE_FRAMES[2] ?? "";
  const malformed: Expected = { type: SandboxException, code: "STREAM_MALFORMED", printed: PRINTED };
  test.each<[string, string]>([
    ["garbage between frames", "garbage\n\n"],
    ["HTML between frames", "<html><title>502</title></html>\n"],
    ["a frame that is not JSON", "{nonsense}\n"],
    ["a frame cut in two by a newline", '{"type":"stdout",\n"text":"a"}\n'],
    ["two frames on one line", '{"type":"ping"}{"type":"ping"}\n'],
    ["a list", "[1]\n"],
    ["a number", "1\n"],
    ["null as data", "data: null\n\n"],
    ["neither a type nor a code", '{"a":1}\n'],
    ["a type that is not a string", '{"type":5}\n'],
    ["a code that is not a string", '{"code":5,"message":"x"}\n'],
    ["text that is a number", '{"type":"stdout","text":5}\n'],
    ["text that is null", '{"type":"stdout","text":null}\n'],
    ["text that is a list", '{"type":"stderr","text":["a"]}\n'],
    ["a time that is text", '{"type":"stdout","text":"a","timestamp":"now"}\n'],
    ["values that are a list", '{"type":"result","results":[1]}\n'],
    ["values that are text", '{"type":"result","results":"2"}\n'],
    ["a count that is text", '{"type":"execution_count","execution_count":"1"}\n'],
    ["a duration that is text", '{"type":"execution_complete","execution_time":"1"}\n'],
    ["an error that is text", '{"type":"error","error":"it failed"}\n'],
    ["an error's name that is a number", '{"type":"error","error":{"ename":1}}\n'],
    ["a traceback that is text", '{"type":"error","error":{"ename":"a","traceback":"b"}}\n'],
  ])("%s", async (_, text) => {
    for (const each of STREAMS) {
      const printed = each.name === "command" ? stdout.replace("\\n", "") : stdout;
      // Valid except for the malformed frame, which must not be skipped.
      const body = init + printed + text + (CODE_FRAMES[5] ?? "");
      await expectSurvival(each, (exchange) => exchange.answer(200, body), malformed);
    }
  });

  test("an in-band error keeps its code and the events before it, with or without a newline", async () => {
    for (const each of STREAMS) {
      for (const [end, message, isRetryable] of [
        ["", "session is busy", true],
        ["\n\n", "session is busy", true],
        ["\n", "kernel died", false],
      ] as const) {
        const printed = each.name === "command" ? stdout.replace("\\n", "") : stdout;
        const said = `${JSON.stringify({ code: "RUNTIME_ERROR", message })}${end}`;
        await expectSurvival(
          each,
          (exchange) =>
            begin(exchange)
              .chunk(init + printed + said)
              .lastChunk(),
          {
            type: SandboxApiException,
            code: "RUNTIME_ERROR",
            statusCode: 200,
            isRetryable,
            printed: PRINTED,
            hasRequestId: true,
            message: new RegExp(message),
          },
        );
      }
    }
  });

  test("rejects a clean end inside a frame, inside a character and before the completion", async () => {
    const body = CODE_FRAMES.join("");
    for (const [until, printed] of [
      [body.indexOf("pong"), ""],
      [Buffer.from(body).indexOf("\u2713") + 1, ""],
      [Buffer.from(body).indexOf('{"type":"execution_complete"'), PRINTED],
      [0, ""],
    ] as const) {
      await expectSurvival(
        sdkCall("code"),
        (exchange) => begin(exchange).chunkIfAny(Buffer.from(body).subarray(0, until)).lastChunk(),
        { type: SandboxConnectionException, code: "STREAM_CUT", printed, hasRequestId: true },
      );
    }
  });
});

describe("accepts large streams:", () => {
  test("a frame of 100 MB arrives complete", async () => {
    const piece = Buffer.from("0123456789abcdef".repeat(MIB / 16));
    countCases(1);
    await withFaultServer(
      (exchange) => {
        begin(exchange).chunk(`${CODE_FRAMES[0] ?? ""}{"type":"stdout","text":"`);
        let sent = 0;
        const more = (): void => {
          while (sent < 100) {
            sent += 1;
            if (!exchange.socket.write(chunkOf(piece))) {
              exchange.socket.once("drain", more);
              return;
            }
          }
          exchange.chunk(`"}\n\n${CODE_FRAMES[5] ?? ""}`).lastChunk();
        };
        more();
      },
      async ({ link }) => {
        let length = 0;
        for await (const event of new Codes(link).runStream({ code: "1" })) {
          if (event.type === "stdout") length = event.text.length;
        }
        expect(length).toBe(100 * MIB);
      },
    );
  });

  test("1,000,000 frames that are not kept use no memory", async () => {
    const thousand = Buffer.from(
      bareFrame({ type: "stdout", text: "x".repeat(40), timestamp: 1 }).repeat(1_000),
    );
    countCases(1);
    await withFaultServer(
      (exchange) => {
        begin(exchange).chunk(CODE_FRAMES[0] ?? "");
        let sent = 0;
        const more = (): void => {
          while (sent < 1_000) {
            sent += 1;
            if (!exchange.socket.write(chunkOf(thousand))) {
              exchange.socket.once("drain", more);
              return;
            }
          }
          exchange.chunk(CODE_FRAMES[5] ?? "").lastChunk();
        };
        more();
      },
      async ({ link }) => {
        let count = 0;
        let most = 0;
        const before = await heapMiB();
        for await (const event of new Codes(link).runStream({ code: "1" })) {
          if (event.type !== "stdout") continue;
          count += 1;
          if (count % 250_000 === 0) most = Math.max(most, (await heapMiB()) - before);
        }
        expect(count).toBe(1_000_000);
        expect(most).toBeLessThan(30);
      },
    );
  });
});
