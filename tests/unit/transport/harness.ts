import createClient, { type Client } from "openapi-fetch";
import { ConnectionConfig, type ConnectionOptions } from "../../../src/connection.js";
import type { Logger } from "../../../src/logging.js";
import { raceAbort } from "../../../src/transport/abort.js";
import { Transport, type TransportFacts } from "../../../src/transport/client.js";
import type { Clock } from "../../../src/transport/retry.js";

interface Answers {
  responses: { 200: { content: { "application/json": Record<string, unknown> } } };
}
type Operation<Body> = {
  parameters: { query?: Record<string, string>; path?: Record<string, string> };
  requestBody?: { content: { "application/json": Body } };
} & Answers;

/** A small contract of our own: each method, on any thing. */
export interface Paths {
  "/things": {
    get: Operation<never>;
    post: Operation<unknown>;
    put: Operation<unknown>;
    patch: Operation<unknown>;
  };
  "/things/{id}": { get: Operation<never>; delete: Operation<never> };
}

/** Time that passes by waiting only. */
export class TestClock implements Clock {
  readonly waits: number[] = [];
  #now = 0;

  now(): number {
    return this.#now;
  }

  random(): number {
    return 0.5;
  }

  sleep(millis: number, signal: AbortSignal): Promise<void> {
    this.waits.push(millis);
    this.#now += millis;
    return raceAbort(signal, Promise.resolve());
  }
}

/** Keeps every record. */
export class CapturingLogger implements Logger {
  readonly records: string[] = [];

  debug(message: string): void {
    this.records.push(`debug ${message}`);
  }
  info(message: string): void {
    this.records.push(`info ${message}`);
  }
  warn(message: string): void {
    this.records.push(`warn ${message}`);
  }
  error(message: string): void {
    this.records.push(`error ${message}`);
  }
}

/** A transport to an address, with time and chance of its own. */
export function transportTo(
  url: string,
  options: ConnectionOptions = {},
  facts: Partial<TransportFacts<Client<Paths>>> & { readonly headers?: Record<string, string> } = {},
): Transport<Client<Paths>> {
  const { headers = {}, ...others } = facts;
  return new Transport({
    server: "execd",
    config: new ConnectionConfig({ domain: "lifecycle.test", apiKey: "the-key", ...options }),
    endpoint: { url, headers },
    createClient: (clientFacts) => createClient<Paths>(clientFacts),
    clock: new TestClock(),
    sandboxId: "sandbox-1",
    ...others,
  });
}

/** What a promise rejects with. */
export async function failureOf(work: PromiseLike<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error("It did not fail.");
}
