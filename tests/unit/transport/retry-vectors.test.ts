import { describe, expect, test } from "@jest/globals";
import type { RequestBody } from "../../../src/transport/request.js";
import type { RetryPolicyOptions } from "../../../src/retry-policy.js";
import { raceAbort } from "../../../src/transport/abort.js";
import { failureOf } from "../../helpers/promises.js";
import { TestClock, transportTo } from "./test-transport.js";

/** The outcome of an attempt: a status, one with `Retry-After`, or a failed connection. */
type Failure = number | readonly [status: number, retryAfter: string] | "refused" | "reset";
type Rules = "json" | "stream" | "download" | "upload" | "never";
type Method = "GET" | "POST" | "PUT" | "PATCH";

/** Each failure is met by as many attempts as there are; `waits` are those between them, in milliseconds. */
interface Vector {
  readonly name: string;
  readonly method: Method;
  readonly failure: Failure;
  readonly rules?: Rules;
  readonly server?: "lifecycle" | "execd";
  readonly policy?: RetryPolicyOptions;
  readonly body?: () => RequestBody;
  readonly waits: readonly number[];
}

/** With chance in the middle, the waits are (500 + 1,500) / 2, and so on, each from three times the one before. */
const GROWING = [1_000, 1_750, 2_875];
const again = { method: "GET", waits: GROWING } as const;
const once = { method: "POST", waits: [] } as const;

const methodVectors = (["GET", "PUT"] as const).flatMap((method): Vector[] => [
  ...[408, 425, 429, 502, 503, 504].map((failure) => ({ ...again, name: "is repeated", method, failure })),
  ...[400, 401, 403, 404, 409, 410, 418, 422, 501, 505, 520].map((failure) => ({
    name: "is final",
    method,
    failure,
    waits: [],
  })),
  { ...again, name: "is repeated", method, failure: "reset" },
  { ...again, name: "is repeated", method, failure: "refused" },
  { ...again, name: "is repeated", method, failure: 500, server: "lifecycle" },
  { name: "is final", method, failure: 500, server: "execd", waits: [] },
]);
const unsafeVectors = (["POST", "PATCH"] as const).flatMap((method): Vector[] => [
  ...[408, 425, 429, 500, 502, 503, 504].map((failure) => ({ ...once, name: "is final", method, failure })),
  { ...once, name: "is final", method, failure: "reset" },
  { ...again, name: "is repeated, as nothing was sent", method, failure: "refused" },
  {
    ...again,
    name: "is repeated where its status was opted in",
    method,
    failure: 503,
    policy: { retryablePostStatuses: [503] },
  },
  {
    ...once,
    name: "is final at another status",
    method,
    failure: 502,
    policy: { retryablePostStatuses: [503] },
  },
  {
    ...once,
    name: "is final, whatever status was opted in",
    method,
    failure: "reset",
    policy: { retryablePostStatuses: [503] },
  },
]);
const ruleVectors: Vector[] = [
  { ...once, name: "is final", rules: "stream", failure: 503 },
  {
    ...once,
    name: "is final, though opted in",
    rules: "stream",
    failure: 503,
    policy: { retryablePostStatuses: [503] },
  },
  { ...once, name: "is final", rules: "stream", failure: "reset" },
  { ...once, name: "is final by GET, too", method: "GET", rules: "stream", failure: "reset" },
  { ...again, name: "is repeated, as nothing was sent", method: "POST", rules: "stream", failure: "refused" },
  { ...again, name: "is repeated", rules: "download", failure: 503 },
  { ...again, name: "is repeated", rules: "download", failure: "reset" },
  { ...once, name: "is final", rules: "upload", failure: "reset", body: () => "text" },
  {
    ...again,
    name: "is repeated, as nothing was sent",
    method: "POST",
    rules: "upload",
    failure: "refused",
    body: () => new Uint8Array(9),
  },
  {
    ...once,
    name: "of a stream is final, though nothing was sent",
    rules: "upload",
    failure: "refused",
    body: () => new Blob(["a"]).stream(),
  },
  {
    name: "of a stream is final",
    method: "PUT",
    rules: "upload",
    failure: 503,
    body: () => new Blob(["a"]).stream(),
    waits: [],
  },
  { name: "is final", method: "GET", rules: "never", failure: 503, waits: [] },
  { name: "is final, though nothing was sent", method: "GET", rules: "never", failure: "refused", waits: [] },
];
const policyVectors: Vector[] = [
  { name: "no retries", method: "GET", failure: 503, policy: { maxRetries: 0 }, waits: [] },
  { name: "one retry", method: "GET", failure: 503, policy: { maxRetries: 1 }, waits: [1_000] },
  {
    name: "at most so long a wait",
    method: "GET",
    failure: 503,
    policy: { maxBackoffMillis: 1_200 },
    waits: [1_000, 1_200, 1_200],
  },
  {
    name: "no wait",
    method: "GET",
    failure: 503,
    policy: { initialBackoffMillis: 0, maxBackoffMillis: 0 },
    waits: [0, 0, 0],
  },
  {
    name: "a longer first wait",
    method: "GET",
    failure: 503,
    policy: { initialBackoffMillis: 2_000, maxRetries: 2 },
    waits: [4_000, 7_000],
  },
  {
    name: "a deadline, before the second wait",
    method: "GET",
    failure: 503,
    policy: { deadlineSeconds: 2 },
    waits: [1_000],
  },
  {
    name: "a deadline that the waits just meet",
    method: "GET",
    failure: 503,
    policy: { deadlineSeconds: 2.75 },
    waits: [1_000, 1_750],
  },
  {
    name: "a deadline before the first wait",
    method: "GET",
    failure: 503,
    policy: { deadlineSeconds: 0.5 },
    waits: [],
  },
  {
    name: "a deadline that the server asks to pass",
    method: "GET",
    failure: [503, "30"],
    policy: { deadlineSeconds: 20 },
    waits: [],
  },
  { name: "seconds", method: "GET", failure: [429, "7"], policy: { maxRetries: 1 }, waits: [7_000] },
  {
    name: "seconds, beyond the longest backoff",
    method: "GET",
    failure: [503, "45"],
    policy: { maxRetries: 1, maxBackoffMillis: 900 },
    waits: [45_000],
  },
  {
    name: "parts of a second",
    method: "GET",
    failure: [503, "0.25"],
    policy: { maxRetries: 1 },
    waits: [250],
  },
  { name: "no seconds", method: "GET", failure: [503, "0"], policy: { maxRetries: 2 }, waits: [0, 0] },
  {
    name: "more than a minute",
    method: "GET",
    failure: [429, "3600"],
    policy: { maxRetries: 1 },
    waits: [60_000],
  },
  {
    name: "a date that is far",
    method: "GET",
    failure: [429, "Wed, 01 Jan 2200 00:00:00 GMT"],
    policy: { maxRetries: 1 },
    waits: [60_000],
  },
  {
    name: "a date that is past",
    method: "GET",
    failure: [503, "Wed, 01 Jan 2020 00:00:00 GMT"],
    policy: { maxRetries: 1 },
    waits: [0],
  },
  {
    name: "what is neither",
    method: "GET",
    failure: [503, "soon"],
    policy: { maxRetries: 1 },
    waits: [1_000],
  },
  {
    name: "a negative number",
    method: "GET",
    failure: [503, "-5"],
    policy: { maxRetries: 1, initialBackoffMillis: 1_000 },
    waits: [2_000],
  },
  { ...once, name: "nothing, for a POST", failure: [429, "1"] },
];

function meet(failure: Failure): Promise<Response> {
  if (typeof failure === "string") {
    const code = failure === "refused" ? "ECONNREFUSED" : "ECONNRESET";
    return Promise.reject(
      new TypeError("fetch failed", { cause: Object.assign(new Error(failure), { code }) }),
    );
  }
  const [status, retryAfter] = typeof failure === "number" ? [failure, undefined] : failure;
  return Promise.resolve(
    new Response("", { status, headers: retryAfter === undefined ? {} : { "retry-after": retryAfter } }),
  );
}

async function run({ method, failure, rules = "json", server = "execd", policy = {}, body }: Vector) {
  const clock = new TestClock();
  const onRetry: number[] = [];
  let attempts = 0;
  const { client, ...calls } = transportTo(
    "http://there.test",
    {
      retryPolicy: { ...policy, onRetry: ({ waitMillis }) => onRetry.push(waitMillis) },
      fetch: () => {
        attempts += 1;
        return meet(failure);
      },
    },
    { server, clock },
  );
  const init = rules === "never" ? calls.json({ retry: false }) : calls[rules]();
  const given = { body: {}, ...(body !== undefined && { bodySerializer: body }), ...init };
  const { [method]: send } = client as unknown as Record<
    Method,
    (path: string, options: object) => Promise<unknown>
  >;
  await failureOf(send("/things", method === "GET" ? init : given));
  return { attempts, waits: clock.waits, onRetry };
}

const titled = (vectors: readonly Vector[]) =>
  vectors.map((vector) => {
    const { method, failure, rules, name, server } = vector;
    const what = [server ?? "", rules ?? "", method, "after", String(failure), name].join(" ").trim();
    return [what, vector] as const;
  });

describe.each([
  ["requests that may be made twice", methodVectors],
  ["requests that may not", unsafeVectors],
  ["kinds of calls", ruleVectors],
  ["policies, and what servers ask for", policyVectors],
])("%s:", (_, vectors) => {
  test.each(titled(vectors))("%s", async (_, vector) => {
    const { attempts, waits, onRetry } = await run(vector);
    expect(waits).toEqual(vector.waits);
    expect(onRetry).toEqual(vector.waits);
    expect(attempts).toBe(1 + vector.waits.length);
  });
});

test("a date in the near future is waited for, to the second", async () => {
  const inTen = new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 10_000).toUTCString();
  const vector: Vector = { ...again, name: "", failure: [503, inTen], policy: { maxRetries: 1 } };
  const { waits } = await run(vector);
  expect(waits[0]).toBeGreaterThan(9_000);
  expect(waits[0]).toBeLessThanOrEqual(11_000);
});

test.each(["json", "download"] as const)(
  "an abort ends the wait, whichever it is, and nothing more is sent: %s",
  async (rules) => {
    for (const which of [1, 2, 3]) {
      const controller = new AbortController();
      let attempts = 0;
      const waiting = new (class extends TestClock {
        override sleep(_: number, signal: AbortSignal): Promise<void> {
          this.waits.push(0);
          if (this.waits.length < which) return Promise.resolve();
          // A wait that only the abort ends.
          queueMicrotask(() => controller.abort("enough"));
          return raceAbort(signal, new Promise<never>(() => undefined));
        }
      })();
      const { client, ...calls } = transportTo(
        "http://there.test",
        { fetch: () => ((attempts += 1), meet(503)) },
        { clock: waiting },
      );
      const failure = await failureOf(client.GET("/things", calls[rules]({ signal: controller.signal })));
      expect(failure).toBe("enough");
      expect(attempts).toBe(which);
    }
  },
);
