import { expect } from "@jest/globals";
import type { ConnectionOptions } from "../../../src/connection.js";
import { isSandboxException } from "../../../src/errors.js";
import type { SandboxLink } from "../../../src/services/link.js";
import { linkTo } from "../link.js";
import { FaultServer, type FaultExchange } from "../fault-server.js";
import { LeakWatch, until } from "./leaks.js";
import type { SdkCall } from "./sdk-calls.js";

/** Sent with each response; must be in exceptions made from it. */
export const REQUEST_ID = "request-of-a-fault";

/** Two retries without delay: waits between retries are tested elsewhere. */
export const QUICK_RETRIES = { maxRetries: 2, initialBackoffMillis: 0, maxBackoffMillis: 0 };

/** The expected outcome of a call. */
export interface Failing {
  /** The code of the exception; several if it depends on the platform. */
  readonly code: string | readonly string[];
  readonly type?: abstract new (...facts: never[]) => Error;
  readonly statusCode?: number;
  /** The expected number of requests. */
  readonly attempts?: number;
  readonly isRetryable?: boolean;
  readonly message?: RegExp;
  /** Whether the exception must contain the request id. */
  readonly hasRequestId?: boolean;
  /** For runs: the expected output in the partial execution. */
  readonly printed?: string;
}
export type Expected = "ok" | { readonly value: unknown } | Failing;

/** Handles the request of a call with a fault. */
export type Fault = (exchange: FaultExchange, call: SdkCall, attempt: number) => void;

let cases = 0;

/** The number of cases that this file has tried. */
export function casesTried(): number {
  return cases;
}

/** Prints the number of cases; for `afterAll`. */
export function reportCases(suite: string): void {
  console.info(`${suite}: ${cases} cases survived`);
}

export function countCases(count: number): void {
  cases += count;
}

/** Options of {@link withFaultServer}. */
export interface FaultSetupOptions extends ConnectionOptions {
  /** Checks several worlds at once; the caller then calls it. @default a new one */
  readonly leaks?: LeakWatch;
}

/** A server, and the client objects that talk to it. */
export interface FaultSetup {
  readonly server: FaultServer;
  readonly link: SandboxLink;
  readonly leaks: LeakWatch;
}

/**
 * Runs a function with its own server and client, and checks that nothing is left: no busy connection, timer, socket,
 * listener or unhandled rejection.
 */
export async function withFaultServer(
  onRequest: (exchange: FaultExchange) => void,
  work: (setup: FaultSetup) => Promise<void>,
  { leaks: shared, ...options }: FaultSetupOptions = {},
): Promise<void> {
  const leaks = shared ?? new LeakWatch();
  {
    await using server = await FaultServer.start(onRequest);
    const link = linkTo(server.origin, { retryPolicy: QUICK_RETRIES, ...options });
    await work({ server, link, leaks });
    await until(() => server.busyConnections === 0 && link.runs.size === 0);
    expect(server.busyConnections).toBe(0);
    expect(link.runs.size).toBe(0);
  }
  if (shared === undefined) await leaks.expectNothingLeft();
}

/** Starts a server that applies a fault to requests of a call. Interrupts succeed and end the run. */
export function faulty(
  call: SdkCall,
  fault: Fault,
  ignoresInterrupts = false,
): (exchange: FaultExchange) => void {
  const running = new Set<FaultExchange>();
  let attempts = 0;
  const [method, path] = call.route;
  return (exchange) => {
    if (exchange.method === method && exchange.path.split("?")[0] === path) {
      attempts += 1;
      running.add(exchange);
      fault(exchange, call, attempts);
      return;
    }
    exchange.answer(200);
    if (ignoresInterrupts) return;
    for (const interrupted of running) if (!interrupted.isAnswered) interrupted.close();
  };
}

/** Makes a call under a fault and checks the outcome. */
export async function expectSurvival(
  call: SdkCall,
  fault: Fault,
  expected: Expected,
  {
    timeoutSeconds,
    ignoresInterrupts,
    ...options
  }: FaultSetupOptions & {
    readonly timeoutSeconds?: number;
    readonly ignoresInterrupts?: boolean;
  } = {},
): Promise<void> {
  countCases(1);
  await withFaultServer(
    faulty(call, fault, ignoresInterrupts),
    async ({ server, link, leaks }) => {
      const { signal } = new AbortController();
      leaks.watch(signal);
      const outcome = await outcomeOf(call.run(link, { signal, timeoutSeconds }));
      expectOutcome(call, outcome, expected);
      const attempts = expected === "ok" || "value" in expected ? undefined : expected.attempts;
      if (attempts !== undefined) {
        const [method, path] = call.route;
        const sent = server.requests(method, path).filter((each) => each.path.split("?")[0] === path);
        expect(sent.length).toBe(attempts);
      }
    },
    options,
  );
}

export type Outcome = { readonly value: unknown } | { readonly error: unknown };

export async function outcomeOf(work: PromiseLike<unknown>): Promise<Outcome> {
  try {
    return { value: await work };
  } catch (error) {
    return { error };
  }
}

export function expectOutcome(call: SdkCall, outcome: Outcome, expected: Expected): void {
  if (expected === "ok" || "value" in expected) {
    expect(outcome).toEqual({ value: expected === "ok" ? call.value : expected.value });
    return;
  }
  const error = "error" in outcome ? outcome.error : undefined;
  // Shows the full value if it is not the expected exception.
  if (!isSandboxException(error)) throw new Error("Expected a SandboxException.", { cause: outcome });
  const { code, type, printed, message, hasRequestId, ...facts } = expected;
  expect([code].flat()).toContain(error.error.code);
  expect(error.sandboxId).toBe("sandbox-1");
  expect(JSON.parse(JSON.stringify(error))).toMatchObject({ name: error.name, code: error.error.code });
  if (type !== undefined) expect(error).toBeInstanceOf(type);
  if (message !== undefined) expect(error.message).toMatch(message);
  if (hasRequestId === true) expect(error.requestId).toBe(REQUEST_ID);
  const { statusCode, isRetryable } = facts;
  expect(error).toMatchObject({
    ...(statusCode !== undefined && { statusCode }),
    ...(isRetryable !== undefined && { isRetryable }),
  });
  if (call.name === "code" || call.name === "command") {
    expect(error.execution).toBeDefined();
    if (printed !== undefined) expect(error.execution?.stdout).toBe(printed);
  }
}
