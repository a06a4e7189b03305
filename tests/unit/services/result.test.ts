import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { InvalidArgumentException } from "../../../src/errors.js";
import { ExecutionResult } from "../../../src/execution/result.js";
import { failureOf } from "../../helpers/promises.js";

const PNG = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x00, 0xff]);
const PNG_BASE64 = Buffer.from(PNG).toString("base64");
const resultOf = (data: Record<string, unknown>): ExecutionResult => new ExecutionResult(data, 7);

describe("the getters", () => {
  test.each([
    ["text", "text/plain"],
    ["html", "text/html"],
    ["markdown", "text/markdown"],
    ["latex", "text/latex"],
    ["svg", "image/svg+xml"],
    ["javascript", "application/javascript"],
  ] as const)("%s gives %s as text", (name, mimeType) => {
    expect(resultOf({ [mimeType]: "<b>é</b>" })[name]).toBe("<b>é</b>");
    expect(resultOf({})[name]).toBeUndefined();
  });

  test.each([
    ["png", "image/png"],
    ["jpeg", "image/jpeg"],
    ["pdf", "application/pdf"],
  ] as const)("%s gives the bytes of %s", (name, mimeType) => {
    expect(resultOf({ [mimeType]: PNG_BASE64 })[name]).toEqual(PNG);
    expect(resultOf({})[name]).toBeUndefined();
  });

  test("json returns any JSON value unchanged", () => {
    expect(resultOf({ "application/json": { a: [1, null] } }).json).toEqual({ a: [1, null] });
    expect(resultOf({ "application/json": 0 }).json).toBe(0);
  });

  test("bytes are decoded without Buffer, as in browsers", () => {
    const result = resultOf({ "image/png": PNG_BASE64 });
    const { Buffer: original } = globalThis;
    Reflect.deleteProperty(globalThis, "Buffer");
    try {
      expect(result.png).toEqual(PNG);
    } finally {
      globalThis.Buffer = original;
    }
  });
});

describe("any format", () => {
  const data = {
    "text/plain": "1",
    "image/gif": PNG_BASE64,
    "application/vnd.vegalite.v5+json": { mark: "bar" },
    "x/unknown": [1],
  };

  test("is kept", () => {
    expect(resultOf(data).data).toBe(data);
    expect(resultOf(data).mimeTypes).toEqual(Object.keys(data));
  });

  test("can be read as text", () => {
    const result = resultOf(data);
    expect(result.getText("image/gif")).toBe(PNG_BASE64);
    expect(result.getText("application/vnd.vegalite.v5+json")).toBe('{"mark":"bar"}');
    expect(result.getText("x/unknown")).toBe("[1]");
    expect(result.getText("x/none")).toBeUndefined();
  });

  test("can be read as bytes", () => {
    const result = resultOf({ ...data, "text/html": "é", "audio/wav": PNG_BASE64 });
    expect(result.getBytes("image/gif")).toEqual(PNG);
    expect(result.getBytes("audio/wav")).toEqual(PNG);
    expect(result.getBytes("text/html")).toEqual(new Uint8Array([0xc3, 0xa9]));
    expect(result.getBytes("application/vnd.vegalite.v5+json")).toEqual(
      new TextEncoder().encode('{"mark":"bar"}'),
    );
    expect(result.getBytes("x/none")).toBeUndefined();
  });

  test("may be a list of lines, as in notebooks", () => {
    expect(resultOf({ "text/plain": ["a\n", "b"] }).text).toBe("a\nb");
    expect(resultOf({ "application/json": ["a", "b"] }).getText("application/json")).toBe('["a","b"]');
  });

  test("that are nested lists are JSON, and nothing where they are too deep for it", () => {
    expect(resultOf({ "text/plain": [["a"], 1] }).text).toBe('[["a"],1]');
    const deep = "[".repeat(200_000) + "]".repeat(200_000);
    expect(resultOf({ "text/plain": JSON.parse(deep) as unknown }).text).toBeUndefined();
  });

  test("may be base64 with line breaks, as Python makes it", () => {
    expect(resultOf({ "image/png": `${PNG_BASE64.slice(0, 4)}\n${PNG_BASE64.slice(4)}\n` }).png).toEqual(PNG);
  });

  test("that is not valid base64 is returned unchanged", () => {
    expect(resultOf({ "image/png": "é?" }).png).toEqual(new TextEncoder().encode("é?"));
  });

  test("that is text may look like base64", () => {
    expect(resultOf({ "text/plain": "abcd" }).getBytes("text/plain")).toEqual(
      new TextEncoder().encode("abcd"),
    );
  });

  test("that is not a string does no harm", () => {
    expect(resultOf({ "text/plain": 5 }).text).toBe("5");
    expect(resultOf({ "image/png": { a: 1 } }).png).toEqual(new TextEncoder().encode('{"a":1}'));
  });
});

describe("writing to a file", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "result-"));
  });
  afterEach(() => rm(directory, { recursive: true }));

  test.each([
    ["a.png", "image/png", PNG_BASE64, PNG],
    ["a.jpg", "image/jpeg", PNG_BASE64, PNG],
    ["a.jpeg", "image/jpeg", PNG_BASE64, PNG],
    ["a.PDF", "application/pdf", PNG_BASE64, PNG],
    ["a.webp", "image/webp", PNG_BASE64, PNG],
    ["a.b.svg", "image/svg+xml", "<svg/>", "<svg/>"],
    ["a.txt", "text/plain", "é", "é"],
    ["a.html", "text/html", "<b>", "<b>"],
    ["a.htm", "text/html", "<b>", "<b>"],
    ["a.md", "text/markdown", "*", "*"],
    ["a.tex", "text/latex", "$", "$"],
    ["a.js", "application/javascript", "1", "1"],
    ["a.json", "application/json", { a: 1 }, '{"a":1}'],
  ])("%s gets %s", async (name, mimeType, value, content) => {
    const file = path.join(directory, name);
    await resultOf({ "text/x-other": "no", [mimeType]: value }).toFile(file);
    expect(await readFile(file)).toEqual(Buffer.from(content));
  });

  test.each(["a.png", "a", ".png/a", "a.", "a.constructor"])("%s is refused", async (name) => {
    const failure = await failureOf(resultOf({ "text/plain": "1", "text/html": "2" }).toFile(name));
    expect(failure).toBeInstanceOf(InvalidArgumentException);
    expect(failure).toMatchObject({ message: expect.stringContaining("text/plain, text/html") });
  });

  test("a path that cannot be written to is refused", async () => {
    const file = path.join(directory, "none", "a.txt");
    const failure = await failureOf(resultOf({ "text/plain": "1" }).toFile(file));
    expect(failure).toBeInstanceOf(InvalidArgumentException);
    expect(failure).toMatchObject({ message: expect.stringContaining("ENOENT") });
  });

  test("is refused where there is no Node", async () => {
    const own = Object.getOwnPropertyDescriptor(process, "getBuiltinModule") ?? {};
    Reflect.deleteProperty(process, "getBuiltinModule");
    try {
      const failure = await failureOf(resultOf({ "text/plain": "1" }).toFile(path.join(directory, "a.txt")));
      expect(failure).toBeInstanceOf(InvalidArgumentException);
      expect(failure).toMatchObject({ message: expect.stringContaining("getBytes") });
    } finally {
      Object.defineProperty(process, "getBuiltinModule", own);
    }
  });
});
