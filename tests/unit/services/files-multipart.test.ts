import { Readable } from "node:stream";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { InvalidArgumentException } from "../../../src/errors.js";
import { encodeMultipart, type UploadPart } from "../../../src/services/files/multipart.js";
import { SegmentedBody, type ByteSource } from "../../../src/transport/segmented-body.js";
import { parseMultipart } from "../../helpers/multipart.js";
import { failureOf } from "../../helpers/promises.js";

const bytesOf = async (body: SegmentedBody): Promise<Buffer> =>
  Buffer.from(await new Response(body.stream()).arrayBuffer());

/** Bytes, cut into chunks, in each form that data may have. */
const FORMS: Readonly<Record<string, (chunks: readonly Uint8Array[]) => ByteSource>> = {
  bytes: (chunks) => Buffer.concat(chunks),
  "a view into a larger buffer": (chunks) => {
    const bytes = Buffer.concat(chunks);
    const room = new Uint8Array(bytes.byteLength + 7);
    room.set(bytes, 3);
    return new DataView(room.buffer, 3, bytes.byteLength);
  },
  "an ArrayBuffer": (chunks) => new Uint8Array(Buffer.concat(chunks)).buffer,
  "a Blob": (chunks) => new Blob(chunks.map((chunk) => new Uint8Array(chunk))),
  "a Web stream": (chunks) =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(chunk);
        controller.close();
      },
    }),
  "a Node stream": (chunks) => Readable.from(chunks, { objectMode: false }),
  "an async iterable": (chunks) => generate(chunks),
};

// eslint-disable-next-line @typescript-eslint/require-await -- it has to be an async one
async function* generate(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

describe("an upload's body", () => {
  const anyBytes = fc.uint8Array({ maxLength: 60 });
  // What could end a header, a part or a body, more often than chance would have it.
  const nastyText = fc.oneof(
    fc.string({ unit: "binary" }),
    fc
      .array(fc.constantFrom("\r\n", '"', "--", "\0", "ü", "世", "\\", ";", "filename=", "a"))
      .map((it) => it.join("")),
  );
  const chunked = fc.array(
    fc.oneof(
      anyBytes,
      nastyText.map((text) => new TextEncoder().encode(text)),
    ),
    {
      maxLength: 5,
    },
  );

  test("parses back to its input: any paths, any bytes, in any chunks and any form", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({ path: nastyText, chunks: chunked, form: fc.constantFrom(...Object.keys(FORMS)) }),
          {
            minLength: 1,
            maxLength: 5,
          },
        ),
        async (files) => {
          const body = encodeMultipart(
            files.map(({ path, chunks, form }, index): UploadPart => {
              const data = FORMS[form]?.(chunks) ?? "";
              return { name: `files[${index}].data`, metadata: { path, mode: 644 }, data };
            }),
          );
          const bytes = await bytesOf(body);
          if (body.size !== undefined) expect(bytes.byteLength).toBe(body.size);
          const parts = parseMultipart(body.type, bytes);
          expect(parts.map(({ name }) => name)).toEqual(files.flatMap(() => ["metadata", "file"]));
          files.forEach(({ path, chunks }, index) => {
            const [metadata, file] = parts.slice(2 * index);
            // Without a file name the server takes the metadata for a form field.
            expect(metadata?.filename).toBe("metadata");
            expect(metadata?.headers["content-type"]).toBe("application/json");
            expect(JSON.parse(String(metadata?.data))).toEqual({ path, mode: 644 });
            expect(file?.data.equals(Buffer.concat(chunks))).toBe(true);
          });
        },
      ),
      { numRuns: 300 },
    );
  });

  test("is parsed by the platform's own parser", async () => {
    const path = '/a"b\r\n--c/世界';
    const body = encodeMultipart([{ name: "data", metadata: { path }, data: "one\r\n--two" }]);
    const response = new Response(await bytesOf(body), { headers: { "content-type": body.type } });
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- it is for servers that it is not recommended
    const form = await response.formData();
    const [metadata, file] = [form.get("metadata"), form.get("file")];
    if (!(metadata instanceof Blob) || !(file instanceof Blob)) throw new Error("They are files.");
    expect(JSON.parse(await metadata.text())).toEqual({ path });
    expect(await file.text()).toBe("one\r\n--two");
  });

  test("has a new boundary each time", () => {
    const types = Array.from({ length: 20 }, () => encodeMultipart([]).type);
    expect(new Set(types).size).toBe(20);
  });

  test("as a Blob, for browsers, has the same bytes and type", async () => {
    for (const form of Object.values(FORMS)) {
      const data = form([Buffer.from("ab"), Buffer.from("cd")]);
      const body = encodeMultipart([{ name: "data", metadata: { path: "/x" }, data }]);
      const blob = await body.blob();
      expect(blob.type).toBe(body.type);
      const [, file] = parseMultipart(body.type, new Uint8Array(await blob.arrayBuffer()));
      expect(String(file?.data)).toBe("abcd");
    }
  });
});

describe("a body of several", () => {
  const body = (...data: ByteSource[]): SegmentedBody =>
    new SegmentedBody(
      data.map((it, index) => ({ name: `data ${index}`, data: it })),
      "text/x",
    );

  test("knows its size if all its parts do, and can be sent again if no part is read-once", () => {
    expect(body("grüße", new Uint8Array(3), new Blob(["x"]))).toMatchObject({ size: 11, isReplayable: true });
    expect(body("x", Readable.from([]))).toMatchObject({ size: undefined, isReplayable: false });
  });

  test("can be read again", async () => {
    const twice = body("a", new Blob(["b"]), Buffer.from("c"));
    expect(String(await bytesOf(twice))).toBe("abc");
    expect(String(await bytesOf(twice))).toBe("abc");
  });

  test("accepts streams of text too", async () => {
    expect(String(await bytesOf(body(Readable.from(["ü", Buffer.from("x")]))))).toBe("üx");
  });

  test("reads a source only when it is read itself, one chunk at a time", async () => {
    let given = 0;
    const counting = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          given += 1;
          controller.enqueue(new Uint8Array(1));
        },
      },
      { highWaterMark: 0 },
    );
    const reader = body(counting).stream().getReader();
    await new Promise(setImmediate);
    expect(given).toBe(0);
    await reader.read();
    await new Promise(setImmediate);
    expect(given).toBe(1);
  });

  test.each([3, 5])("with a declared size of %d and an actual size of 4 fails", async (size) => {
    const stream = Readable.from([Buffer.from("ab"), Buffer.from("cd")]);
    const sized = new SegmentedBody([{ name: "data", data: stream, size }], "");
    expect(sized.size).toBe(size);
    const failure = await failureOf(bytesOf(sized));
    expect(failure).toBeInstanceOf(InvalidArgumentException);
    expect(String(failure)).toMatch(
      size === 3 ? /more than its declared size of 3 bytes/ : /has 4 bytes, but its declared size is 5/,
    );
    expect(sized.failure?.error).toBe(failure);
  });

  test("rejects data that it cannot send", async () => {
    const wrong = (data: unknown) => () => body(data as ByteSource);
    for (const data of [undefined, null, 7, {}, [1, 2], new Set([1])]) {
      expect(wrong(data)).toThrow(
        "data 0 must be text, bytes, a Blob, a stream or an async iterable of bytes.",
      );
    }
    const stream = new ReadableStream<Uint8Array>();
    expect(() => body(stream, stream)).toThrow("given twice");
    stream.getReader();
    expect(() => body(stream)).toThrow("locked to another reader");
    expect(() => new SegmentedBody([{ name: "data", data: "abc", size: 4 }], "")).toThrow(
      "has 3 bytes, but its declared size is 4",
    );
    expect(await failureOf(bytesOf(body(Readable.from([1]))))).toBeInstanceOf(InvalidArgumentException);
  });

  test("fails with the error of a source, unchanged", async () => {
    const own = new Error("mine");
    const failing = body(
      new ReadableStream<Uint8Array>({
        pull() {
          throw own;
        },
      }),
    );
    expect(await failureOf(bytesOf(failing))).toBe(own);
    expect(failing.failure).toEqual({ error: own });
  });

  test("closes its sources when it is released, even one that is silent or was never read", async () => {
    let ended = 0;
    const silent = () => new ReadableStream<Uint8Array>({ cancel: () => void (ended += 1) });
    const node = new Readable({ read: () => undefined });
    const released = body(silent(), silent(), node);
    const reading = released.stream().getReader().read();
    await new Promise(setImmediate);
    released.release();
    released.release();
    reading.catch(() => undefined);
    await new Promise(setImmediate);
    expect(ended).toBe(2);
    expect(node.destroyed).toBe(true);
  });
});
