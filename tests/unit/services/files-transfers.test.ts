import { createReadStream } from "node:fs";
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { SandboxException, SandboxTimeoutException } from "../../../src/errors.js";
import type { TransferProgress } from "../../../src/services/files/local-file.js";
import { heapMiB, until } from "../../helpers/faults/leaks.js";
import { filesAt } from "../../helpers/link.js";
import { failureOf, settle } from "../../helpers/promises.js";
import { parseMultipart } from "../../helpers/multipart.js";
import { FaultServer, type FaultExchange } from "../../helpers/fault-server.js";

const MIB = 1024 * 1024;
/** What the sockets and streams of both ends may hold together; a body is far larger. */
const MOST_IN_FLIGHT = 16 * MIB;

/** Answers a request once its body is there. */
const accept = (exchange: FaultExchange): void => {
  exchange.body.then(
    () => exchange.answer(200),
    () => undefined,
  );
};
/** Waits until a number grows no more. */
async function settled(count: () => number): Promise<number> {
  for (let last = -1; ;) {
    if (last === count() && last > 0) return last;
    last = count();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
const sentFile = async (exchange: FaultExchange): Promise<string> => {
  const [, file] = parseMultipart(exchange.headers["content-type"] ?? "", Buffer.from(await exchange.body));
  return String(file?.data);
};

test("a callback that is not a function is refused before anything is sent or opened", async () => {
  const options = { onProgress: 5 as unknown as () => void };
  const files = filesAt("http://127.0.0.1:9");
  for (const transfer of [
    files.upload("/nowhere", "/x", options),
    files.download("/x", "/nowhere", options),
  ]) {
    expect(await failureOf(transfer)).toMatchObject({ error: { code: "INVALID_ARGUMENT" } });
  }
});

describe("an upload", () => {
  test.each<[string, () => { data: string | Blob | Readable; size?: number }, boolean]>([
    ["text", () => ({ data: "grüße" }), true],
    ["a Blob", () => ({ data: new Blob(["grüße"]) }), true],
    ["a stream of a known size", () => ({ data: Readable.from(["grüße"]), size: 7 }), true],
    ["a stream", () => ({ data: Readable.from(["grüße"]) }), false],
  ])("of %s arrives, with its length where that is known", async (_, entry, isKnown) => {
    await using server = await FaultServer.start(accept);
    await filesAt(server.origin).writeFiles([{ path: "/x", ...entry() }]);
    const exchange = server.exchange(1);
    expect(await sentFile(exchange)).toBe("grüße");
    expect(exchange.headers["content-type"]).toMatch(/^multipart\/form-data; boundary=[0-9a-f]{32}$/);
    const length = String(Buffer.byteLength(await exchange.body));
    expect(exchange.headers["content-length"]).toBe(isKnown ? length : undefined);
    expect(exchange.headers["transfer-encoding"]).toBe(isKnown ? undefined : "chunked");
  });

  test.each<[string, (next: () => Uint8Array) => AsyncIterable<Uint8Array>]>([
    [
      "an async iterable",
      // eslint-disable-next-line @typescript-eslint/require-await -- it has to be an async one
      async function* (next) {
        for (;;) yield next();
      },
    ],
    [
      "a Web stream",
      (next) =>
        new ReadableStream({ pull: (controller) => controller.enqueue(next()) }) as AsyncIterable<Uint8Array>,
    ],
    [
      "a Node stream",
      (next) =>
        new Readable({
          read() {
            this.push(next());
          },
        }),
    ],
  ])(
    "of %s without an end reads only as much as the server takes, and ends with its signal",
    async (_, endless) => {
      await using server = await FaultServer.start(({ socket }) => socket.pause());
      let given = 0;
      const data = endless(() => {
        given += MIB;
        return new Uint8Array(MIB);
      });
      const controller = new AbortController();
      const writing = filesAt(server.origin).writeFiles([{ path: "/x", data }], {
        signal: controller.signal,
      });
      writing.catch(() => undefined);
      expect(await settled(() => given)).toBeLessThan(MOST_IN_FLIGHT);
      const reason = new Error("enough");
      controller.abort(reason);
      expect(await failureOf(writing)).toBe(reason);
      expect(await settled(() => given)).toBeLessThan(MOST_IN_FLIGHT);
      server.exchange(1).socket.resume();
      await server.exchange(1).closed;
    },
  );

  test("of 300 MB needs little memory", async () => {
    let [taken, given] = [0, 0];
    const size = 300 * MIB;
    await using server = await FaultServer.start((exchange) => {
      const { socket } = exchange;
      let end = "";
      socket.removeAllListeners("data");
      socket.resume();
      socket.on("data", (bytes) => {
        taken += bytes.byteLength;
        end = (end + bytes.subarray(-4).toString("latin1")).slice(-4);
        // What ends the last part. To answer before, and close, would be a race with what is still on its way.
        if (end === "--\r\n") exchange.answer(200);
      });
    });
    const chunk = new Uint8Array(256 * 1024);
    const before = await heapMiB();
    let [mostRetainedMiB, mostUnderWay] = [0, 0];
    async function* content(): AsyncGenerator<Uint8Array> {
      for (; given < size; given += chunk.byteLength) {
        mostUnderWay = Math.max(mostUnderWay, given - taken);
        if (given % (75 * MIB) === 0) mostRetainedMiB = Math.max(mostRetainedMiB, (await heapMiB()) - before);
        yield chunk;
      }
    }
    await filesAt(server.origin).writeFiles([{ path: "/x", data: content(), size }]);
    expect(taken).toBeGreaterThanOrEqual(size);
    expect(mostUnderWay).toBeLessThan(MOST_IN_FLIGHT);
    expect(mostRetainedMiB).toBeLessThan(32);
  });

  test("that the server stops reading fails, and its source is closed", async () => {
    await using server = await FaultServer.start(({ socket }) => socket.pause());
    const data = new Readable({
      read() {
        this.push(new Uint8Array(MIB));
      },
    });
    const files = filesAt(server.origin, { streamIdleTimeoutSeconds: 0.3, requestTimeoutSeconds: 0.1 });
    const failure = await failureOf(files.writeFiles([{ path: "/x", data }]));
    expect(failure).toBeInstanceOf(SandboxTimeoutException);
    expect(failure).toMatchObject({ error: { code: "STREAM_STALLED" } });
    expect(data.destroyed).toBe(true);
  });

  test("may take longer than any timeout while its source is slow", async () => {
    await using server = await FaultServer.start(accept, { keepsBytes: true });
    const data = new Readable({ read: () => undefined });
    const options = { streamIdleTimeoutSeconds: 1, requestTimeoutSeconds: 1 };
    jest.useFakeTimers({ doNotFake: ["setImmediate", "nextTick", "queueMicrotask", "performance"] });
    try {
      const writing = filesAt(server.origin, options).writeFiles([{ path: "/x", data }]);
      for (const text of ["one", "two"]) {
        data.push(text);
        await until(() => Buffer.concat(server.bytes ?? []).includes(text));
        await settle();
        jest.advanceTimersByTime(60_000);
      }
      data.push(null);
      await writing;
    } finally {
      jest.useRealTimers();
    }
    expect(await sentFile(server.exchange(1))).toBe("onetwo");
  });

  test("whose source fails rejects with the source's error", async () => {
    await using server = await FaultServer.start(accept);
    const own = new Error("the disk is gone");
    async function* content(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(1);
      await Promise.reject(own);
    }
    expect(await failureOf(filesAt(server.origin).writeFiles([{ path: "/x", data: content() }]))).toBe(own);
  });

  test("rejects with the error of a stream that fails before its turn, without an unhandled rejection", async () => {
    await using server = await FaultServer.start(accept);
    const missing = createReadStream("/there/is/no/such/file");
    // Not `once`, which would listen for errors in the library's place.
    const closed = new Promise<void>((resolve) => missing.on("close", () => resolve()));
    async function* untilMissed(): AsyncGenerator<string> {
      await closed;
      yield "first";
    }
    const entries = [
      { path: "/first", data: untilMissed() },
      { path: "/second", data: missing },
    ];
    expect(await failureOf(filesAt(server.origin).writeFiles(entries))).toMatchObject({ code: "ENOENT" });
  });

  test("listens at once for the error of a stream, which may come before the calls are loaded", async () => {
    await using server = await FaultServer.start(accept);
    const files = filesAt(server.origin);
    const sent = [createReadStream("/no/such/file"), createReadStream("/none/here")] as const;
    const writing = [
      failureOf(files.writeFile("/x", sent[0])),
      failureOf(files.writeFiles([{ path: "/y", data: sent[1] }])),
    ];
    expect(sent.map((stream) => stream.listenerCount("error"))).toEqual([1, 1]);
    for (const failure of await Promise.all(writing)) expect(failure).toMatchObject({ code: "ENOENT" });
  });

  test("that is refused halfway rejects with the reason, and closes all its sources", async () => {
    await using server = await FaultServer.start((exchange) =>
      exchange.json(400, { code: "INVALID_FILE", message: "no" }),
    );
    let ended = 0;
    const silent = (): ReadableStream<Uint8Array> => new ReadableStream({ cancel: () => void (ended += 1) });
    const entries = ["/a", "/b"].map((it) => ({ path: it, data: silent() }));
    expect(await failureOf(filesAt(server.origin).writeFiles(entries))).toMatchObject({
      error: { code: "INVALID_FILE" },
    });
    expect(ended).toBe(2);
  });

  test("is sent as a Blob without a timer where bodies cannot be streams, as in browsers", async () => {
    await using server = await FaultServer.start(accept);
    await jest.isolateModulesAsync(async () => {
      const { versions } = process;
      // What tells the library that it is not in Node.
      Object.defineProperty(process, "versions", { value: {}, configurable: true });
      try {
        const { filesAt: browserFilesAt } = await import("../../helpers/link.js");
        await browserFilesAt(server.origin, { streamIdleTimeoutSeconds: 0.001 }).writeFiles([
          { path: "/x", data: Readable.from(["one", "two"]) },
        ]);
      } finally {
        Object.defineProperty(process, "versions", { value: versions, configurable: true });
      }
    });
    const exchange = server.exchange(1);
    expect(await sentFile(exchange)).toBe("onetwo");
    expect(exchange.headers["content-length"]).toBeDefined();
  });
});

describe("a download", () => {
  test("is read only as fast as its chunks are taken, and leaving the loop ends the request", async () => {
    let written = 0;
    await using server = await FaultServer.start((exchange) => {
      const { socket } = exchange;
      exchange.head(200, { "content-length": String(1_000 * MIB) });
      const more = (): void => {
        while (!socket.destroyed) {
          written += MIB;
          if (!socket.write(new Uint8Array(MIB))) break;
        }
      };
      socket.on("drain", more);
      more();
    });
    const stream = await filesAt(server.origin).readBytesStream("/x");
    expect(await settled(() => written)).toBeLessThan(MOST_IN_FLIGHT);
    for await (const chunk of stream) {
      expect(chunk.byteLength).toBeGreaterThan(0);
      break;
    }
    await server.exchange(1).closed;
    expect(written).toBeLessThan(2 * MOST_IN_FLIGHT);
  });

  test("that is cut fails", async () => {
    await using server = await FaultServer.start((exchange) => {
      exchange.head(200, { "content-length": "100" });
      exchange.write("abc");
      exchange.socket.end();
    });
    expect(await failureOf(filesAt(server.origin).readFile("/x"))).toMatchObject({
      error: { code: "STREAM_BROKEN" },
      sandboxId: "sandbox-1",
    });
  });

  test("that stalls fails, even after the request timeout", async () => {
    await using server = await FaultServer.start((exchange) => exchange.chunkedHead());
    const files = filesAt(server.origin, { streamIdleTimeoutSeconds: 0.2, requestTimeoutSeconds: 0.05 });
    expect(await failureOf(files.readBytes("/x"))).toMatchObject({ error: { code: "STREAM_STALLED" } });
  });

  test("rejects with the signal's reason, even while it is read", async () => {
    await using server = await FaultServer.start((exchange) => {
      exchange.chunkedHead();
      exchange.chunk("begin");
    });
    const controller = new AbortController();
    const stream = await filesAt(server.origin).readBytesStream("/x", { signal: controller.signal });
    const reader = stream.getReader();
    await reader.read();
    const reason = new Error("enough");
    controller.abort(reason);
    expect(await failureOf(reader.read())).toBe(reason);
    await server.exchange(1).closed;
  });

  test("of a refused range rejects with the error, although the response announces more than it has", async () => {
    await using server = await FaultServer.start((exchange) => {
      exchange.head(416, { "content-length": "25", "content-type": "application/octet-stream" });
      exchange.write('{"code":"UNKNOWN"}');
      exchange.socket.end();
    });
    const failure = await failureOf(filesAt(server.origin).readBytes("/x", { range: { start: 2 } }));
    expect(failure).toMatchObject({ statusCode: 416, error: { code: "RANGE_NOT_SATISFIABLE" } });
    expect(String(failure)).toContain('/x has no bytes in the range bytes=2- (the server says "UNKNOWN").');
  });

  test("of a directory ends at once", async () => {
    await using server = await FaultServer.start((exchange) =>
      exchange.head(200, { "content-length": "9223372036854775807" }),
    );
    expect(await failureOf(filesAt(server.origin).readBytes("/d"))).toMatchObject({
      error: { code: "IS_DIRECTORY" },
    });
    await server.exchange(1).closed;
  });
});

describe("local files", () => {
  let directory: string;
  const local = (name: string): string => path.join(directory, name);
  const modeOf = async (name: string): Promise<number> => (await stat(local(name))).mode & 0o777;
  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "files-"));
  });
  afterEach(() => rm(directory, { recursive: true }));

  test("are uploaded with progress, their length and their executable bit", async () => {
    await using server = await FaultServer.start(accept);
    const content = "x".repeat(200_000);
    await writeFile(local("run.sh"), content, { mode: 0o700 });
    const progress: TransferProgress[] = [];
    await filesAt(server.origin).upload(local("run.sh"), "/w/run.sh", {
      onProgress: (it) => progress.push(it),
    });
    const exchange = server.exchange(1);
    expect(await sentFile(exchange)).toBe(content);
    expect(exchange.headers["content-length"]).toBeDefined();
    expect(await exchange.body).toContain('{"path":"/w/run.sh","mode":755}');
    expect(progress.map(({ transferredBytes }) => transferredBytes)).toEqual([
      65_536, 131_072, 196_608, 200_000,
    ]);
    expect(progress.every(({ totalBytes }) => totalBytes === 200_000)).toBe(true);
  });

  test("are uploaded if they are empty, and with another mode if one is given", async () => {
    await using server = await FaultServer.start(accept);
    await writeFile(local("empty"), "");
    await filesAt(server.origin).upload(local("empty"), "/empty", { mode: "600" });
    expect(await server.exchange(1).body).toContain('{"path":"/empty","mode":600}');
    expect(await sentFile(server.exchange(1))).toBe("");
  });

  test.each(["missing"])("that cannot be read (%s) are refused before anything is sent", async (name) => {
    await using server = await FaultServer.start(accept);
    const failure = await failureOf(filesAt(server.origin).upload(local(name), "/x"));
    expect(failure).toBeInstanceOf(SandboxException);
    expect(failure).toMatchObject({ error: { code: "LOCAL_FILE" } });
    expect(server.exchanges).toEqual([]);
  });

  test("end their upload with the error that their progress callback throws", async () => {
    await using server = await FaultServer.start(accept);
    await writeFile(local("a"), "content");
    const own = new Error("stop");
    const onProgress = (): void => {
      throw own;
    };
    expect(await failureOf(filesAt(server.origin).upload(local("a"), "/a", { onProgress }))).toBe(own);
  });

  test("end their transfer with the error that their progress callback rejects with", async () => {
    await using server = await FaultServer.start((exchange) => {
      if (exchange.method === "GET") exchange.answer(200, "content");
      else accept(exchange);
    });
    await writeFile(local("a"), "content");
    const own = new Error("stop");
    const onProgress = (): unknown => Promise.reject(own);
    const files = filesAt(server.origin);
    expect(await failureOf(files.upload(local("a"), "/a", { onProgress }))).toBe(own);
    expect(await failureOf(files.download("/a", local("b"), { onProgress }))).toBe(own);
    expect(await readdir(directory)).toEqual(["a"]);
  });

  test("are replaced when the whole download has arrived, and keep their mode", async () => {
    await using server = await FaultServer.start((exchange) => exchange.answer(200, "new"));
    await writeFile(local("target"), "old");
    await chmod(local("target"), 0o600);
    await symlink("target", local("link"));
    const progress: TransferProgress[] = [];
    await filesAt(server.origin).download("/x", local("link"), { onProgress: (it) => progress.push(it) });
    expect(await readFile(local("target"), "utf8")).toBe("new");
    expect(await modeOf("target")).toBe(0o600);
    expect(progress).toEqual([{ transferredBytes: 3, totalBytes: 3 }]);
    expect((await readdir(directory)).sort()).toEqual(["link", "target"]);
  });

  test("are created by a download, even an empty one", async () => {
    await using server = await FaultServer.start((exchange) => exchange.answer(200));
    await filesAt(server.origin).download("/x", local("new"));
    expect(await readFile(local("new"), "utf8")).toBe("");
  });

  test.each<[string, (exchange: FaultExchange, abort: () => void) => void]>([
    [
      "breaks off",
      (exchange) => {
        exchange.head(200, { "content-length": "100" });
        exchange.write("abc");
        exchange.socket.end();
      },
    ],
    [
      "is aborted",
      (exchange, abort) => {
        exchange.chunkedHead();
        exchange.chunk("abc");
        setImmediate(abort);
      },
    ],
    ["is refused", (exchange) => exchange.json(404, { code: "FILE_NOT_FOUND", message: "no" })],
  ])("stay as they were when a download %s, with nothing beside them", async (_, answer) => {
    const controller = new AbortController();
    await using server = await FaultServer.start((exchange) => answer(exchange, () => controller.abort()));
    await writeFile(local("target"), "old");
    await failureOf(filesAt(server.origin).download("/x", local("target"), { signal: controller.signal }));
    expect(await readFile(local("target"), "utf8")).toBe("old");
    expect(await readdir(directory)).toEqual(["target"]);
  });

  test.each(["/dev/null", "nowhere/x"])("cannot be created by a download at %s", async (name) => {
    await using server = await FaultServer.start((exchange) => exchange.answer(200, "x"));
    const target = name.startsWith("/") ? name : local(name);
    expect(await failureOf(filesAt(server.origin).download("/x", target))).toMatchObject({
      error: { code: "LOCAL_FILE" },
    });
    expect(await readdir(directory)).toEqual([]);
  });

  test("are not available in browsers", async () => {
    const getBuiltinModule: unknown = Reflect.get(process, "getBuiltinModule");
    Object.assign(process, { getBuiltinModule: undefined });
    try {
      const failure = await failureOf(filesAt("http://127.0.0.1:9").upload("/x", "/x"));
      expect(failure).toMatchObject({
        code: "LOCAL_FILE",
        message: "Local files need Node.js, Bun or Deno; use readBytes and writeFile in browsers.",
      });
    } finally {
      Object.assign(process, { getBuiltinModule });
    }
  });
});
