import { afterAll, expect, jest, test } from "@jest/globals";
import { isSandboxException } from "../../src/errors.js";
import type { Execution } from "../../src/execution/execution.js";
import { Codes } from "../../src/services/codes.js";
import { Commands } from "../../src/services/commands.js";
import { FaultServer, type FaultExchange } from "../helpers/fault-server.js";
import { LeakWatch } from "../helpers/faults/leaks.js";
import { countCases, outcomeOf, reportCases } from "../helpers/faults/survival.js";
import { bodyOf, findExchange, loadFixture, type FixtureName } from "../helpers/fixtures.js";
import { linkTo } from "../helpers/link.js";

afterAll(() => reportCases("offsets"));

// Leaves time for a busy machine; no test waits for this long.
jest.setTimeout(240_000);

const WORKERS = 8;
const ENDINGS = ["ended cleanly", "closed", "reset"] as const;
type Ending = (typeof ENDINGS)[number];

/** The expected outcome of a stream that was cut. */
interface Verdict {
  readonly code: "ok" | "STREAM_CUT" | "STREAM_BROKEN";
  readonly printed: readonly string[];
}

/** The rules of "Proof of completion", independent of the decoder. */
function judge(sent: Buffer, kind: "code" | "command", ending: Ending): Verdict {
  const lines = sent.toString().split("\n");
  const tail = lines.pop() ?? "";
  const parse = (line: string): readonly Record<string, unknown>[] => {
    try {
      return [JSON.parse(line.replace(/^data:/, "")) as Record<string, unknown>];
    } catch {
      return [];
    }
  };
  const isClean = ending === "ended cleanly";
  const last = isClean ? parse(tail) : [];
  const isWhole = tail === "" || last.length === 1;
  // In a standard stream that breaks, only a blank line completes an event.
  const ended = isClean || !lines[0]?.startsWith("data:") ? lines : lines.slice(0, lines.lastIndexOf("") + 1);
  const frames = [...ended.flatMap(parse), ...last];
  const isTerminal = frames.some(({ type }) => type === "execution_complete" || type === "error");
  const printed = frames.filter(({ type }) => type === "stdout").map(({ text }) => String(text));
  if (kind === "command" && isTerminal) return { code: "ok", printed };
  if (!isClean) return { code: "STREAM_BROKEN", printed };
  return { code: isWhole && isTerminal ? "ok" : "STREAM_CUT", printed };
}

/** Sends the beginning of a stream and ends it after the client has received the headers. */
interface Cut {
  readonly bytes: Buffer;
  readonly ending: Ending;
  exchange: FaultExchange | undefined;
}

function finish({ exchange, bytes, ending }: Cut): void {
  if (exchange === undefined) throw new Error("There was no request.");
  if (bytes.byteLength > 0) exchange.chunk(bytes);
  if (ending === "ended cleanly") exchange.lastChunk();
  else if (ending === "closed") exchange.close();
  else exchange.reset();
}

async function expectEveryOffset(body: Buffer, kind: "code" | "command"): Promise<void> {
  const leaks = new LeakWatch();
  const cuts = new Map<string, Cut>();
  {
    await using server = await FaultServer.start(
      (exchange) => {
        // Runs whose stream was cut are interrupted.
        if (exchange.method === "DELETE") {
          exchange.answer(200);
          return;
        }
        const cut = cuts.get(exchange.headers["x-worker"] ?? "");
        if (cut === undefined) throw new Error("Unexpected request.");
        cut.exchange = exchange;
        exchange.head(200, { "transfer-encoding": "chunked", "content-type": "text/event-stream" });
      },
      { keepsExchanges: false },
    );
    const todo = ENDINGS.flatMap((ending) =>
      Array.from({ length: body.byteLength + 1 }, (_, offset) => ({ ending, offset })),
    );
    const wrong: unknown[] = [];
    const work = async (_: unknown, worker: number): Promise<void> => {
      const name = String(worker);
      const link = linkTo(server.origin, {
        sandboxHeaders: { "x-worker": name },
        fetch: async (...request) => {
          const response = await fetch(...request);
          const cut = cuts.get(name);
          if (request[1].method === "POST" && cut !== undefined) finish(cut);
          return response;
        },
      });
      const [codes, commands] = [new Codes(link), new Commands(link)];
      for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
        const { ending, offset } = next;
        const bytes = body.subarray(0, offset);
        cuts.set(name, { bytes, ending, exchange: undefined });
        const run =
          kind === "code"
            ? // Each run uses its own context: one whose stream was cut stays busy for a while.
              codes.run("1", { context: { id: `${name}-${todo.length}`, language: "python" } })
            : commands.run("true");
        const outcome = await outcomeOf(run);
        const expected = judge(bytes, kind, ending);
        if (!isAsJudged(outcome, expected, ending)) wrong.push({ ending, offset, expected, outcome });
        countCases(1);
      }
    };
    await Promise.all(Array.from({ length: WORKERS }, work));
    expect(wrong).toEqual([]);
  }
  await leaks.expectNothingLeft();
}

function isAsJudged(
  outcome: { readonly value: unknown } | { readonly error: unknown },
  { code, printed }: Verdict,
  ending: Ending,
): boolean {
  const texts = (execution: Execution | undefined): readonly string[] =>
    execution?.logs.stdout.map(({ text }) => text) ?? ["no execution"];
  const isSame = (seen: readonly string[]): boolean =>
    // A reset discards unread data; the rest must be the beginning.
    (ending === "reset" ? seen.length <= printed.length : seen.length === printed.length) &&
    seen.every((text, index) => text === printed[index]);
  if (!("error" in outcome)) return code === "ok" && isSame(texts(outcome.value as Execution));
  const { error } = outcome;
  return isSandboxException(error) && error.error.code === code && isSame(texts(error.execution));
}

const RECORDINGS: readonly (readonly [FixtureName, string, "code" | "command"])[] = [
  ["execd-code", "1+1", "code"],
  ["execd-code", "print+result", "code"],
  ["execd-code", "partial then error", "code"],
  ["execd-code", "unicode", "code"],
  ["execd-lang", "bash: not found", "code"],
  ["execd-lang", "typescript: unicode", "code"],
  ["execd-command", "interleave", "command"],
  ["execd-command", "stderr+exit3", "command"],
  ["execd-command", "unicode", "command"],
];

test.each(RECORDINGS)("%s, %s: cut at every byte, with every ending", async (fixture, label, kind) => {
  const body = Buffer.from(bodyOf(findExchange(loadFixture(fixture), label)));
  await expectEveryOffset(body, kind);
});

test("the same in standard event-stream framing", async () => {
  const body = bodyOf(findExchange(loadFixture("execd-code"), "print+result")).replace(/^\{/gm, "data:{");
  await expectEveryOffset(Buffer.from(body), "code");
});
