import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import {
  SandboxApiException,
  SandboxConnectionException,
  SandboxTimeoutException,
} from "../../../src/errors.js";
import type { TransferOptions } from "../../../src/transport/transport.js";
import { until } from "../../helpers/faults/leaks.js";
import { FaultServer } from "../../helpers/fault-server.js";
import { CapturingLogger } from "../../helpers/capturing-logger.js";
import { failureOf, settle } from "../../helpers/promises.js";
import { streamOf, transportTo } from "./test-transport.js";

type Transport = ReturnType<typeof transportTo>;

async function open(
  transport: Transport,
  options: TransferOptions = {},
): Promise<ReadableStream<Uint8Array>> {
  return streamOf(
    await transport.client.POST("/things", {
      body: {},
      ...transport.download({ idleTimeoutSeconds: null, ...options }),
    }),
  );
}

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

test("a stream yields bytes as they arrive, and ends with the response", async () => {
  await using server = await FaultServer.start((exchange) => {
    exchange.chunkedHead();
    exchange.chunk("one");
  });
  const reader = (await open(transportTo(server.origin))).getReader();
  expect(text((await reader.read()).value)).toBe("one");
  server.exchange(1).chunk("two");
  expect(text((await reader.read()).value)).toBe("two");
  server.exchange(1).lastChunk();
  expect((await reader.read()).done).toBe(true);
});

test.each(["0", undefined])(
  "a response with a content-length of %j is an empty stream, not none",
  async (length) => {
    await using server = await FaultServer.start((exchange) => {
      exchange.head(200, length === undefined ? {} : { "content-length": length });
      exchange.socket.end();
    });
    expect(await new Response(await open(transportTo(server.origin))).text()).toBe("");
  },
);

test("a response that cannot have a body is an error", async () => {
  await using server = await FaultServer.start((exchange) => exchange.head(204));
  const failure = await failureOf(open(transportTo(server.origin)));
  expect(failure).toBeInstanceOf(SandboxApiException);
  expect(failure).toMatchObject({ error: { code: "UNEXPECTED_RESPONSE" }, sandboxId: "sandbox-1" });
});

test("cancelling closes the connection, and may be done twice", async () => {
  await using server = await FaultServer.start((exchange) => {
    exchange.chunkedHead();
    exchange.chunk("one");
  });
  const body = await open(transportTo(server.origin));
  const reader = body.getReader();
  await reader.read();
  await reader.cancel();
  await server.exchange(1).closed;
  await reader.cancel();
  expect((await reader.read()).done).toBe(true);
});

test("cancelling before the first read closes the connection as well", async () => {
  await using server = await FaultServer.start((exchange) => exchange.chunkedHead());
  const body = await open(transportTo(server.origin));
  await body.cancel();
  await server.exchange(1).closed;
});

test("cancelling aborts the request of a custom fetch", async () => {
  let signal: AbortSignal | undefined;
  const fetch = (_: string, init: RequestInit): Promise<Response> => {
    signal = init.signal ?? undefined;
    return Promise.resolve(new Response(new ReadableStream()));
  };
  const body = await open(transportTo("http://sandbox.test", { fetch }));
  expect(signal?.aborted).toBe(false);
  await body.cancel();
  expect(signal?.aborted).toBe(true);
});

test("an abort cancels the body of a custom fetch that ignores it", async () => {
  const controller = new AbortController();
  let cancelled = (): void => undefined;
  const isCancelled = new Promise<void>((resolve) => (cancelled = resolve));
  const fetch = () => Promise.resolve(new Response(new ReadableStream({ cancel: () => cancelled() })));
  const body = await open(transportTo("http://sandbox.test", { fetch }), { signal: controller.signal });
  const reading = failureOf(body.getReader().read());
  controller.abort("enough");
  expect(await reading).toBe("enough");
  await isCancelled;
});

test("a slow reader slows the server down: nothing is read ahead of it beyond the sockets' own buffers", async () => {
  const chunk = "x".repeat(64 * 1024);
  let written = 0;
  await using server = await FaultServer.start((exchange) => {
    exchange.chunkedHead();
    const fill = (): void => {
      do {
        exchange.chunk(chunk);
        written += chunk.length;
      } while (!exchange.socket.writableNeedDrain && written < 256 * 1024 * 1024);
    };
    exchange.socket.on("drain", fill);
    fill();
  });
  const reader = (await open(transportTo(server.origin))).getReader();
  await reader.read();
  // The server has stopped when it has written nothing for a number of turns.
  for (let before = -1; before !== written;) {
    before = written;
    for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(written).toBeLessThan(64 * 1024 * 1024);
  await reader.cancel();
});

describe("a broken stream", () => {
  test("throws its error after the bytes before it", async () => {
    await using server = await FaultServer.start((exchange) => {
      exchange.chunkedHead();
      exchange.chunk("one");
    });
    const reader = (await open(transportTo(server.origin))).getReader();
    expect(text((await reader.read()).value)).toBe("one");
    server.exchange(1).reset();
    const failure = await failureOf(reader.read());
    expect(failure).toBeInstanceOf(SandboxConnectionException);
    expect(failure).toMatchObject({
      error: { code: "STREAM_BROKEN" },
      message: expect.stringMatching(/^POST \/things: the response stream broke: /),
      sandboxId: "sandbox-1",
      cause: { name: "TypeError" },
    });
    expect(server.exchanges).toHaveLength(1);
  });
});

describe("a stream that stalls", () => {
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ["setImmediate", "nextTick", "queueMicrotask", "performance"] });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  test("fails when no headers come in time, and is closed", async () => {
    await using server = await FaultServer.start(() => undefined);
    const logger = new CapturingLogger();
    const failing = failureOf(open(transportTo(server.origin, { logger }), { idleTimeoutSeconds: 30 }));
    await until(() => server.exchanges.length > 0);
    jest.advanceTimersByTime(30_000);
    const failure = await failing;
    expect(failure).toBeInstanceOf(SandboxTimeoutException);
    expect(failure).toMatchObject({ error: { code: "STREAM_STALLED" }, sandboxId: "sandbox-1" });
    expect(logger.records).toContain("warn POST /things: no data was transferred for 30 s.");
    await server.exchange(1).closed;
  });

  test("fails when a read waits too long, and is closed", async () => {
    await using server = await FaultServer.start((exchange) => {
      exchange.chunkedHead();
      exchange.chunk("one");
    });
    const reader = (await open(transportTo(server.origin), { idleTimeoutSeconds: 30 })).getReader();
    await reader.read();
    const failing = failureOf(reader.read());
    await settle();
    jest.advanceTimersByTime(30_000);
    expect(await failing).toMatchObject({ error: { code: "STREAM_STALLED" } });
    await server.exchange(1).closed;
  });

  test("is not a failure while nobody reads", async () => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const word of ["one", "two"]) controller.enqueue(new TextEncoder().encode(word));
      },
    });
    const transport = transportTo("http://sandbox.test", {
      fetch: () => Promise.resolve(new Response(body)),
    });
    const reader = (await open(transport, { idleTimeoutSeconds: 30 })).getReader();
    await reader.read();
    await settle();
    jest.advanceTimersByTime(60_000);
    expect(text((await reader.read()).value)).toBe("two");
    await reader.cancel();
  });
});

test("closing the client ends all current and later calls with CLOSED, in every phase", async () => {
  await using server = await FaultServer.start((exchange) => {
    if (exchange.method === "POST") exchange.chunkedHead();
  });
  const transport = transportTo(server.origin);
  const { client, json } = transport;
  const { transport: closing } = transport;
  const reader = (await open(transport)).getReader();
  const unread = await open(transport);
  const pending = [
    failureOf(reader.read()),
    failureOf(client.GET("/things", json({ timeoutSeconds: null }))),
    failureOf(client.POST("/things", { body: {}, ...json({ timeoutSeconds: null }) })),
  ];
  expect(closing.closed).toBe(false);
  closing.close();
  closing.close();
  expect(closing.closed).toBe(true);
  pending.push(failureOf(unread.getReader().read()));
  pending.push(failureOf(client.GET("/things", json())));
  pending.push(failureOf(client.GET("/things")));
  for (const failure of await Promise.all(pending)) {
    expect(failure).toMatchObject({ error: { code: "CLOSED" }, sandboxId: "sandbox-1" });
  }
  for (const exchange of server.exchanges) await exchange.closed;
});
