import { expect } from "@jest/globals";
import type { ConnectionOptions } from "../../../src/connection.js";
import { isSandboxException } from "../../../src/errors.js";
import type { SandboxLink } from "../../../src/services/link.js";
import { linkTo } from "../run-harness.js";
import { FaultServer, type FaultExchange } from "./fault-server.js";
import { LeakWatch, until } from "./leaks.js";
import type { Operation } from "./operations.js";

/** Sent with each answer, and to be found in what is made of it. */
export const REQUEST_ID = "request-of-a-fault";

/** Waits for retries do not belong to these tests: there are two retries, at once. */
export const QUICK_RETRIES = { maxRetries: 2, initialBackoffMillis: 0, maxBackoffMillis: 0 };

/** What a call must come to. */
export interface Failing {
  /** The code of the exception; several where the platform decides which. */
  readonly code: string | readonly string[];
  readonly type?: abstract new (...facts: never[]) => Error;
  readonly statusCode?: number;
  /** How often the request must have come. */
  readonly attempts?: number;
  readonly isRetryable?: boolean;
  readonly message?: RegExp;
  /** Whether the answer's request id must be in the exception. */
  readonly hasRequestId?: boolean;
  /** For runs: what the partial execution must have printed. */
  readonly printed?: string;
}
export type Expected = "ok" | { readonly value: unknown } | Failing;

/** What a fault does to the request of a call. */
export type Fault = (exchange: FaultExchange, operation: Operation, attempt: number) => void;

let cases = 0;

/** How many cases this file has tried. */
export function casesTried(): number {
  return cases;
}

/** Prints it; for `afterAll`. */
export function reportCases(suite: string): void {
  console.info(`${suite}: ${cases} cases survived`);
}

export function countCases(count: number): void {
  cases += count;
}

/** Options of {@link inWorld}. */
export interface WorldOptions extends ConnectionOptions {
  /** Looks after several worlds at once; the caller asks it what is left. @default one of its own */
  readonly leaks?: LeakWatch;
}

/** Where faults happen: a server, and what talks to it. */
export interface World {
  readonly server: FaultServer;
  readonly link: SandboxLink;
  readonly leaks: LeakWatch;
}

/**
 * Does something in a world of its own and looks at what is left of it: no connection on which anything is awaited, no
 * timer, no socket, no listener, no unhandled rejection.
 */
export async function inWorld(
  onRequest: (exchange: FaultExchange) => void,
  work: (world: World) => Promise<void>,
  { leaks: shared, ...options }: WorldOptions = {},
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

/** A server that does this to the requests of an operation, and hears interrupts: they end what runs, in order. */
export function faulty(
  operation: Operation,
  fault: Fault,
  ignoresInterrupts = false,
): (exchange: FaultExchange) => void {
  const running = new Set<FaultExchange>();
  let attempts = 0;
  const [method, path] = operation.route;
  return (exchange) => {
    if (exchange.method === method && exchange.path.split("?")[0] === path) {
      attempts += 1;
      running.add(exchange);
      fault(exchange, operation, attempts);
      return;
    }
    exchange.answer(200);
    if (ignoresInterrupts) return;
    for (const interrupted of running) if (!interrupted.isAnswered) interrupted.close();
  };
}

/** Makes a call under a fault and holds what it comes to against what it must come to. */
export async function expectSurvival(
  operation: Operation,
  fault: Fault,
  expected: Expected,
  {
    timeoutSeconds,
    ignoresInterrupts,
    ...options
  }: WorldOptions & {
    readonly timeoutSeconds?: number;
    readonly ignoresInterrupts?: boolean;
  } = {},
): Promise<void> {
  countCases(1);
  await inWorld(
    faulty(operation, fault, ignoresInterrupts),
    async ({ server, link, leaks }) => {
      const { signal } = new AbortController();
      leaks.watch(signal);
      const outcome = await outcomeOf(operation.run(link, { signal, timeoutSeconds }));
      expectOutcome(operation, outcome, expected);
      const attempts = expected === "ok" || "value" in expected ? undefined : expected.attempts;
      if (attempts !== undefined) {
        const [method, path] = operation.route;
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

export function expectOutcome(operation: Operation, outcome: Outcome, expected: Expected): void {
  if (expected === "ok" || "value" in expected) {
    expect(outcome).toEqual({ value: expected === "ok" ? operation.value : expected.value });
    return;
  }
  const error = "error" in outcome ? outcome.error : undefined;
  // Whatever it is, seen in full where it is not what it should be.
  if (!isSandboxException(error)) throw new Error("It did not fail as the library does.", { cause: outcome });
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
  if (operation.name === "code" || operation.name === "command") {
    expect(error.execution).toBeDefined();
    if (printed !== undefined) expect(error.execution?.stdout).toBe(printed);
  }
}
