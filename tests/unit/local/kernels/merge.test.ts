import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { OutputMerge } from "../../../../src/local/supervisor/code/output-merge.js";

const MARKER = Buffer.from("\0marker");

test("output and batches arrive in the order in which they were written, however they are split and interleaved", () => {
  const piece = fc.record({
    stream: fc.constantFrom("stdout", "stderr"),
    text: fc.constantFrom("a", "\0", "\0mar", "xyz"),
  });
  const step = fc.oneof(piece, fc.constant("batch" as const));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), fc.infiniteStream(fc.nat()), (steps, choices) => {
      const written = { stdout: "", stderr: "" };
      const expected: string[] = [];
      const since = { stdout: "", stderr: "" };
      const batches: number[] = [];
      const close = () => {
        for (const stream of ["stdout", "stderr"] as const) {
          expected.push(`${stream}:${since[stream]}`);
          since[stream] = "";
        }
      };
      for (const each of steps) {
        if (each === "batch") {
          close();
          written.stdout += MARKER.toString("latin1");
          written.stderr += MARKER.toString("latin1");
          expected.push(`batch ${batches.length}`);
          batches.push(batches.length);
        } else {
          written[each.stream] += each.text;
          since[each.stream] += each.text;
        }
      }
      close();

      const actual: string[] = [];
      const got = { stdout: "", stderr: "" };
      const flush = () => {
        for (const stream of ["stdout", "stderr"] as const) {
          actual.push(`${stream}:${got[stream]}`);
          got[stream] = "";
        }
      };
      const merge = new OutputMerge<number>(MARKER, {
        raw: (stream, bytes) => (got[stream] += bytes.toString("latin1")),
        message: (number) => {
          flush();
          actual.push(`batch ${number}`);
        },
      });
      const rest = {
        stdout: Buffer.from(written.stdout, "latin1"),
        stderr: Buffer.from(written.stderr, "latin1"),
      };
      while (rest.stdout.length + rest.stderr.length + batches.length > 0) {
        const { value: choice } = choices.next() as IteratorYieldResult<number>;
        const stream = choice % 3 === 0 ? "stdout" : "stderr";
        if (choice % 3 === 2) {
          const batch = batches.shift();
          if (batch !== undefined) merge.pushBatch([batch]);
        } else {
          const length = 1 + (choice % 5);
          merge.pushBytes(stream, rest[stream].subarray(0, length));
          rest[stream] = rest[stream].subarray(length);
        }
      }
      merge.end();
      flush();
      expect(actual).toEqual(expected);
    }),
  );
});
