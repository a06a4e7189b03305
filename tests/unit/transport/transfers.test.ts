import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { SandboxConnectionException, SandboxTimeoutException } from "../../../src/errors.js";
import { IdleTimer } from "../../../src/transport/timeout.js";
import { SegmentedBody, type ByteSource } from "../../../src/transport/segmented-body.js";
import { fetchBy } from "../../helpers/fetch.js";
import { FaultServer } from "../../helpers/fault-server.js";
import { failureOf } from "../../helpers/promises.js";
import { streamOf, transportTo } from "./test-transport.js";

type Transport = ReturnType<typeof transportTo>;

async function upload(transport: Transport, data: ByteSource, options = {}, type = ""): Promise<unknown> {
  const body = new SegmentedBody([{ name: "data", data }], type);
  const init = {
    bodySerializer: () => body,
    headers: { "Content-Type": null },
    ...transport.upload(options),
  };
  return (await transport.client.POST("/things", { body: null, ...init })).data;
}

/** A source that yields what the test puts in. */
function source(): {
  readonly stream: ReadableStream<Uint8Array>;
  readonly put: (text: string | undefined) => void;
} {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const stream = new ReadableStream<Uint8Array>({ start: (own) => void (controller = own) });
  return {
    stream,
    put: (text) =>
      text === undefined ? controller?.close() : controller?.enqueue(new TextEncoder().encode(text)),
  };
}

describe("an upload", () => {
  test.each<[string, () => ByteSource, string | undefined]>([
    ["text", () => "grüße", "7"],
    ["bytes", () => new TextEncoder().encode("grüße"), "7"],
    ["a blob", () => new Blob(["grüße"], { type: "text/x" }), "7"],
    ["a stream", () => new Blob(["grüße"]).stream(), undefined],
  ])("of %s arrives unchanged, with its type and, if it is known, its length", async (_, data, length) => {
    await using server = await FaultServer.start((exchange) => {
      exchange.body.then(
        () => exchange.json(200, { a: 1 }),
        () => undefined,
      );
    });
    expect(await upload(transportTo(server.origin), data(), {}, "text/x")).toEqual({ a: 1 });
    const { body: arrived, headers } = server.exchange(1);
    expect(await arrived).toBe("grüße");
    expect(headers["content-type"]).toBe("text/x");
    expect(headers["content-length"]).toBe(length);
  });

  test("without an idle timeout has its type and length too", async () => {
    await using server = await FaultServer.start((exchange) => exchange.answer(200));
    await upload(transportTo(server.origin), "data", { idleTimeoutSeconds: null }, "text/x");
    const { headers } = server.exchange(1);
    expect(headers).toMatchObject({ "content-type": "text/x", "content-length": "4" });
  });

  test("keeps the content type that the caller sets", async () => {
    await using server = await FaultServer.start((exchange) => exchange.answer(200));
    const { client, upload: rules } = transportTo(server.origin);
    const headers = { "Content-Type": "application/x-own" };
    await client.POST("/things", { body: "{}", bodySerializer: String, headers, ...rules() });
    expect(server.exchange(1).headers["content-type"]).toBe("application/x-own");
  });

  describe("may take longer than the idle timeout", () => {
    beforeEach(() => {
      jest.useFakeTimers({ doNotFake: ["setImmediate", "nextTick", "queueMicrotask"] });
    });
    afterEach(() => {
      jest.useRealTimers();
    });
    const pass = async (seconds: number): Promise<void> => {
      // A stream pulls its next chunk some turns after it has delivered one.
      for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      jest.advanceTimersByTime(seconds * 1_000);
    };

    test("while its source is slow", async () => {
      let arrived = "";
      const fetch = fetchBy(async (request) => {
        arrived = await request.text();
        return new Response();
      });
      const { stream, put } = source();
      const transport = transportTo("http://sandbox.test", { fetch });
      const uploading = upload(transport, stream, { idleTimeoutSeconds: 1 });
      for (const word of ["one", "two", undefined]) {
        await pass(60);
        put(word);
      }
      await uploading;
      expect(arrived).toBe("onetwo");
    });

    test("while the server reads it chunk by chunk", async () => {
      const size = 640 * 1024;
      let taken = 0;
      const fetch = async (_: string, { body }: RequestInit): Promise<Response> => {
        if (!(body instanceof Readable)) throw new Error("Expected a stream of Node.");
        for await (const piece of body) {
          taken += (piece as Uint8Array).byteLength;
          await pass(0.9);
        }
        return new Response();
      };
      const transport = transportTo("http://sandbox.test", { fetch });
      await upload(transport, new Blob([Buffer.alloc(size)]), { idleTimeoutSeconds: 1 });
      expect(taken).toBe(size);
    });
  });

  test("that the server stops reading fails, and is closed", async () => {
    await using server = await FaultServer.start(({ socket }) => {
      socket.pause();
    });
    const body = new Blob([Buffer.alloc(32 * 1024 * 1024)]);
    const failure = await failureOf(upload(transportTo(server.origin), body, { idleTimeoutSeconds: 0.5 }));
    expect(failure).toBeInstanceOf(SandboxTimeoutException);
    expect(failure).toMatchObject({
      error: { code: "STREAM_STALLED", message: "POST /things: no data was transferred for 0.5 s." },
    });
    server.exchange(1).socket.resume();
    await server.exchange(1).closed;
  });

  test("that gets no response fails", async () => {
    await using server = await FaultServer.start(() => undefined);
    expect(
      await failureOf(upload(transportTo(server.origin), "data", { idleTimeoutSeconds: 0.1 })),
    ).toMatchObject({
      error: { code: "STREAM_STALLED" },
    });
  });

  test("that is refused halfway fails with the reason", async () => {
    await using server = await FaultServer.start((exchange) =>
      exchange.json(413, { code: "TOO_LARGE", message: "too large" }),
    );
    const { stream, put } = source();
    put("some");
    expect(await failureOf(upload(transportTo(server.origin), stream))).toMatchObject({
      statusCode: 413,
      error: { code: "TOO_LARGE", message: "too large" },
    });
  });

  test("whose source fails fails with the same error, and is closed", async () => {
    await using server = await FaultServer.start(() => undefined);
    const own = new Error("the disk is gone");
    let pulls = 0;
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulls += 1;
        if (pulls === 1) controller.enqueue(new Uint8Array(1));
        else controller.error(own);
      },
    });
    const failure = await failureOf(upload(transportTo(server.origin), stream));
    expect(failure).toBeInstanceOf(SandboxConnectionException);
    expect(String(failure)).toContain("the disk is gone");
  });

  test("of a body that can be read once is sent once; other bodies are sent again if nothing was sent", async () => {
    const origin = "http://no-such-host.invalid";
    let sent = 0;
    const fetch = (url: string, init: RequestInit): Promise<Response> => {
      sent += 1;
      return globalThis.fetch(url, init);
    };
    await failureOf(upload(transportTo(origin, { fetch }), new Blob(["x"]).stream()));
    expect(sent).toBe(1);
    await failureOf(upload(transportTo(origin, { fetch }), new Blob(["x"])));
    expect(sent).toBe(1 + 4);
  });
});

describe("the timer of an upload", () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;

  test("stops when the attempt has ended, even if its source yields then", async () => {
    let isSilent = false;
    const idle = new IdleTimer(60, () => (isSilent = true));
    const body = new SegmentedBody([{ name: "data", data: source().stream }], "");
    const before = timers();
    const reader = body.stream(idle).getReader();
    const reading = reader.read();
    // The source is read some microtasks later.
    await new Promise((resolve) => setImmediate(resolve));
    await reader.cancel();
    expect((await reading).done).toBe(true);
    expect([timers() - before, isSilent]).toEqual([0, false]);
  });

  test("does not start again after the end of the call", () => {
    const before = timers();
    const idle = new IdleTimer(60, () => undefined);
    idle.start();
    expect(timers()).toBe(before + 1);
    idle.dispose();
    idle.start();
    expect(timers()).toBe(before);
  });
});

describe("a download", () => {
  const get = async (transport: Transport, options = {}): Promise<ReadableStream<Uint8Array>> =>
    streamOf(await transport.client.GET("/things", transport.download(options)));

  test("is retried until it begins, and not after that", async () => {
    await using server = await FaultServer.start((exchange, count) => {
      if (count === 1) exchange.reset();
      else if (count === 2) exchange.answer(503);
      else {
        exchange.chunkedHead();
        exchange.chunk("begin");
      }
    });
    const reader = (await get(transportTo(server.origin))).getReader();
    await reader.read();
    server.exchange(3).reset();
    expect(await failureOf(reader.read())).toMatchObject({ error: { code: "STREAM_BROKEN" } });
    expect(server.exchanges).toHaveLength(3);
  });

  test("fails if it does not begin, or stalls, for the idle timeout of the config", async () => {
    await using server = await FaultServer.start((exchange, count) => {
      if (count > 1) exchange.chunkedHead();
    });
    const transport = transportTo(server.origin, { streamIdleTimeoutSeconds: 0.3 });
    expect(await failureOf(get(transport))).toMatchObject({ error: { code: "STREAM_STALLED" } });
    const body = await get(transport);
    expect(await failureOf(new Response(body).text())).toMatchObject({ error: { code: "STREAM_STALLED" } });
  });
});
