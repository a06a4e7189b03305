import { describe, expect, test } from "@jest/globals";
import { InvalidArgumentException, SandboxApiException } from "../../../src/errors.js";
import type { ConnectionOptions } from "../../../src/connection.js";
import { Files } from "../../../src/services/files.js";
import { FakeExecd, type FakeRequest } from "../../helpers/fake-server.js";
import { failureOf } from "../../helpers/promises.js";
import { parseMultipart } from "../../helpers/multipart.js";

/** The `Files` of a server that is a function, and the requests that it receives. */
function filesOf(
  respond: (request: FakeRequest, count: number) => Response | Promise<Response> = () => new Response(),
  options: ConnectionOptions = {},
): { readonly files: Files; readonly requests: readonly FakeRequest[] } {
  const { link, requests } = new FakeExecd(respond, options);
  return { files: new Files(link), requests };
}

const metadataOf = ({ headers, bytes }: FakeRequest): unknown[] =>
  parseMultipart(headers.get("content-type") ?? "", bytes)
    .filter(({ name }) => name === "metadata")
    .map(({ data }): unknown => JSON.parse(String(data)));
const INFO = {
  path: "/x",
  type: "file",
  size: 1,
  modified_at: "2026-11-23T16:59:24.022614677Z",
  created_at: "2026-11-23T16:59:24.022614677Z",
  owner: "root",
  group: "root",
  mode: 644,
};

describe("a file that is written", () => {
  test("gets mode 644 by default, and parent directories that can be entered", async () => {
    const { files, requests } = filesOf();
    await files.writeFiles([
      { path: "/a/b/one", data: "1" },
      { path: "/a/b/two", data: "2", mode: 0o600, owner: "me" },
      { path: "/a/three", data: "3", owner: "you", group: "us" },
      { path: "/four", data: "4" },
      { path: "five", data: "5" },
      { path: "~/six//", data: "6" },
    ]);
    const [parents, upload] = requests;
    expect(requests.map(({ line }) => line)).toEqual(["POST /directories", "POST /files/upload"]);
    expect(parents?.body).toEqual({
      "/a/b": { mode: 755 },
      "/a": { mode: 755, owner: "you", group: "us" },
      "~": { mode: 755 },
    });
    expect(upload && metadataOf(upload)).toEqual([
      { path: "/a/b/one", mode: 644 },
      { path: "/a/b/two", mode: 600, owner: "me" },
      { path: "/a/three", mode: 644, owner: "you", group: "us" },
      { path: "/four", mode: 644 },
      { path: "five", mode: 644 },
      { path: "~/six//", mode: 644 },
    ]);
  });

  test("takes one request if its mode lets everybody read, or is left to the server", async () => {
    const { files, requests } = filesOf();
    await files.writeFiles([
      { path: "/a/one", data: "1", mode: 0o755 },
      { path: "/b/two", data: "2", mode: null },
    ]);
    expect(requests.map(({ line }) => line)).toEqual(["POST /files/upload"]);
    expect(requests.flatMap(metadataOf)).toEqual([{ path: "/a/one", mode: 755 }, { path: "/b/two" }]);
  });

  test("is sent in one request with 399 others", async () => {
    const { files, requests } = filesOf();
    const many = Array.from({ length: 801 }, (_, index) => ({ path: `/${index}`, data: String(index) }));
    await files.writeFiles(many);
    expect(requests.map((it) => metadataOf(it).length)).toEqual([400, 400, 1]);
    expect(requests.flatMap(metadataOf)).toEqual(many.map(({ path }) => ({ path, mode: 644 })));
  });

  test("is not sent if another file of the call is refused", async () => {
    const { files, requests } = filesOf();
    const entries = Array.from({ length: 500 }, (_, index) => ({ path: `/d/${index}`, data: "" }));
    for (const wrong of [
      { path: "/d/1", data: "" },
      { path: " ", data: "" },
      { path: "/nul\0", data: "" },
      { path: "/\ud800", data: "" },
      { path: "/y", data: 7 as unknown as string },
      { path: "/y", data: "abc", size: 4 },
      { path: "/y", data: "", mode: 644 },
      { path: "/y", data: "", owner: "" },
    ]) {
      expect(await failureOf(files.writeFiles([...entries, wrong]))).toBeInstanceOf(InvalidArgumentException);
    }
    expect(requests).toEqual([]);
  });

  test("is sent again when nothing was sent, unless it can be read once", async () => {
    const refused = Object.assign(new Error("refused"), { code: "ECONNREFUSED", syscall: "connect" });
    const policy = { retryPolicy: { maxRetries: 2, initialBackoffMillis: 1 } };
    const write = async (data: string | ReadableStream<Uint8Array>): Promise<readonly FakeRequest[]> => {
      const { files, requests } = filesOf((_, count) => {
        if (count < 3) throw refused;
        return new Response();
      }, policy);
      await files.writeFiles([{ path: "/x", data }]).catch(() => undefined);
      return requests;
    };
    const requests = await write("text");
    expect(requests.flatMap(metadataOf)).toHaveLength(3);
    expect(new Set(requests.map(({ bytes }) => String(bytes))).size).toBe(1);
    expect(await write(new Blob(["text"]).stream())).toHaveLength(1);
  });
});

describe("the arguments of", () => {
  const refusals: [string, (files: Files) => Promise<unknown>][] = [
    // Its first letter would be the root.
    ["deleteDirectories: a path instead of a list", (files) => files.deleteDirectories("/tmp" as never)],
    ["deleteFiles: a path twice", (files) => files.deleteFiles(["/a", "/b", "/a"])],
    ["getFileInfo: a blank path", (files) => files.getFileInfo(["/a", ""])],
    [
      "moveFiles: one target twice",
      (files) =>
        files.moveFiles([
          { src: "a", dest: "c" },
          { src: "b", dest: "c" },
        ]),
    ],
    [
      "moveFiles: one source twice",
      (files) =>
        files.moveFiles([
          { src: "a", dest: "b" },
          { src: "a", dest: "c" },
        ]),
    ],
    [
      "replaceContents: a path twice",
      (files) =>
        files.replaceContents([
          { path: "a", oldContent: "x", newContent: "" },
          { path: "a", oldContent: "y", newContent: "" },
        ]),
    ],
    [
      "replaceContents: nothing to find",
      (files) => files.replaceContents([{ path: "a", oldContent: "", newContent: "" }]),
    ],
    [
      "replaceContents: nothing to put",
      (files) => files.replaceContents([{ path: "a", oldContent: "x" } as never]),
    ],
    ["setPermissions: nothing to set", (files) => files.setPermissions([{ path: "a" }])],
    ["setPermissions: no entry", (files) => files.setPermissions([undefined as never])],
    ["createDirectories: a number", (files) => files.createDirectories([7 as never])],
    ["createDirectories: a path twice", (files) => files.createDirectories(["a", { path: "a" }])],
    ["search: a blank pattern", (files) => files.search("/", { pattern: "" })],
    ["listDirectory: no level", (files) => files.listDirectory("/", { depth: 0 })],
    ["readFile: an unknown encoding", (files) => files.readFile("/x", { encoding: "utf-9" })],
    ["readFile: lines and a range", (files) => files.readFile("/x", { lines: {}, range: {} })],
    ["readBytes: an empty range", (files) => files.readBytes("/x", { range: { start: 5, end: 5 } })],
    ["readBytes: a reversed range", (files) => files.readBytes("/x", { range: { start: 5, end: 2 } })],
    [
      "readBytes: an end after a start from the end",
      (files) => files.readBytes("/x", { range: { start: -5, end: 2 } }),
    ],
    ["upload: a blank local path", (files) => files.upload("", "/x")],
    ["download: a blank local path", (files) => files.download("/x", " ")],
  ];

  test.each(refusals)("%s is refused, and nothing sent", async (_, call) => {
    const { files, requests } = filesOf();
    expect(await failureOf(call(files))).toBeInstanceOf(InvalidArgumentException);
    expect(requests).toEqual([]);
  });
});

describe("many paths", () => {
  const paths = Array.from({ length: 3_000 }, (_, index) => `/directory with ünicode/${index}`);

  test("are spread over requests whose URLs every gateway accepts", async () => {
    const { files, requests } = filesOf(({ line }) =>
      line.startsWith("GET")
        ? Response.json(
            Object.fromEntries(
              new URLSearchParams(line.slice(line.indexOf("?"))).getAll("path").map((path) => [path, INFO]),
            ),
          )
        : new Response(),
    );
    expect(Object.keys(await files.getFileInfo(paths))).toEqual(paths);
    const count = requests.length;
    expect(count).toBeGreaterThan(1);
    await files.deleteFiles(paths);
    await files.deleteDirectories(paths);
    expect(requests).toHaveLength(3 * count);
    for (const { line } of requests) expect(line.length).toBeLessThan(8_000);
  });

  test("may include one that is longer than that", async () => {
    const { files, requests } = filesOf();
    await files.deleteFiles(["/a", `/${"b".repeat(10_000)}`, "/c"]);
    expect(requests).toHaveLength(3);
  });
});

describe("a server's description of files", () => {
  test("is found by the paths as they were given, even unusual ones", async () => {
    const { files } = filesOf(() => new Response(`{"__proto__": ${JSON.stringify(INFO)}}`));
    const infos = await files.getFileInfo(["__proto__"]);
    expect(Object.keys(infos)).toEqual(["__proto__"]);
    expect(Object.getOwnPropertyDescriptor(infos, "__proto__")?.value).toEqual({
      path: "/x",
      type: "file",
      size: 1,
      modifiedAt: new Date("2026-11-23T16:59:24.022Z"),
      createdAt: new Date("2026-11-23T16:59:24.022Z"),
      owner: "root",
      group: "root",
      mode: "644",
    });
  });

  test("may be null if there are no files", async () => {
    const { files } = filesOf(() => new Response("null"));
    expect(await files.search("/")).toEqual([]);
    expect(await files.listDirectory("/")).toEqual([]);
  });

  test("has a mode of three digits", async () => {
    const { files } = filesOf(() => Response.json([{ ...INFO, mode: 7 }]));
    expect((await files.listDirectory("/"))[0]?.mode).toBe("007");
  });

  test.each([
    {},
    { ...INFO, path: "" },
    { ...INFO, size: "1" },
    { ...INFO, mode: null },
    { ...INFO, modified_at: "x" },
  ])("is not believed where it is %j", async (info) => {
    const { files } = filesOf(() => Response.json([info]));
    const failure = await failureOf(files.search("/"));
    expect(failure).toBeInstanceOf(SandboxApiException);
    expect(failure).toMatchObject({ error: { code: "UNEXPECTED_RESPONSE" } });
  });

  test("must be about the requested paths", async () => {
    const { files } = filesOf(() => Response.json({ "/y": INFO }));
    expect(await failureOf(files.getFileInfo(["/x"]))).toMatchObject({
      error: { code: "UNEXPECTED_RESPONSE", message: "The server did not describe /x." },
    });
  });
});

describe("reading", () => {
  test.each([
    [{ start: 0, end: 1 }, "bytes=0-0"],
    [{ start: 7 }, "bytes=7-"],
    [{ start: -7 }, "bytes=-7"],
    [{ end: 4 }, "bytes=0-3"],
  ])("asks for the range %j as %s", async (range, header) => {
    const { files, requests } = filesOf(() => new Response("x", { status: 206 }));
    expect(await files.readFile("/x", { range })).toBe("x");
    expect(requests[0]?.headers.get("range")).toBe(header);
  });

  test("fails if the whole file arrives instead of a range, unless the file is empty", async () => {
    const { files } = filesOf((_, count) => new Response(count === 1 ? "whole" : ""));
    expect(await failureOf(files.readBytes("/x", { range: { start: 1 } }))).toMatchObject({
      error: { code: "UNEXPECTED_RESPONSE" },
    });
    expect(await files.readBytes("/x", { range: { start: 0 } })).toEqual(new Uint8Array());
  });

  test("keeps text as it is: its byte order mark and its encoding", async () => {
    const { files } = filesOf(() => new Response(new Uint8Array([0xef, 0xbb, 0xbf, 0x66, 0xfc])));
    expect(await files.readFile("/x")).toBe("\ufefff\ufffd");
    expect(await files.readFile("/x", { encoding: "latin1" })).toBe("ï»¿fü");
  });

  test("fails if fewer bytes arrive than were announced", async () => {
    const { files } = filesOf(() => new Response("abc", { headers: { "content-length": "5" } }));
    const failure = {
      error: { code: "STREAM_CUT", message: "The download of /x ended after 3 of 5 bytes." },
    };
    expect(await failureOf(files.readFile("/x"))).toMatchObject({ ...failure, sandboxId: "sandbox-1" });
    expect(await failureOf(new Response(await files.readBytesStream("/x")).text())).toMatchObject(failure);
  });

  test("does not check the length of a response that was compressed on the way", async () => {
    const headers = { "content-length": "5", "content-encoding": "gzip" };
    const { files } = filesOf(() => new Response("abc", { headers }));
    expect(await files.readFile("/x")).toBe("abc");
  });
});

test("an aborted signal rejects every call before it begins", async () => {
  const { files, requests } = filesOf();
  const reason = new Error("no more");
  const options = { signal: AbortSignal.abort(reason) };
  for (const call of [
    () => files.readFile("/x", options),
    () => files.readBytes("/x", options),
    () => files.readBytesStream("/x", options),
    () => files.writeFiles([{ path: "/x", data: "" }], options),
    () => files.deleteFiles(["/x"], options),
    () => files.deleteDirectories(["/x"], options),
    () => files.getFileInfo(["/x"], options),
    () => files.search("/x", options),
    () => files.listDirectory("/x", options),
    () => files.createDirectories(["/x"], options),
    () => files.moveFiles([{ src: "/x", dest: "/y" }], options),
    () => files.replaceContents([{ path: "/x", oldContent: "a", newContent: "b" }], options),
    () => files.setPermissions([{ path: "/x", owner: "me" }], options),
    () => files.upload(__filename, "/x", options),
    () => files.download("/x", "/nowhere/x", options),
  ]) {
    expect(await failureOf(call())).toBe(reason);
  }
  expect(requests).toEqual([]);
});

describe("the forms for a single file", () => {
  test("writeFile writes one", async () => {
    const { files, requests } = filesOf();
    await files.writeFile("/a.txt", "text", { mode: 0o600, owner: "me" });
    expect(requests.map(({ line }) => line)).toEqual(["POST /files/upload"]);
    expect(requests.map(metadataOf)).toEqual([[{ path: "/a.txt", mode: 600, owner: "me" }]]);
  });

  test("deleteFile deletes one", async () => {
    const { files, requests } = filesOf();
    await files.deleteFile("/a.txt");
    expect(requests.map(({ line }) => decodeURIComponent(line))).toEqual(["DELETE /files?path=/a.txt"]);
  });

  test("getInfo describes one", async () => {
    const { files } = filesOf(() => Response.json({ "/x": INFO }));
    expect(await files.getInfo("/x")).toMatchObject({ path: "/x", size: 1, mode: "644" });
  });

  test("exists is false for a missing file and below a file, and rejects for other failures", async () => {
    const responses = [
      Response.json({ "/x": INFO }),
      Response.json({ code: "FILE_NOT_FOUND", message: "no such file" }, { status: 404 }),
      Response.json(
        { code: "RUNTIME_ERROR", message: "error accessing file: stat /x/below: not a directory" },
        { status: 500 },
      ),
      Response.json({ code: "DOCKER::SANDBOX_NOT_FOUND", message: "gone" }, { status: 404 }),
    ];
    const { files } = filesOf((_, count) => responses[count - 1] ?? Response.error());
    expect(await files.exists("/x")).toBe(true);
    expect(await files.exists("/x")).toBe(false);
    expect(await files.exists("/x/below")).toBe(false);
    expect(await failureOf(files.exists("/x"))).toMatchObject({ code: "DOCKER::SANDBOX_NOT_FOUND" });
  });

  test.each<[string, (files: Files) => Promise<unknown>]>([
    ["writeFile", (files) => files.writeFile(" ", "")],
    ["deleteFile", (files) => files.deleteFile("")],
    ["getInfo", (files) => files.getInfo("")],
    ["exists", (files) => files.exists("")],
  ])("%s refuses a blank path by the name of its parameter", async (_, call) => {
    const { files, requests } = filesOf();
    expect(String(await failureOf(call(files)))).toMatch(/: path must not be blank/);
    expect(requests).toEqual([]);
  });
});
