import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { isSandboxException } from "../../../src/errors.js";
import { decodeFrame } from "../../../src/execution/event.js";
import { EventStreamDecoder } from "../../../src/transport/event-stream.js";
import { runOf, ScriptedSource } from "../../helpers/scripted-run.js";
import { RUNS } from "./runs.js";

/** What real streams are made of, and what could be taken for it, in any order. */
const piece = fc.oneof(
  fc.constantFrom(
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    ":",
    "data:",
    "data: ",
    "event: x\n",
    "id: 1\n",
    "retry: 1\n",
    ": hi\n",
    "\u{feff}",
    "{",
    "}",
    "[",
    '"',
    "\\",
    "null",
    "{}",
    '{"type":"ping"}',
    '{"type":"init","text":"c"}',
    '{"code":"A"}',
    '{"type":"execution_complete"}',
    '{"type":"stdout","text":"é\u2028😀"}',
    '{"type":"error","error":{}}',
  ),
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.json(),
);
const bytes = fc.oneof(
  fc.array(piece, { maxLength: 20 }).map((pieces) => new TextEncoder().encode(pieces.join(""))),
  fc.uint8Array({ maxLength: 60 }),
);
const places = fc.array(fc.nat(400), { maxLength: 10 });

function cut(all: Uint8Array, at: readonly number[]): Uint8Array[] {
  const cuts = at.map((place) => place % (all.length + 1)).sort((a, b) => a - b);
  return [...cuts, all.length].map((end, index) => all.subarray(index === 0 ? 0 : cuts[index - 1], end));
}

type Taken = { readonly value: unknown } | { readonly reason: string };

async function decode(
  chunks: readonly Uint8Array[],
  { takesOutput = false } = {},
): Promise<{
  readonly isWhole: boolean;
  readonly taken: readonly Taken[];
}> {
  const taken: Taken[] = [];
  const decoder = new EventStreamDecoder({
    frame: (value) => taken.push({ value }),
    malformed: (reason) => taken.push({ reason }),
    ...(takesOutput && {
      output: (type: string, text: string, timestamp: number) =>
        taken.push({ value: { type, text, timestamp } }),
    }),
  });
  for (const chunk of chunks) {
    const loading = decoder.push(chunk);
    if (loading !== undefined) await loading;
  }
  return { isWhole: decoder.end(), taken };
}

test("any bytes decode to the same, in the same order, however they are cut", async () => {
  await fc.assert(
    fc.asyncProperty(bytes, places, async (all, at) => {
      expect(await decode(cut(all, at))).toEqual(await decode([all]));
    }),
    RUNS,
  );
});

test("output frames, which have a fast path, decode to what JSON.parse gives", async () => {
  const ending = fc.constantFrom("", "\n", "\n", "\n\n", "\r\n", "\\n");
  const text = fc
    .tuple(
      fc.oneof(fc.string({ unit: "binary", maxLength: 20 }), fc.constantFrom("\u2028", "\\", '"', "😀")),
      ending,
    )
    .map((parts) => parts.join(""));
  const timestamp = fc.oneof(fc.integer(), fc.double(), fc.maxSafeInteger());
  const line = fc
    .record({ type: fc.constantFrom("stdout", "stderr", "status"), text, timestamp })
    .map((frame) => JSON.stringify(frame));
  // A character more, less or changed, so that frames that are almost plain are tried as well.
  const damaged = fc
    .tuple(line, fc.nat(80), fc.nat(1), fc.constantFrom("", "0", '"', "\\", "}", " ", "\t", "e", "-"))
    .map(([whole, at, removed, added]) => whole.slice(0, at) + added + whole.slice(at + removed));
  await fc.assert(
    fc.asyncProperty(fc.oneof(line, damaged), async (frame) => {
      // A lone surrogate is not well-formed, and arrives as a replacement character.
      const bytes = new TextEncoder().encode(`${frame}\n`);
      let expected: unknown = "malformed";
      try {
        expected = { value: JSON.parse(new TextDecoder().decode(bytes)) as unknown };
      } catch {
        // Then it must be refused.
      }
      for (const takesOutput of [false, true]) {
        const { taken } = await decode([bytes], { takesOutput });
        expect(taken.map((one) => ("value" in one ? one : "malformed"))).toEqual([expected]);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("any value decodes to an event, an error or the reason why it is neither", () => {
  const value = fc.oneof(
    fc.anything(),
    fc.record(
      {
        type: fc.oneof(
          fc.anything(),
          fc.constantFrom("init", "stdout", "result", "error", "execution_count"),
        ),
        text: fc.anything(),
        timestamp: fc.anything(),
        results: fc.anything(),
        error: fc.oneof(fc.anything(), fc.record({ ename: fc.anything(), traceback: fc.anything() })),
        code: fc.anything(),
      },
      { requiredKeys: [] },
    ),
  );
  fc.assert(
    fc.property(value, (frame) => {
      const keys = Object.keys(decodeFrame(frame));
      expect(["event", "inBandError", "malformed"]).toContain(keys.join());
    }),
    RUNS,
  );
});

test("a run of any bytes ends, with an execution or an exception of the library", async () => {
  await fc.assert(
    fc.asyncProperty(bytes, places, async (all, at) => {
      const source = new ScriptedSource({ isSession: true });
      for (const chunk of cut(all, at)) source.sendText(new TextDecoder("latin1").decode(chunk));
      source.end();
      try {
        const { complete, error } = await runOf(source);
        expect(complete ?? error).toBeDefined();
      } catch (error) {
        if (!isSandboxException(error)) throw error;
        expect(error.execution).toBeDefined();
      }
      expect(source.isReleased).toBe(true);
    }),
    { ...RUNS, numRuns: Math.ceil(RUNS.numRuns / 2) },
  );
});
