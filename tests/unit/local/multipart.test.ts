import { Readable } from "node:stream";
import { describe, expect, test } from "@jest/globals";
import { boundaryOf, MalformedForm, readMultipart } from "../../../src/local/supervisor/http/multipart.js";

const FORM = [
  "a preamble\r\n",
  "--B\r\n",
  'Content-Disposition: form-data; name="metadata"; filename="m\\"; name=x"\r\nContent-Type: a/b\r\n\r\n',
  "{}\r\n",
  "--B  \r\n".replace("  ", ""),
  "content-disposition: form-data; filename*=UTF-8''f; name=file\r\n\r\n",
  "one\r\n--C\r\n-\r\n\r\n--B-\r\r\n".replace("--B-", "--A-"),
  "--B\r\n",
  'Content-Disposition: form-data; name="plain"\r\n\r\n',
  "\r\n",
  "--B--\r\nan epilogue",
].join("");

interface Read {
  readonly name: string;
  readonly filename: string | undefined;
  readonly content: string;
}

/** Reads a form that comes in pieces of one length. */
async function readAll(form: string, length: number): Promise<Read[]> {
  const bytes = Buffer.from(form);
  const pieces = Array.from({ length: Math.ceil(bytes.length / length) }, (_item, index) =>
    bytes.subarray(index * length, (index + 1) * length),
  );
  const parts: Read[] = [];
  for await (const { name, filename, content } of readMultipart(Readable.from(pieces), "B")) {
    const read: Buffer[] = [];
    for await (const piece of content) read.push(piece);
    parts.push({ name, filename, content: Buffer.concat(read).toString() });
  }
  return parts;
}

describe("a form", () => {
  test("is the same wherever it is cut into pieces", async () => {
    const expected = [
      { name: "metadata", filename: 'm"; name=x', content: "{}" },
      { name: "file", filename: "UTF-8''f", content: "one\r\n--C\r\n-\r\n\r\n--A-\r" },
      { name: "plain", filename: undefined, content: "" },
    ];
    for (let length = 1; length <= FORM.length; length++) {
      expect(await readAll(FORM, length)).toEqual(expected);
    }
  });

  test("may be left unread, part by part", async () => {
    const names: string[] = [];
    for await (const part of readMultipart(Readable.from([Buffer.from(FORM)]), "B")) names.push(part.name);
    expect(names).toEqual(["metadata", "file", "plain"]);
  });

  test("without its end is malformed, wherever it was cut", async () => {
    const end = FORM.indexOf("--B--");
    for (let length = 0; length < end; length++) {
      await expect(readAll(FORM.slice(0, length), 7)).rejects.toThrow(MalformedForm);
    }
  });

  test("has headers of a sensible length", async () => {
    const endless = `--B\r\nx: ${"y".repeat(100_000)}`;
    await expect(readAll(endless, 1000)).rejects.toThrow("too large");
  });
});

describe("a boundary", () => {
  test.each([
    ["multipart/form-data; boundary=abc", "abc"],
    ['Multipart/Form-Data; charset=x; Boundary="a b"', "a b"],
  ])("of %s", (type, boundary) => {
    expect(boundaryOf(type)).toBe(boundary);
  });

  test.each([undefined, "application/json", "multipart/form-data", "multipart/form-data; boundary="])(
    "of %s is an error",
    (type) => {
      expect(() => boundaryOf(type)).toThrow(MalformedForm);
    },
  );
});
