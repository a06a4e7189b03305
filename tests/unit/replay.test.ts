import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { bodyOf, findExchange, FIXTURES, loadFixture, type Exchange } from "../helpers/fixtures.js";
import { disableNet, replay, restoreNet } from "../helpers/replay.js";

const origin = "http://sandbox.test:44772";

beforeEach(disableNet);
afterEach(restoreNet);

describe("a recorded response", () => {
  const exchange = findExchange(loadFixture("execd-command"), "multi-line");

  test("arrives in exactly the recorded chunks", async () => {
    replay(exchange, { origin });
    const response = await send(exchange);
    const recorded = exchange.response.chunks.map(([, text]) => text);
    expect(recorded.length).toBeGreaterThan(1);
    expect(await readChunks(response)).toEqual(recorded);
  });

  test("arrives in its chunks even if they are read late", async () => {
    replay(exchange, { origin });
    const response = await send(exchange);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect(await readChunks(response)).toEqual(exchange.response.chunks.map(([, text]) => text));
  });

  test("does not arrive at once: the first chunk can be read before the last has arrived", async () => {
    replay(exchange, { origin });
    const reader = (await send(exchange)).body?.getReader();
    let isEnded = false;
    void reader?.closed.then(() => (isEnded = true));
    await reader?.read();
    expect(isEnded).toBe(false);
    await reader?.cancel();
  });

  test("keeps status and headers, without those of the connection", async () => {
    replay(exchange, { origin });
    const response = await send(exchange);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(response.headers.get("x-accel-buffering")).toBe("no");
    expect(response.headers.get("transfer-encoding")).toBeNull();
    expect(response.headers.get("date")).toBeNull();
    await response.body?.cancel();
  });

  test("keeps characters outside of ASCII", async () => {
    const unicode = findExchange(loadFixture("execd-command"), "u0085 u2028");
    replay(unicode, { origin });
    expect(await (await send(unicode)).text()).toBe(bodyOf(unicode));
    expect(bodyOf(unicode)).toContain("\u0085");
  });
});

describe("every recorded exchange", () => {
  test.each(FIXTURES)("of %s that ended cleanly is replayed whole", async (name) => {
    for (const exchange of loadFixture(name).filter(endsCleanly)) {
      const replayed = replay(exchange, { origin });
      const response = await send(exchange);
      const { label } = exchange;
      expect({ label, status: response.status }).toEqual({ label, status: exchange.response.status });
      expect({ label, body: await response.text() }).toEqual({ label, body: bodyOf(exchange) });
      expect(replayed.isDone()).toBe(true);
    }
  });
});

describe("what is captured", () => {
  const exchange = findExchange(loadFixture("execd-command"), "echo");

  test("is the request as it was sent, with a parsed body", async () => {
    const replayed = replay(exchange, { origin });
    await send(exchange, { headers: { "X-Test": "yes", "Content-Type": "application/json" } });
    expect(replayed.request).toMatchObject({
      method: "POST",
      path: "/command",
      headers: { "x-test": "yes" },
      body: exchange.request.body,
    });
  });

  test("is each request of several", async () => {
    const replayed = replay(exchange, { origin, times: 2 });
    await send(exchange);
    expect(replayed.isDone()).toBe(false);
    await send(exchange);
    expect(replayed.isDone()).toBe(true);
    expect(replayed.requests).toHaveLength(2);
    expect(() => replayed.request).toThrow("requested 2 times");
    await expect(send(exchange)).rejects.toThrow();
  });

  test("can be any number of requests", async () => {
    const replayed = replay(exchange, { origin, times: Infinity });
    for (let i = 0; i < 3; i++) await (await send(exchange)).text();
    expect(replayed.requests).toHaveLength(3);
  });
});

describe("a request matches", () => {
  const list = findExchange(loadFixture("lifecycle-docker"), "state");

  test.each([
    ["in the recorded spelling", "/v1/sandboxes?state=Running&state=Paused&pageSize=1", true],
    ["with parameters in another order", "/v1/sandboxes?pageSize=1&state=Running&state=Paused", true],
    ["in another encoding", "/v1/sandboxes?state=%52unning&state=Paused&pageSize=1", true],
    ["with repetitions in another order", "/v1/sandboxes?state=Paused&state=Running&pageSize=1", false],
    ["without a parameter", "/v1/sandboxes?state=Running&pageSize=1", false],
    ["with one more", "/v1/sandboxes?state=Running&state=Paused&pageSize=1&page=1", false],
    ["at another path", "/sandboxes?state=Running&state=Paused&pageSize=1", false],
  ])("%s: %s → %p", async (_, path, matches) => {
    replay(list, { origin });
    const outcome = fetch(origin + path).then(
      (response) => response.ok,
      () => false,
    );
    expect(await outcome).toBe(matches);
  });

  test("by its method", async () => {
    replay(list, { origin });
    await expect(fetch(origin + list.request.path, { method: "DELETE" })).rejects.toThrow();
  });

  test("below a base path", async () => {
    replay(list, { origin, basePath: "/prefix" });
    await expect(fetch(origin + list.request.path)).rejects.toThrow();
    expect((await fetch(`${origin}/prefix${list.request.path}`)).status).toBe(200);
  });

  test("by its body, with matchBody", async () => {
    const exchange = findExchange(loadFixture("execd-command"), "echo");
    replay(exchange, { origin, matchBody: true });
    const other = { ...exchange, request: { ...exchange.request, body: { command: "other" } } };
    await expect(send(other)).rejects.toThrow();
    expect((await send(exchange)).status).toBe(200);
  });
});

describe("an exchange that did not end cleanly", () => {
  test("gets no response until it is aborted, if the recording has none", async () => {
    const exchange = findExchange(loadFixture("execd-code"), "create ctx unknown lang (hangs)");
    const replayed = replay(exchange, { origin });
    const controller = new AbortController();
    let isSettled = false;
    const answer = send(exchange, { signal: controller.signal }).finally(() => (isSettled = true));
    answer.catch(() => undefined);
    while (replayed.requests.length === 0) await new Promise(setImmediate);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect(isSettled).toBe(false);
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(answer).rejects.toBe(reason);
  });

  test("stays open if no end was recorded", async () => {
    const exchange = findExchange(loadFixture("execd-misc"), "metrics watch");
    replay(exchange, { origin });
    const reader: ReadableStreamDefaultReader<Uint8Array> | undefined = (
      await send(exchange)
    ).body?.getReader();
    if (reader === undefined) throw new Error("no body");
    for (const [, text] of exchange.response.chunks) expect(decode((await reader.read()).value)).toBe(text);
    let isSettled = false;
    const next = reader.read().finally(() => (isSettled = true));
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect(isSettled).toBe(false);
    await reader.cancel();
    expect((await next).done).toBe(true);
  });

  test("breaks as a connection does if the body is shorter than its content-length", async () => {
    const exchange = findExchange(loadFixture("execd-files"), "range reversed");
    replay(exchange, { origin });
    const response = await send(exchange);
    expect(response.status).toBe(416);
    await expect(response.text()).rejects.toMatchObject({ name: "TypeError", message: "terminated" });
  });
});

describe("the network", () => {
  test("is not reached by requests without a replay", async () => {
    await expect(fetch("http://127.0.0.1:9/")).rejects.toThrow(/disallowed net connect/i);
  });

  test("is restored", () => {
    const replacement = globalThis.fetch;
    restoreNet();
    expect(globalThis.fetch).not.toBe(replacement);
  });
});

test("an unknown label is an error", () => {
  expect(() => findExchange(loadFixture("execd-misc"), "no such label")).toThrow(
    'No exchange "no such label"',
  );
});

async function send(exchange: Exchange, init: RequestInit = {}): Promise<Response> {
  const { method, path, headers, body } = exchange.request;
  return await fetch(origin + path, {
    method,
    headers: { "Content-Type": "application/json", ...headers },
    redirect: "manual",
    ...(body !== null && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    ...init,
  });
}

async function readChunks(response: Response): Promise<string[]> {
  const body: AsyncIterable<Uint8Array> | null = response.body;
  const texts: string[] = [];
  for await (const chunk of body ?? []) texts.push(decode(chunk));
  return texts;
}

function decode(chunk: Uint8Array | undefined): string {
  return new TextDecoder().decode(chunk);
}

function endsCleanly({ label, response }: Exchange): boolean {
  const isCutShort = label === "range reversed" || label === "download dir";
  return response.status !== null && response.error === null && !isCutShort;
}
