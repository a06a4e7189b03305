import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { InvalidArgumentException } from "../../../src/errors.js";
import type { Clock } from "../../../src/transport/retry.js";
import { sleep } from "../../../src/transport/abort.js";
import { FaultServer, unusedOrigin } from "../../helpers/fault-server.js";
import { failureOf } from "../../helpers/promises.js";
import { streamOf, transportTo } from "./test-transport.js";

const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;
const reason = Symbol("the caller's own reason");

const unexpected: unknown[] = [];
const note = (event: unknown): void => void unexpected.push(event);
beforeEach(() => {
  process.on("unhandledRejection", note);
  process.on("warning", note);
});
afterEach(async () => {
  // Node reports both after the microtasks of a turn.
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", note);
  process.off("warning", note);
  expect(unexpected.splice(0)).toEqual([]);
});

describe("an abort rejects with the signal's own reason, and leaves no listener:", () => {
  test("before the request is sent; nothing is sent", async () => {
    await using server = await FaultServer.start((exchange) => exchange.json(200, {}));
    const { client, json, upload, download } = transportTo(server.origin);
    const signal = AbortSignal.abort(reason);
    for (const init of [json({ signal }), upload({ signal }), download({ signal })]) {
      expect(await failureOf(client.GET("/things", init))).toBe(reason);
    }
    expect(listenersOf(signal)).toBe(0);
    expect(server.exchanges).toHaveLength(0);
  });

  test("while it waits for the headers; the connection is closed", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    await using server = await FaultServer.start(() => {
      controller.abort(reason);
    });
    const { client, json } = transportTo(server.origin);
    expect(await failureOf(client.GET("/things", json({ signal })))).toBe(reason);
    expect(listenersOf(signal)).toBe(0);
    await server.exchange(1).closed;
  });

  test.each([200, 500])(
    "while the body of a response of %i is read; the connection is closed",
    async (status) => {
      const controller = new AbortController();
      const { signal } = controller;
      await using server = await FaultServer.start((exchange) => {
        exchange.chunkedHead(status);
        exchange.chunk("{");
      });
      const fetch = async (url: string, init: RequestInit): Promise<Response> => {
        const response = await globalThis.fetch(url, init);
        setImmediate(() => controller.abort(reason));
        return response;
      };
      const { client, json } = transportTo(server.origin, { fetch });
      expect(await failureOf(client.GET("/things", json({ signal, retry: false })))).toBe(reason);
      expect(listenersOf(signal)).toBe(0);
      await server.exchange(1).closed;
    },
  );

  test("while it waits for a retry", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const clock: Clock = {
      now: () => 0,
      random: () => 1,
      sleep: (_, own) => {
        setImmediate(() => controller.abort(reason));
        return sleep(2 ** 30, own);
      },
    };
    const { client, json } = transportTo("http://no-such-host.invalid", {}, { clock });
    expect(await failureOf(client.GET("/things", json({ signal })))).toBe(reason);
    expect(listenersOf(signal)).toBe(0);
  });

  test("while the address is looked up again", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const url = await unusedOrigin();
    const refresh = (): Promise<never> => {
      controller.abort(reason);
      return new Promise(() => undefined);
    };
    const { client, json } = transportTo(url, {}, { endpoint: { url, headers: {}, refresh } });
    expect(await failureOf(client.GET("/things", json({ signal })))).toBe(reason);
    expect(listenersOf(signal)).toBe(0);
  });

  test("while a stream is read, or before it is; the connection is closed", async () => {
    for (const isReading of [true, false]) {
      const controller = new AbortController();
      const { signal } = controller;
      await using server = await FaultServer.start((exchange) => exchange.chunkedHead());
      const { client, download } = transportTo(server.origin);
      const body = streamOf(await client.POST("/things", { body: {}, ...download({ signal }) }));
      expect(listenersOf(signal)).toBe(1);
      const reader = body.getReader();
      const reading = isReading ? failureOf(reader.read()) : undefined;
      controller.abort(reason);
      expect(await (reading ?? failureOf(reader.read()))).toBe(reason);
      expect(listenersOf(signal)).toBe(0);
      await server.exchange(1).closed;
    }
  });

  test("if the fetch ignores its signal; a later response is discarded", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    let answer: (response: Response) => void = () => undefined;
    const fetch = (): Promise<Response> => {
      setImmediate(() => controller.abort(reason));
      return new Promise((resolve) => (answer = resolve));
    };
    const { client, json } = transportTo("http://sandbox.test", { fetch });
    expect(await failureOf(client.GET("/things", json({ signal })))).toBe(reason);
    const cancelled = new Promise<void>((resolve) => {
      answer(new Response(new ReadableStream({ cancel: () => resolve() })));
    });
    await cancelled;
  });

  test("if a late response fails", async () => {
    const controller = new AbortController();
    let answer: (response: Response) => void = () => undefined;
    const fetch = (): Promise<Response> => {
      setImmediate(() => controller.abort(reason));
      return new Promise((resolve) => (answer = resolve));
    };
    const { client, json } = transportTo("http://sandbox.test", { fetch });
    expect(await failureOf(client.GET("/things", json({ signal: controller.signal })))).toBe(reason);
    answer(new Response(new ReadableStream({ start: (body) => body.error(new TypeError("terminated")) })));
  });

  test("whatever the reason is; an exception of the library is not changed", async () => {
    await using server = await FaultServer.start(() => undefined);
    const own = new InvalidArgumentException("the caller's own");
    const controller = new AbortController();
    const { client, json } = transportTo(server.origin);
    const failing = failureOf(client.GET("/things", json({ signal: controller.signal })));
    controller.abort(own);
    expect(await failing).toBe(own);
    expect(own.sandboxId).toBeUndefined();
  });
});

test("an abort after the end has no effect, and a stream that has ended leaves no listener", async () => {
  await using server = await FaultServer.start((exchange) => exchange.json(200, { a: 1 }));
  const controller = new AbortController();
  const { signal } = controller;
  const { client, json, download } = transportTo(server.origin);
  const { data } = await client.GET("/things", json({ signal }));
  const body = streamOf(await client.POST("/things", { body: {}, ...download({ signal }) }));
  expect(await new Response(body).text()).toBe('{"a":1}');
  const cancelled = streamOf(await client.POST("/things", { body: {}, ...download({ signal }) }));
  await cancelled.cancel();
  expect(listenersOf(signal)).toBe(0);
  controller.abort();
  expect(data).toEqual({ a: 1 });
});

test("2,000 concurrent calls under one signal add one listener, and none is left", async () => {
  const { signal } = new AbortController();
  let most = 0;
  const fetch = (): Promise<Response> => {
    most = Math.max(most, listenersOf(signal));
    return Promise.resolve(new Response("{}"));
  };
  const { client, json } = transportTo("http://sandbox.test", { fetch });
  await Promise.all(Array.from({ length: 2_000 }, () => client.GET("/things", json({ signal }))));
  expect(most).toBe(1);
  expect(listenersOf(signal)).toBe(0);
});
