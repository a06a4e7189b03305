import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { InvalidArgumentException } from "../../src/errors.js";
import type { Run } from "../../src/execution/run.js";
import { Codes } from "../../src/services/codes.js";
import { Commands } from "../../src/services/commands.js";
import type { SandboxLink } from "../../src/services/link.js";
import { linkTo } from "./link.js";
import { failureOf } from "./promises.js";
import { typesOf } from "./scripted-run.js";
import { expectExecution, type ExpectedExecution } from "./expect-execution.js";
import { bodyOf, loadFixture, type Exchange, type FixtureName } from "./fixtures.js";
import { disableNet, replay, restoreNet, type Replay } from "./replay.js";

const ORIGIN = "http://sandbox.test:44772";

/** A recorded exchange in replay, and the SDK objects that can request it. */
export interface Replayed {
  readonly exchange: Exchange;
  readonly replay: Replay;
  readonly link: SandboxLink;
  readonly codes: Codes;
  readonly commands: Commands;
}

/** Requests an exchange and checks the outcome. */
export interface Check {
  readonly run: (replayed: Replayed) => Promise<void>;
  /** The body that is sent instead of the recorded one, and the reason. */
  readonly sends?: { readonly body: unknown; readonly because: string };
}

/**
 * Declares one test for each exchange of a recording, and one that fails if an exchange has none. An exchange is named
 * by its label; the second with the same label is "label (2)".
 *
 * @param elsewhere exchanges that other tests replay
 */
export function describeExchanges(
  fixture: FixtureName,
  checks: Readonly<Record<string, Check>>,
  elsewhere: readonly string[] = [],
): void {
  const exchanges = nameExchanges(loadFixture(fixture));
  beforeEach(disableNet);
  afterEach(restoreNet);

  test(`every exchange of ${fixture} is replayed`, () => {
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

/** A check without further conditions. */
export function check(run: Check["run"]): Check {
  return { run };
}

/** The same check with a different body than recorded. */
export function sending(body: unknown, because: string, { run }: Check): Check {
  return { run, sends: { body, because } };
}

/** A request that the SDK refuses to send, and the outcome if it is sent anyway. */
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

/** A failure with the server's code and message. */
export function serverError(
  statusCode: number,
  code: string,
  message: string,
): Readonly<Record<string, unknown>> {
  return { name: "SandboxApiException", statusCode, error: { code, message }, sandboxId: "sandbox-1" };
}

/** A run with this outcome. Every frame of the recording is one of its events, in the same order. */
export function ends(start: (replayed: Replayed) => Run, expected: ExpectedExecution): Check {
  return check(async (replayed) => {
    const run = start(replayed);
    const [types] = await Promise.all([typesOf(run), expectExecution(run).toBe(expected)]);
    expect(types).toEqual(frameTypes(replayed.exchange));
  });
}

/** A run that fails with an exception with these properties. */
export function fails(start: (replayed: Replayed) => Run, facts: Readonly<Record<string, unknown>>): Check {
  return check(async (replayed) => {
    const run = start(replayed);
    expect(await failureOf(run)).toMatchObject({ ...facts, execution: run.execution });
  });
}

/** Runs the code of a recorded run, in its context or its language's default context. */
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

/** Names the exchanges of a recording by label; the second of a label is "label (2)". */
export function nameExchanges(exchanges: readonly Exchange[]): Map<string, Exchange> {
  const named = new Map<string, Exchange>();
  for (const exchange of exchanges) {
    let name = exchange.label;
    for (let count = 2; named.has(name); count += 1) name = `${exchange.label} (${count})`;
    named.set(name, exchange);
  }
  return named;
}
