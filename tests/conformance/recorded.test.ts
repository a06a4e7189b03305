import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { comparable, nextText, read } from "../helpers/execd-answers.js";
import { type LocalSandbox, parseEvents, startSandbox, type WireRecord } from "../helpers/local-sandbox.js";
import { bodyOf, loadFixture, type Exchange } from "../helpers/fixtures.js";
import { isStream } from "../helpers/recorded-streams.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON, runs } from "../helpers/skips.js";
import { DIFFERENCES } from "./differences.js";

type Covered = keyof typeof DIFFERENCES;
const COVERED: readonly Covered[] = ["execd-code", "execd-lang", "execd-lang-java-go", "execd-misc"];
/** Recordings that other tests repeat completely, with their differences. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "execd-command": "commands",
  "execd-files": "files",
  "execd-session": "sessions",
  "lifecycle-docker": "lifecycle-recorded",
};
/**
 * Cuts of a real proxy. The local server's gateway breaks such a body; tests/unit/execution/proxies.test.ts replays
 * them.
 */
const OF_A_PROXY = ["proxy-cuts"];
/** Requests to a guarded path without the token. */
const WITHOUT_TOKEN = new Set(["proxy also guarded"]);
const TOKEN = "sekret";
/** Runs that were interrupted during the recording. */
const TO_INTERRUPT = /^run to interrupt$|^(?:java|go): interrupt (?:of a [a-z ]+|at init)$/;
/** The one that prints nothing. */
const SILENT = "java: interrupt at init";
const hasJavaAndGo = runs("javac", ["-version"]) && runs("go", ["version"]);

test("every recording is repeated on the local server", () => {
  const files = readdirSync(path.join(__dirname, "../fixtures")).filter((file) => file.endsWith(".json"));
  const names = [...COVERED, ...Object.keys(ELSEWHERE), ...OF_A_PROXY];
  expect(files.sort()).toEqual(names.map((name) => `${name}.json`).sort());
  for (const [fixture, subject] of Object.entries(ELSEWHERE)) {
    const source = readFileSync(path.join(__dirname, `../local/${subject}.test.ts`), "utf8");
    expect(source).toContain(`loadFixture("${fixture}")`);
  }
});

test.each(COVERED)("every difference from %s belongs to an existing exchange", (fixture) => {
  const labels = new Set(loadFixture(fixture).map(({ label }) => label));
  expect(Object.keys(DIFFERENCES[fixture]).filter((label) => !labels.has(label))).toEqual([]);
});

const describeLocal = describeIf(
  isolationWorks && hasPython,
  "conformance/recorded",
  isolationWorks ? "there is no python3" : NO_ISOLATION_REASON,
);

describeLocal("the local server responds as recorded", () => {
  describe.each(COVERED)("%s", (fixture) => {
    if (fixture === "execd-lang-java-go" && !hasJavaAndGo) {
      describeIf(false, "conformance/recorded: Java and Go", "it needs a JDK and Go")("", () => undefined);
      return;
    }
    const exchanges = loadFixture(fixture);
    const ids = new Map<string, string>();
    let sandbox: LocalSandbox;
    beforeAll(async () => (sandbox = await startSandbox({ pythonShell: "auto" })));
    afterAll(() => sandbox[Symbol.asyncDispose]());

    // In the recorded order, as later requests depend on earlier ones.
    test.each(exchanges.map((exchange, index) => [exchange.label, index] as const))(
      "%s",
      async (label, index) => {
        const exchange = exchanges[index];
        if (exchange === undefined) throw new RangeError("no such exchange");
        const difference = DIFFERENCES[fixture][label];
        const answer = await repeat(exchange);
        remember(bodyOf(exchange), answer.text);
        const { status } = exchange.response;
        const isOther = difference !== undefined && "status" in difference.here;
        const there = isOther ? {} : shapeOf(exchange, status, exchange.response.headers, bodyOf(exchange));
        const here = shapeOf(exchange, answer.status, answer.headers, answer.text);
        expect(here).toMatchObject({ ...there, ...difference?.here });
        // Without this, additional properties would not be noticed.
        if (!isOther) expect(Object.keys(here)).toEqual(Object.keys(there));
      },
    );

    async function repeat(exchange: Exchange): ReturnType<LocalSandbox["send"]> {
      const { method, headers, body } = exchange.request;
      const sent =
        body === null ? undefined : substituted(typeof body === "string" ? body : JSON.stringify(body));
      const given = Object.entries(headers).filter(([, value]) => value !== TOKEN);
      const request = { headers: Object.fromEntries(given), body: sent };
      const target = substituted(exchange.request.path);
      if (WITHOUT_TOKEN.has(exchange.label))
        return read(await sandbox.openPort(44772, method, target, request));
      if (exchange.label === "metrics watch") return firstOf(target);
      const running = sandbox.execd(method, target, sent, { headers: request.headers });
      if (!TO_INTERRUPT.test(exchange.label)) return read(await running);
      // Recorded after the interrupt, which ended first.
      const response = await running;
      const reader: ReadableStreamDefaultReader<Uint8Array> | undefined = response.body?.getReader();
      const { context } = body as { context: { id: string } };
      let text = "";
      let isInterrupted = false;
      for (let next = await nextText(reader); next !== undefined; next = await nextText(reader)) {
        text += next;
        if (isInterrupted || !text.includes(exchange.label === SILENT ? '"init"' : '"stdout"')) continue;
        isInterrupted = true;
        await sandbox.send("DELETE", `/code?id=${substituted(context.id)}`);
      }
      return { status: response.status, headers: response.headers, text };
    }

    /** Returns the beginning of an endless response. */
    async function firstOf(target: string): ReturnType<LocalSandbox["send"]> {
      const abort = new AbortController();
      const response = await sandbox.execd("GET", target, undefined, { signal: abort.signal });
      const text = await nextText(response.body?.getReader());
      abort.abort(new Error("seen"));
      return { status: response.status, headers: response.headers, text: text ?? "" };
    }

    /** Records the id that something has here. */
    function remember(recorded: string, actual: string): void {
      const [there, here] = [recorded, actual].map(
        (text) => /^\{"(?:type":"init","text|id|session_id)":"([^"]+)"/.exec(text)?.[1],
      );
      if (there !== undefined && here !== undefined && !ids.has(there)) ids.set(there, here);
    }

    function substituted(text: string): string {
      let changed = text;
      for (const [there, here] of ids) changed = changed.replaceAll(there, here);
      return changed;
    }
  });
});

/** Returns what must be the same: status, headers and the body's text; for metrics the names, for a run its outcome. */
function shapeOf(
  exchange: Exchange,
  status: number | null,
  rawHeaders: Headers | Readonly<Record<string, string>>,
  text: string,
): Record<string, unknown> {
  const shape = comparable(status, new Headers(rawHeaders), text);
  if (exchange.label === "metrics watch") {
    const [line = ""] = text.split("\n");
    return { ...shape, body: Object.keys(JSON.parse(line) as object) };
  }
  // A run that is rejected before it starts has an ordinary body.
  return isStream(exchange) && status === 200 ? { ...shape, body: "a stream", ...outcomeOf(text) } : shape;
}

/**
 * Returns the outcome of a run, independent of the order of events: real servers often report completion before the
 * output.
 */
function outcomeOf(text: string): Record<string, unknown> {
  const events = parseEvents(text);
  const texts = (type: string) => events.filter((event) => event.type === type).map((event) => event["text"]);
  const error = events.find(({ type }) => type === "error")?.["error"] as WireRecord | undefined;
  return {
    first: events[0]?.type,
    stdout: texts("stdout").join(""),
    stderr: texts("stderr").join(""),
    statuses: texts("status"),
    counts: events.some(({ type }) => type === "execution_count"),
    results: events.filter(({ type }) => type === "result").map((event) => event["results"]),
    error: error && [error["ename"], String(error["evalue"]).replace(/\(.*, line/, "(…, line")],
    complete: events.some(({ type }) => type === "execution_complete"),
    problem: events.find(({ type }) => type === undefined),
  };
}
