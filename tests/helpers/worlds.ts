import { expect } from "@jest/globals";
import nock from "nock";
import type { Run } from "../../src/execution/run.js";
import {
  CodeInterpreter,
  RetryPolicy,
  Sandbox,
  SandboxApiException,
  SandboxManager,
  type ConnectionConfig,
} from "../../src/index.js";
import { failureOf } from "./promises.js";
import { typesOf } from "./scripted-run.js";
import { nameExchanges } from "./exchanges.js";
import { expectExecution, type ExpectedExecution } from "./expect-execution.js";
import { bodyOf, loadFixture, type Exchange, type FixtureName } from "./fixtures.js";
import { parseEvents } from "./local-sandbox.js";
import { parseMultipart } from "./multipart.js";
import { replay, type Replay } from "./replay.js";

/** The objects for the same calls in every world. Only the server differs. */
export interface World {
  /** Without retries. */
  readonly connectionConfig: ConnectionConfig;
  readonly manager: SandboxManager;
  readonly sandbox: Sandbox;
  readonly codes: CodeInterpreter["codes"];
  /** Returns the id of something here by its recorded id. */
  readonly idOf: (recorded: string) => string;
  /** Records the id of something here. */
  readonly note: (recorded: string, id: string) => void;
}

/** A facade call that sends a recorded request, and the expected outcome in every world. */
export type Case = {
  /** More exchanges that the call causes. */
  readonly with?: readonly string[];
  /** The recorded response ends only after the others were requested, as a run does that is interrupted. */
  readonly endsLast?: true;
  /** Prepares a local sandbox to be in the state of the recorded one. */
  readonly before?: (world: World) => Promise<unknown>;
  /** The recorded id of what is created, if later cases need it. */
  readonly makes?: string;
  /** The path and query that are sent, if they are equivalent to but not the same as the recorded ones. */
  readonly asks?: string;
  /** The body that is sent, likewise. */
  readonly sends?: unknown;
  /** Whether the request is repeated, as another response may arrive soon. */
  readonly asksAgain?: boolean;
} & (Gives | Ends | Fails);

/** Resolves to a value, or to the result of a function. Values that differ by nature are compared by their shape. */
interface Gives {
  readonly call: (world: World, exchange: Exchange) => PromiseLike<unknown>;
  readonly gives: unknown;
}

/** A run with this outcome and the recorded event types. */
interface Ends {
  readonly call: (world: World, exchange: Exchange) => Run;
  readonly ends: ExpectedExecution;
}

/** Fails with the server's error. */
interface Fails {
  readonly call: (world: World, exchange: Exchange) => PromiseLike<unknown>;
  readonly fails: readonly [statusCode: number, code: string, message: string | RegExp];
}

/** Cases of one recording in order: later ones depend on earlier ones. */
export interface Area {
  readonly name: string;
  readonly fixture: FixtureName;
  /** By the name of the exchange: its label; the second of a label is "label (2)". */
  readonly cases: Readonly<Record<string, Case>>;
}

/** Makes the call of a case in one world and checks the outcome. */
export type Check = (name: string) => Promise<void>;

/** No retries: each response must be visible. */
export const WITHOUT_RETRIES = { retryPolicy: RetryPolicy.disabled } as const;

const LIFECYCLE = "http://lifecycle.test";
const EXECD = "http://sandbox.test:44772";

/** Opens a world that replays the recordings, without network access. */
export async function openReplayedWorld(area: Area): Promise<Check> {
  answerInPassing();
  const sandbox = await Sandbox.connect({
    sandboxId: "s",
    connectionConfig: { domain: LIFECYCLE, apiKey: "key", ...WITHOUT_RETRIES },
    skipHealthCheck: true,
  });
  const noted = new Map<string, string>();
  const world: World = {
    ...(await worldOf(sandbox)),
    idOf: (recorded) => recorded,
    note: (recorded, id) => noted.set(recorded, id),
  };
  const exchanges = nameExchanges(loadFixture(area.fixture));
  return async (name) => {
    nock.cleanAll();
    const theCase = entry(area.cases, name);
    const [exchange, ...others] = [name, ...(theCase.with ?? [])].map((each) => get(exchanges, each));
    if (exchange === undefined) throw new RangeError(name);
    const origin = area.fixture === "lifecycle-docker" ? LIFECYCLE : EXECD;
    const { path } = exchange.request;
    const asked = { ...exchange, request: { ...exchange.request, path: theCase.asks ?? path } };
    const replayed = replay(asked, {
      origin,
      ...(theCase.asksAgain === true && { times: Infinity }),
      ...(theCase.endsLast === true && {
        endsAfter: () => Promise.all(otherReplays.map(({ requested }) => requested)),
      }),
    });
    const otherReplays = others.map((other) => replay(other, { origin }));
    answerInPassing();
    await judge(world, theCase, exchange);
    // The response must contain the recorded id, which later cases use.
    for (const [recorded, id] of noted) expect(id).toBe(recorded);
    expectSent(replayed, exchange, theCase.sends);
    for (const [index, other] of others.entries()) expectSent(otherReplays[index], other);
  };
}

/** Opens a world with a local server. */
export async function openLocalWorld(sandbox: Sandbox, area: Area): Promise<Check> {
  const ids = new Map<string, string>();
  const world: World = {
    ...(await worldOf(sandbox)),
    idOf: (recorded) => get(ids, recorded),
    note: (recorded, id) => ids.set(recorded, id),
  };
  const exchanges = nameExchanges(loadFixture(area.fixture));
  return async (name) => {
    const theCase = entry(area.cases, name);
    await theCase.before?.(world);
    await judge(world, theCase, get(exchanges, name));
  };
}

async function worldOf(sandbox: Sandbox) {
  const { connectionConfig } = sandbox;
  const { codes } = await CodeInterpreter.create(sandbox);
  return { connectionConfig, manager: SandboxManager.create({ connectionConfig }), sandbox, codes };
}

/** Makes the call and compares the outcome. */
async function judge(world: World, theCase: Case, exchange: Exchange): Promise<void> {
  if ("fails" in theCase) {
    const failure = await failureOf(theCase.call(world, exchange));
    const [statusCode, code, message] = theCase.fails;
    expect(failure).toBeInstanceOf(SandboxApiException);
    expect(failure).toMatchObject({ statusCode, error: { code, message: matching(message) } });
    return;
  }
  let outcome: unknown;
  if ("ends" in theCase) {
    const run = theCase.call(world, exchange);
    const [types] = await Promise.all([typesOf(run), expectExecution(run).toBe(theCase.ends)]);
    expect(grammarOf(types)).toEqual(grammarOf(parseEvents(bodyOf(exchange)).map(({ type = "" }) => type)));
    outcome = await run;
  } else {
    outcome = await theCase.call(world, exchange);
    const { gives } = theCase;
    expect(outcome).toEqual(isRule(gives) ? gives(world, exchange) : gives);
  }
  if (theCase.makes !== undefined) world.note(theCase.makes, (outcome as { id: string }).id);
}

function isRule(gives: unknown): gives is (world: World, exchange: Exchange) => unknown {
  return typeof gives === "function";
}

function matching(message: string | RegExp): unknown {
  return typeof message === "string" ? message : expect.stringMatching(message);
}

/** Returns how a run begins and which event types it has. Real servers mix their order, and pings depend on timing. */
function grammarOf(types: readonly string[]): unknown {
  const [first, ...others] = types.filter((type) => type !== "ping");
  return { first, others: [...new Set(others)].sort() };
}

/** Answers the additional requests of sandbox instances and uploads. */
function answerInPassing(): void {
  const endpoint = (isProxied: boolean) =>
    new RegExp(`/endpoints/44772\\?use_server_proxy=${String(isProxied)}$`);
  nock(LIFECYCLE)
    .persist()
    .get(endpoint(false))
    .reply(200, { endpoint: new URL(EXECD).host });
  nock(LIFECYCLE)
    .persist()
    .get(endpoint(true))
    .reply(200, (uri: string) => ({
      endpoint: new URL(uri.replace(/^\/v1(.*)\/endpoints\/.*/, "$1/proxy/44772"), LIFECYCLE).href,
    }));
  nock(EXECD).persist().get("/ping").reply(200);
  nock(EXECD).persist().post("/directories").reply(200);
}

/** Checks the body of the sent request. Method, path and query have already matched. */
function expectSent(replayed: Replay | undefined, { request }: Exchange, body: unknown = request.body): void {
  const [sent] = replayed?.requests ?? [];
  if (sent === undefined) throw new Error(`${request.path} was not requested.`);
  const type = request.headers["Content-Type"] ?? "";
  if (type.startsWith("multipart/"))
    expect(partsOf(sent.headers["content-type"], sent.body)).toEqual(partsOf(type, body));
  else expect(sent.body).toEqual(body ?? "");
}

/** Returns what an upload contains about each file, regardless of its framing. */
function partsOf(contentType: string | undefined, body: unknown): unknown {
  return parseMultipart(contentType ?? "", Buffer.from(String(body))).map(({ name, data }) => ({
    name,
    data: name === "metadata" ? (JSON.parse(data.toString()) as unknown) : data.toString(),
  }));
}

function entry(cases: Area["cases"], name: string): Case {
  return get(new Map(Object.entries(cases)), name);
}

function get<Value>(values: ReadonlyMap<string, Value>, name: string): Value {
  const value = values.get(name);
  if (value === undefined) throw new RangeError(`No "${name}".`);
  return value;
}
