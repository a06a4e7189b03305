import { afterAll, expect, test } from "@jest/globals";
import { isSandboxException } from "../../../src/errors.js";
import { FaultServer, type FaultExchange } from "../fault-server.js";
import { LeakWatch, until } from "./leaks.js";
import { SDK_CALLS, type SdkCall } from "./sdk-calls.js";
import { countCases, outcomeOf, reportCases } from "./survival.js";
import { linkTo } from "../link.js";

const AT_ONCE = 32;
const MOST_RETRIES = 3;
/** Change it to try other faults. A failure names the call; the seed reproduces it. */
const SEED = 20_260_726;

/** mulberry32: returns the same numbers for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Misdeed = (exchange: FaultExchange, call: SdkCall, random: () => number) => void;
const part = (bytes: Buffer, random: () => number): Buffer =>
  bytes.subarray(0, Math.floor(random() * (bytes.byteLength + 1)));

const MISDEEDS: readonly Misdeed[] = [
  // A complete response, so that connections are reused, and one after which the connection ends.
  (exchange, { body, headers }) => exchange.answer(200, body, headers),
  (exchange, { body, headers }) => exchange.answer(200, body, headers, "chunked"),
  (exchange, { body, headers }) => {
    exchange.answer(200, body, headers);
    exchange.close();
  },
  (exchange, { body, headers }) => {
    exchange.answer(200, body, headers);
    exchange.reset();
  },
  (exchange) => exchange.reset(),
  (exchange) => exchange.close(),
  (exchange) => {
    void exchange.body.then(
      () => exchange.reset(),
      () => undefined,
    );
  },
  (exchange) => exchange.write("HTTP/1.1 2").reset(),
  (exchange) => exchange.write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n").close(),
  (exchange, { body, headers }, random) => {
    exchange.head(200, { "transfer-encoding": "chunked", ...headers }).chunkIfAny(part(body, random));
    if (random() < 0.5) exchange.close();
    else exchange.reset();
  },
  (exchange) => exchange.write("nonsense\r\n\r\n").close(),
  (exchange, _, random) => {
    const statuses = [307, 400, 401, 404, 408, 409, 425, 429, 500, 502, 503, 504];
    const status = statuses[Math.floor(random() * statuses.length)] ?? 500;
    exchange.answer(status, "no", { "retry-after": "0", location: "/elsewhere" });
  },
];

/** Defines the test that no POST reaches a server twice that fails at random, with so many calls. */
export function testPostsOnce(callCount: number): void {
  afterAll(() => reportCases("once"));
  test(
    `never sends a POST twice that may have reached the server, in ${callCount} calls with random faults`,
    () => expectNoPostTwice(callCount),
    240_000,
  );
}

async function expectNoPostTwice(callCount: number): Promise<void> {
  const leaks = new LeakWatch();
  const random = randomFrom(SEED);
  /** The number of requests of each call, by its number. */
  const counts = new Uint8Array(callCount);
  let refusals = 0;
  let good = 0;
  const wrong: unknown[] = [];
  {
    await using server = await FaultServer.start(
      (exchange) => {
        const number = Number(exchange.headers["x-call"]);
        const call = calls[number];
        if (exchange.method === "DELETE" || call === undefined) {
          exchange.answer(200);
          return;
        }
        counts[number] = (counts[number] ?? 0) + 1;
        // Random numbers of this attempt, which do not depend on the order of calls.
        const chance = randomFrom(SEED + number * 100 + (counts[number] ?? 0));
        const misdeed = MISDEEDS[Math.floor(chance() * MISDEEDS.length)];
        misdeed?.(exchange, call, chance);
      },
      { keepsExchanges: false },
    );
    const calls = Array.from({ length: callCount }, () => {
      const call = SDK_CALLS[Math.floor(random() * SDK_CALLS.length)];
      if (call === undefined) throw new RangeError();
      return call;
    });
    let next = 0;
    const work = async (): Promise<void> => {
      let number = 0;
      // Some calls are refused at first: these may be sent again, as no server received them.
      let refused = 0;
      const link = linkTo(server.origin, {
        retryPolicy: { maxRetries: MOST_RETRIES, initialBackoffMillis: 0, maxBackoffMillis: 0 },
        fetch: (url, init) => {
          // An interrupt follows a call that has ended.
          if (refused === 0 || init.method === "DELETE") {
            const headers = new Headers(init.headers);
            headers.set("x-call", String(number));
            return fetch(url, { ...init, headers });
          }
          refused -= 1;
          refusals += 1;
          const cause = Object.assign(new Error("connect"), { code: "ECONNREFUSED", syscall: "connect" });
          return Promise.reject(new TypeError("fetch failed", { cause }));
        },
      });
      while (next < callCount) {
        number = next++;
        const call = calls[number];
        if (call === undefined) return;
        const chance = randomFrom(SEED + number * 100);
        refused = chance() < 0.1 ? Math.ceil(chance() * 2) : 0;
        const outcome = await outcomeOf(call.run(link, {}));
        const count = counts[number] ?? 0;
        const isGet = call.route[0] === "GET";
        if (count < 1 || count > (isGet ? 1 + MOST_RETRIES : 1)) wrong.push([number, call.name, count]);
        if (!("error" in outcome)) good += 1;
        else if (!isSandboxException(outcome.error)) wrong.push([number, call.name, outcome.error]);
        countCases(1);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    // Wait for late requests.
    await until(() => false, 100);
    const posts = calls.flatMap(({ route }, number) => (route[0] === "POST" ? [counts[number]] : []));
    expect(wrong).toEqual([]);
    expect(new Set(posts)).toEqual(new Set([1]));
    // Checks that the faults are diverse: many calls fail, many succeed, and GETs are retried.
    expect(posts.length).toBeGreaterThan(callCount / 2);
    expect(good).toBeGreaterThan(callCount / 5);
    expect(good).toBeLessThan((callCount * 4) / 5);
    expect(refusals).toBeGreaterThan(callCount / 20);
    expect(Math.max(...counts)).toBe(1 + MOST_RETRIES);
  }
  await leaks.expectNothingLeft();
}
