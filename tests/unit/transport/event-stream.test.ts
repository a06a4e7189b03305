import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { decodeFrame, type ExecutionEvent } from "../../../src/execution/event.js";
import { EventStreamDecoder } from "../../../src/transport/event-stream.js";
import { bareFrame, dataFrame, toWire } from "../../helpers/wire.js";

interface Decoded {
  readonly frames: unknown[];
  readonly malformed: string[];
  readonly endedBetweenFrames: boolean;
}

async function decode(chunks: readonly (string | Uint8Array)[]): Promise<Decoded> {
  const frames: unknown[] = [];
  const malformed: string[] = [];
  const decoder = new EventStreamDecoder({
    frame: (value) => frames.push(value),
    malformed: (reason) => malformed.push(reason),
  });
  for (const chunk of chunks) {
    const loading = decoder.push(typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk);
    if (loading !== undefined) await loading;
  }
  return { frames, malformed, endedBetweenFrames: decoder.end() };
}

async function decodeEvents(chunks: readonly (string | Uint8Array)[]): Promise<ExecutionEvent[]> {
  const { frames } = await decode(chunks);
  return frames.map((frame) => {
    const decoded = decodeFrame(frame);
    if (!("event" in decoded)) throw new Error(`not an event: ${JSON.stringify(decoded)}`);
    return decoded.event;
  });
}

const text = fc.string({ unit: "binary", maxLength: 40 });
const timestamp = fc.integer({ min: 0, max: 4_000_000_000_000 });
const mimeValues = fc.dictionary(
  fc.constantFrom("text/plain", "text/html", "image/png", "application/x-other"),
  text.filter((value) => value !== ""),
);
const events: fc.Arbitrary<ExecutionEvent> = fc.oneof(
  fc.record({ type: fc.constant("init" as const), id: text, timestamp }),
  fc.record({
    type: fc.constantFrom("stdout" as const, "stderr" as const, "status" as const),
    text,
    timestamp,
  }),
  fc.record({ type: fc.constant("ping" as const), timestamp }),
  fc.record({ type: fc.constant("result" as const), results: mimeValues, timestamp }),
  fc.record({
    type: fc.constant("execution_count" as const),
    executionCount: fc.nat(),
    timestamp,
  }),
  fc.record({
    type: fc.constant("execution_complete" as const),
    executionTimeMs: fc.nat(),
    timestamp,
  }),
  fc
    .record({ name: text, value: text, traceback: fc.array(text, { maxLength: 3 }), timestamp })
    .map((error) => ({ type: "error" as const, error, timestamp: error.timestamp })),
);

/** Cuts bytes anywhere: inside a character, inside a pair of newlines, into empty chunks. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const cuts = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b);
  const pieces: Uint8Array[] = [];
  let start = 0;
  for (const end of [...cuts, bytes.length]) {
    pieces.push(bytes.subarray(start, end));
    start = end;
  }
  return pieces;
}

describe("event stream decoder", () => {
  test("any events decode to themselves, in either framing and cut at any byte", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(events, fc.boolean()), { maxLength: 12 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        async (list, places) => {
          const wire = list
            .map(([event, isBare]) => (isBare ? bareFrame : dataFrame)(toWire(event)))
            .join("");
          const decoded = await decodeEvents(cut(new TextEncoder().encode(wire), places));
          expect(decoded).toEqual(list.map(([event]) => event));
        },
      ),
      { numRuns: 500 },
    );
  });

  test("a stream that is cut at any byte yields a prefix of its events, and reports a cut inside a frame", async () => {
    const list = [{ type: "stdout", text: "héllo 世界" }, { type: "stderr", text: "😀" }, { type: "ping" }];
    const bytes = new TextEncoder().encode(list.map(bareFrame).join(""));
    let last = 0;
    for (let end = 0; end <= bytes.length; end += 1) {
      const { frames, malformed, endedBetweenFrames } = await decode([bytes.subarray(0, end)]);
      expect(malformed).toEqual([]);
      expect(frames).toEqual(list.slice(0, frames.length));
      expect(frames.length).toBeGreaterThanOrEqual(last);
      last = frames.length;
      // What lies between the end of the last frame and the cut is newlines at most, or the stream was cut in a frame.
      const rest = new TextDecoder().decode(bytes.subarray(0, end)).split("\n").at(-1) ?? "";
      expect(endedBetweenFrames).toBe(rest === "" || list.map((item) => JSON.stringify(item)).includes(rest));
    }
    expect(last).toBe(list.length);
  });

  test("each byte is decoded once, whatever the size of the chunks", async () => {
    // Counted, not timed: a decoder that scans its buffer again would make the text methods see more than there is.
    const line = bareFrame({ type: "stdout", text: "x".repeat(200_000) });
    const bytes = new TextEncoder().encode(line);
    const scanned = { characters: 0 };
    // eslint-disable-next-line @typescript-eslint/unbound-method -- always called with its own `this`, below
    const original = String.prototype.indexOf;
    // Counted only during this test.
    String.prototype.indexOf = function (this: string, ...args: [string, number?]): number {
      const found = original.apply(this, args);
      scanned.characters += (found === -1 ? this.length : found + 1) - (args[1] ?? 0);
      return found;
    };
    try {
      await decode(
        Array.from({ length: Math.ceil(bytes.length / 7) }, (_, at) => bytes.subarray(at * 7, at * 7 + 7)),
      );
    } finally {
      String.prototype.indexOf = original;
    }
    expect(scanned.characters).toBeGreaterThanOrEqual(line.length);
    expect(scanned.characters).toBeLessThan(2 * line.length);
  });

  test("a last frame needs no newline", async () => {
    const inBand = '{"code":"RUNTIME_ERROR","message":"error running codes session is busy"}';
    expect(await decode([bareFrame({ type: "init", text: "a" }), inBand])).toEqual({
      frames: [{ type: "init", text: "a" }, JSON.parse(inBand)],
      malformed: [],
      endedBetweenFrames: true,
    });
    expect((await decode(['data: {"type":"ping"}'])).frames).toEqual([{ type: "ping" }]);
  });

  test.each([
    ["a bare frame", '{"type":"std'],
    ["a data frame", 'data: {"type":"std'],
    ["the name of a field", "dat"],
  ])("an end inside %s is reported", async (_, tail) => {
    expect(await decode([bareFrame({ type: "ping" }), tail])).toEqual({
      frames: [{ type: "ping" }],
      malformed: [],
      endedBetweenFrames: false,
    });
  });

  test("comments, ids, retries, CRLF, a byte order mark and blank lines are not frames", async () => {
    const stream =
      '\uFEFF: welcome\r\nid: 7\r\nretry: 100\r\nevent: message\r\ndata: {"type":"ping"}\r\n\r\n\r\n\n{"type":"ping"}\r\n\r\n:bye';
    expect(await decode([stream])).toEqual({
      frames: [{ type: "ping" }, { type: "ping" }],
      malformed: [],
      endedBetweenFrames: true,
    });
  });

  test("only a newline ends a line", async () => {
    const value = { type: "stdout", text: "a\u0085b\u2028c\u2029d" };
    expect((await decode([`${JSON.stringify(value)}\n\n`])).frames).toEqual([value]);
  });

  test("data lines without blank lines between them are one frame each, unless they belong to one object", async () => {
    expect((await decode(['data: {"type":"ping"}\ndata: {"type":"init"}\n\n'])).frames).toEqual([
      { type: "ping" },
      { type: "init" },
    ]);
    expect((await decode(['data: {"type":\ndata: "ping"}\n\n'])).frames).toEqual([{ type: "ping" }]);
  });

  test("the order is kept if both framings are mixed", async () => {
    expect((await decode(['data: {"type":"init"}\n{"type":"ping"}\n\n'])).frames).toEqual([
      { type: "init" },
      { type: "ping" },
    ]);
  });

  test.each([
    ["garbage", "hello\n\n"],
    ["HTML of a gateway", "<html><body>502</body></html>\n"],
    ["a frame that is not JSON", "{oops}\n\n"],
    ["data that is not JSON", "data: oops\n\n"],
  ])("%s is malformed, not dropped", async (_, wire) => {
    const { frames, malformed } = await decode([bareFrame({ type: "ping" }), wire]);
    expect(frames).toEqual([{ type: "ping" }]);
    expect(malformed).toHaveLength(1);
  });

  test("invalid UTF-8 becomes U+FFFD", async () => {
    const bytes = Uint8Array.from([
      ...new TextEncoder().encode('{"type":"x'),
      0xff,
      0xc3,
      0x28,
      0x22,
      0x7d,
      0x0a,
    ]);
    expect((await decode([bytes])).frames).toEqual([{ type: "x\uFFFD\uFFFD(" }]);
  });
});
