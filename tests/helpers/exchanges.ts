import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { InvalidArgumentException } from "../../src/errors.js";
import type { Run } from "../../src/execution/run.js";
import { Codes } from "../../src/services/codes.js";
import { Commands } from "../../src/services/commands.js";
import type { SandboxLink } from "../../src/services/link.js";
import { failureOf } from "../unit/transport/harness.js";
import { expectExecution, type ExpectedExecution } from "./expect-execution.js";
import { bodyOf, loadFixture, type Exchange, type FixtureName } from "./fixtures.js";
import { disableNet, replay, restoreNet, type Replay } from "./replay.js";
import { linkTo, typesOf } from "./run-harness.js";

const ORIGIN = "http://sandbox.test:44772";

/** A recorded exchange that is being replayed, and what can ask for it. */
export interface Replayed {
  readonly exchange: Exchange;
  readonly replay: Replay;
  readonly link: SandboxLink;
  readonly codes: Codes;
  readonly commands: Commands;
}

/** Asks for an exchange and says what comes of it. */
export interface Check {
  readonly run: (replayed: Replayed) => Promise<void>;
  /** The body that is sent, where it is not the recorded one, and why. */
  readonly sends?: { readonly body: unknown; readonly because: string };
}

/**
 * One test for each exchange of a recording, and one that none is left out. An exchange is named by its label; the
 * second of a label by "label (2)".
 *
 * @param elsewhere exchanges that are replayed in other tests
 */
export function describeExchanges(
  fixture: FixtureName,
  checks: Readonly<Record<string, Check>>,
  elsewhere: readonly string[] = [],
): void {
  const exchanges = nameExchanges(loadFixture(fixture));
  beforeEach(disableNet);
  afterEach(restoreNet);

  test(`every exchange of ${fixture} is replayed by somebody`, () => {
    expect([...Object.keys(checks), ...elsewhere].sort()).toEqual([...exchanges.keys()].sort());
  });

  describe(fixture, () => {
    test.each(Object.keys(checks))("%s", async (name) => {
      const [exchange, check] = [exchanges.get(name), checks[name]];
      if (exchange === undefined || check === undefined) throw new RangeError(`There is no "${name}".`);
      const replayed = replay(exchange, { origin: ORIGIN });
      const link = linkTo(ORIGIN);
      await check.run({
        exchange,
        replay: replayed,
        link,
        codes: new Codes(link),
        commands: new Commands(link),
      });
      expect(replayed.request.body).toEqual(
        check.sends === undefined ? (exchange.request.body ?? "") : check.sends.body,
      );
    });
  });
}

/** A check that needs nothing else. */
export function check(run: Check["run"]): Check {
  return { run };
}

/** The same check, where another body is sent than the recorded one. */
export function sending(body: unknown, because: string, { run }: Check): Check {
  return { run, sends: { body, because } };
}

/** What the SDK refuses before it sends anything; and what comes of it when it is sent all the same. */
export function refused(
  facade: (replayed: Replayed) => PromiseLike<unknown>,
  client: (replayed: Replayed) => PromiseLike<unknown>,
  facts: Readonly<Record<string, unknown>>,
): Check {
  return check(async (replayed) => {
    expect(await failureOf(facade(replayed))).toBeInstanceOf(InvalidArgumentException);
    expect(replayed.replay.requests).toHaveLength(0);
    expect(await failureOf(client(replayed))).toMatchObject(facts);
  });
}

/** A failure that the server told of, in its own words. */
export function serverError(
  statusCode: number,
  code: string,
  message: string,
): Readonly<Record<string, unknown>> {
  return { name: "SandboxApiException", statusCode, error: { code, message }, sandboxId: "sandbox-1" };
}

/** A run that ends so. Every frame of the recording is an event of it, in the same order. */
export function ends(start: (replayed: Replayed) => Run, expected: ExpectedExecution): Check {
  return check(async (replayed) => {
    const run = start(replayed);
    const [types] = await Promise.all([typesOf(run), expectExecution(run).toBe(expected)]);
    expect(types).toEqual(frameTypes(replayed.exchange));
  });
}

/** A run that fails so. */
export function fails(start: (replayed: Replayed) => Run, facts: Readonly<Record<string, unknown>>): Check {
  return check(async (replayed) => {
    const run = start(replayed);
    expect(await failureOf(run)).toMatchObject({ ...facts, execution: run.execution });
  });
}

/** The code of a recorded run, in its context or its language's default one. */
export function runCode({ codes, exchange }: Replayed): Run {
  const { code, context } = exchange.request.body as {
    code: string;
    context: { id?: string; language: string };
  };
  const { id, language } = context;
  return codes.run(code, id === undefined ? { language } : { context: { id, language } });
}

function frameTypes(exchange: Exchange): unknown[] {
  return bodyOf(exchange)
    .split("\n\n")
    .filter((frame) => frame !== "")
    .map((frame) => (JSON.parse(frame) as { type: unknown }).type);
}

/** The exchanges of a recording by label; the second of a label is "label (2)". */
export function nameExchanges(exchanges: readonly Exchange[]): Map<string, Exchange> {
  const named = new Map<string, Exchange>();
  for (const exchange of exchanges) {
    let name = exchange.label;
    for (let count = 2; named.has(name); count += 1) name = `${exchange.label} (${count})`;
    named.set(name, exchange);
  }
  return named;
}
