import { getEventListeners } from "node:events";
import { afterAll, describe, expect, test } from "@jest/globals";
import { Codes } from "../../src/services/codes.js";
import { Commands } from "../../src/services/commands.js";
import { Files } from "../../src/services/files.js";
import { CODE_FRAMES, SDK_CALLS, type SdkCall } from "../helpers/faults/sdk-calls.js";
import { expectMemoryBack, until } from "../helpers/faults/leaks.js";
import {
  countCases,
  expectOutcome,
  faulty,
  withFaultServer,
  outcomeOf,
  reportCases,
  type Fault,
  type FaultSetup,
} from "../helpers/faults/survival.js";

afterAll(() => reportCases("callers"));

const each = SDK_CALLS.map((call) => [call.name, call] as const);
const REASON = { why: "the caller's reason" };

const begin: Fault = (exchange, { headers }) => {
  exchange.head(200, { "transfer-encoding": "chunked", ...headers });
};
const PHASES: readonly (readonly [string, Fault])[] = [
  ["before the headers", () => undefined],
  ["in the headers", (exchange) => exchange.write("HTTP/1.1 200 OK\r\na: ")],
  ["after the headers", begin],
  [
    "in the body",
    (exchange, call, attempt) => {
      begin(exchange, call, attempt);
      const { body } = call;
      exchange.chunkIfAny(body.subarray(0, Math.min(100, body.byteLength - 1)));
    },
  ],
];

/** Makes a call and waits until the server has received its request. */
async function started({ server, link }: FaultSetup, call: SdkCall, signal?: AbortSignal) {
  const outcome = outcomeOf(call.run(link, { signal }));
  await until(() => server.exchanges.length > 0);
  // By then the response is on its way as well.
  for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate);
  return outcome;
}

describe("an abort rejects with the caller's reason and releases everything:", () => {
  test.each(each)("before, during each phase of, and after: %s", async (_, call) => {
    for (const [, fault] of PHASES) {
      countCases(1);
      await withFaultServer(faulty(call, fault), async (setup) => {
        const controller = new AbortController();
        setup.leaks.watch(controller.signal);
        const [outcome] = await Promise.all([
          started(setup, call, controller.signal),
          until(() => setup.server.exchanges.length > 0).then(() => controller.abort(REASON)),
        ]);
        expect(outcome).toEqual({ error: REASON });
        expect("error" in outcome && outcome.error).toBe(REASON);
      });
    }
    countCases(2);
    await withFaultServer(faulty(call, begin), async ({ link, server }) => {
      const outcome = await outcomeOf(call.run(link, { signal: AbortSignal.abort(REASON) }));
      expect("error" in outcome && outcome.error).toBe(REASON);
      expect(server.exchanges).toEqual([]);
    });
    const good: Fault = (exchange, { body, headers }) => exchange.answer(200, body, headers);
    await withFaultServer(faulty(call, good), async ({ link }) => {
      const controller = new AbortController();
      const outcome = await outcomeOf(call.run(link, { signal: controller.signal }));
      expect(getEventListeners(controller.signal, "abort")).toEqual([]);
      controller.abort(REASON);
      expectOutcome(call, outcome, "ok");
    });
  });
});

describe("closing the client ends every call with CLOSED, in each phase:", () => {
  test.each(each)("%s", async (_, call) => {
    for (const [, fault] of PHASES) {
      countCases(1);
      await withFaultServer(faulty(call, fault), async (setup) => {
        const [outcome] = await Promise.all([
          started(setup, call),
          until(() => setup.server.exchanges.length > 0).then(() => setup.link.execd.close()),
        ]);
        expectOutcome(call, outcome, { code: "CLOSED" });
        expectOutcome(call, await outcomeOf(call.run(setup.link, {})), { code: "CLOSED" });
      });
    }
  });
});

/** Prints without an end until it is interrupted or the client disconnects. */
const endless: Fault = (exchange, call, attempt) => {
  begin(exchange, call, attempt);
  exchange.chunk(CODE_FRAMES[0] ?? "");
  const printing = setInterval(() => exchange.chunk(CODE_FRAMES[2] ?? ""), 1);
  exchange.socket.on("close", () => clearInterval(printing));
};
const context = { id: "context-1", language: "python" };
const own = new Error("the caller's error");
const [CODE, COMMAND] = ["code", "command"].map((name) => SDK_CALLS.find((each) => each.name === name)) as [
  SdkCall,
  SdkCall,
];

describe("leaving a run ends it on the server as well:", () => {
  const leave = async (
    events: AsyncIterable<{ readonly type: string }>,
    atOutput: () => void,
  ): Promise<void> => {
    for await (const { type } of events) {
      if (type !== "stdout") continue;
      atOutput();
      break;
    }
  };
  const stop = (): void => undefined;
  const fail = (): never => {
    throw own;
  };
  test.each<[string, SdkCall, (setup: FaultSetup) => Promise<unknown>, unknown]>([
    [
      "break in a loop over a run",
      CODE,
      async ({ link }) => {
        const run = new Codes(link).run("1", { context });
        await leave(run, stop);
        return await run;
      },
      "RUN_CANCELLED",
    ],
    [
      "throw in a loop over a run",
      CODE,
      ({ link }) => leave(new Codes(link).run("1", { context }), fail),
      own,
    ],
    [
      "break in a loop over a plain stream",
      CODE,
      ({ link }) => leave(new Codes(link).runStream({ code: "1", context }), stop),
      undefined,
    ],
    [
      "throw in a loop over a plain stream",
      CODE,
      ({ link }) => leave(new Codes(link).runStream({ code: "1", context }), fail),
      own,
    ],
    [
      "break in a loop over a command",
      COMMAND,
      async ({ link }) => {
        const run = new Commands(link).run("yes");
        await leave(run, stop);
        return await run;
      },
      "RUN_CANCELLED",
    ],
    [
      "throw in a handler",
      CODE,
      ({ link }) => new Codes(link).run("1", { context, handlers: { onStdout: fail } }),
      own,
    ],
    [
      "throw in a handler, later",
      CODE,
      ({ link }) => new Codes(link).run("1", { context, handlers: { onStdout: () => Promise.reject(own) } }),
      own,
    ],
    [
      "throw in a handler of a command",
      COMMAND,
      ({ link }) => new Commands(link).run("yes", { handlers: { onEvent: fail } }),
      own,
    ],
  ])("%s", async (_, call, work, expected) => {
    countCases(1);
    await withFaultServer(faulty(call, endless), async (setup) => {
      const outcome = await outcomeOf(work(setup));
      if (expected === undefined) expect(outcome).toEqual({ value: undefined });
      else if (typeof expected === "string")
        expect(outcome).toMatchObject({ error: { error: { code: expected } } });
      else expect("error" in outcome && outcome.error).toBe(expected);
      await until(() => setup.server.requests("DELETE").length > 0);
      expect(setup.server.requests("DELETE").length).toBeGreaterThan(0);
    });
  });
});

test("leaving the loop over a download closes its connection", async () => {
  countCases(1);
  const download = SDK_CALLS[6];
  if (download === undefined) throw new RangeError();
  const slow: Fault = (exchange, { body }) => exchange.head(200, { "content-length": "9999999" }).write(body);
  await withFaultServer(faulty(download, slow), async ({ link }) => {
    const stream = await new Files(link).readBytesStream("a.txt");
    for await (const bytes of stream as unknown as AsyncIterable<Uint8Array>) if (bytes.byteLength > 0) break;
  });
});

test("a handle that is not awaited causes no unhandled rejection", async () => {
  const faults: readonly Fault[] = [
    (exchange) => exchange.reset(),
    (exchange) => exchange.answer(500, "no"),
    (exchange) => exchange.answer(200, "garbage\n"),
    (exchange) => exchange.answer(200, ""),
  ];
  for (const fault of faults) {
    countCases(1);
    await withFaultServer(faulty(CODE, fault), async ({ link, server }) => {
      void new Codes(link).run("1", { context });
      await until(() => server.exchanges.length > 0 && link.runs.size === 0);
    });
  }
});

test("a slow handler receives every event in order, and the run waits for it", async () => {
  countCases(1);
  const good: Fault = (exchange, { body, headers }) => exchange.answer(200, body, headers);
  await withFaultServer(faulty(CODE, good), async ({ link }) => {
    const seen: string[] = [];
    const onEvent = async ({ type }: { readonly type: string }): Promise<void> => {
      for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
      seen.push(type);
    };
    await new Codes(link).run("1", { context, handlers: { onEvent } });
    expect(seen).toHaveLength(CODE_FRAMES.length);
    expect(seen.at(-1)).toBe("execution_complete");
  });
});

test("a thousand concurrent runs with one signal all end and leave nothing behind", async () => {
  countCases(1_000);
  const good: Fault = (exchange, { body, headers }) => exchange.answer(200, body, headers);
  const work = (times: number) =>
    withFaultServer(faulty(CODE, good), async ({ link, leaks }) => {
      const { signal } = new AbortController();
      leaks.watch(signal);
      const codes = new Codes(link);
      const runs = Array.from({ length: times }, (_, index) =>
        codes.run("1", { context: { id: `context-${index}`, language: "python" }, signal }),
      );
      expect(getEventListeners(signal, "abort").length).toBeLessThanOrEqual(1);
      const outcomes = await Promise.all(runs);
      expect(outcomes.filter(({ complete }) => complete !== undefined)).toHaveLength(times);
    });
  await expectMemoryBack(work, 1_000, 8);
}, 120_000);
