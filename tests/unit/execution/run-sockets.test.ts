import { describe, expect, test } from "@jest/globals";
import type { ExecutionEvent } from "../../../src/execution/event.js";
import { Codes } from "../../../src/services/codes.js";
import { Commands } from "../../../src/services/commands.js";
import { expectExecution } from "../../helpers/expect-execution.js";
import { linkTo } from "../../helpers/link.js";
import { failureOf } from "../../helpers/promises.js";
import { complete, init, interrupted, ping, stdout } from "../../helpers/scripted-run.js";
import { FaultServer, type FaultExchange } from "../../helpers/fault-server.js";
import { bareFrame, toWire } from "../../helpers/wire.js";

function sandboxAt(server: FaultServer): {
  readonly codes: Codes;
  readonly commands: Commands;
  close: () => void;
} {
  const link = linkTo(server.origin);
  return { codes: new Codes(link), commands: new Commands(link), close: () => link.execd.close() };
}

function send(exchange: FaultExchange, ...events: readonly ExecutionEvent[]): void {
  exchange.chunk(events.map((event) => bareFrame(toWire(event))).join(""));
}

/** Starts a server whose kernel ends a run after a number of interrupts. Keeps every request. */
async function kernelThatNeeds(interrupts: number, id = "abc"): Promise<Kernel> {
  const posts: FaultExchange[] = [];
  const deletes: string[] = [];
  const server = await FaultServer.start((exchange) => {
    if (exchange.method === "POST") {
      posts.push(exchange);
      exchange.chunkedHead();
      send(exchange, init(id), stdout(`run ${posts.length}\n`));
      return;
    }
    deletes.push(exchange.path);
    exchange.answer(200);
    if (deletes.length !== interrupts) return;
    const running = posts.at(-1);
    if (running === undefined) throw new Error("Nothing runs.");
    send(running, interrupted);
    running.lastChunk();
  });
  return { server, posts, deletes, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

interface Kernel extends AsyncDisposable {
  readonly server: FaultServer;
  readonly posts: readonly FaultExchange[];
  /** The paths of the interrupts, in order. */
  readonly deletes: readonly string[];
}

describe("a connection that ends", () => {
  const endings: [string, (exchange: FaultExchange) => void, string][] = [
    ["with a reset", (exchange) => exchange.reset(), "STREAM_BROKEN"],
    ["in the middle of a body", (exchange) => exchange.socket.end(), "STREAM_BROKEN"],
    [
      "in the middle of a frame",
      (exchange) => {
        exchange.chunk('{"type":"st');
        exchange.lastChunk();
      },
      "STREAM_CUT",
    ],
  ];
  test.each(endings)("%s fails the run, also after its completion", async (_, end, code) => {
    await using server = await FaultServer.start((exchange) => {
      exchange.chunkedHead();
      send(exchange, init("abc"), complete, stdout("a"));
    });
    const run = sandboxAt(server).codes.run("x", {
      handlers: { onStdout: () => end(server.exchange(1)) },
    });
    expect(await failureOf(run)).toMatchObject({
      name: "SandboxConnectionException",
      error: { code },
      sandboxId: "sandbox-1",
      execution: { id: "abc", stdout: "a", complete: { executionTimeMs: 7 } },
    });
    // The request is not sent again.
    expect(server.exchanges).toHaveLength(1);
  });

  test("before the run is complete is a cut, even if it is clean", async () => {
    await using server = await FaultServer.start((exchange) => {
      exchange.chunkedHead();
      send(exchange, init("abc"), stdout("a"));
      exchange.lastChunk();
    });
    expect(await failureOf(sandboxAt(server).codes.run("x"))).toMatchObject({
      error: { code: "STREAM_CUT" },
    });
  });
});

test("a command ends at its terminal event, and its connection is closed", async () => {
  await using server = await FaultServer.start((exchange) => {
    exchange.chunkedHead();
    // The server would keep it open for more than a second.
    send(exchange, init("abc"), stdout("a"), complete);
  });
  await expectExecution(sandboxAt(server).commands.run("x")).toBe({ stdout: "a\n", exitCode: 0 });
  await server.exchange(1).closed;
  expect(server.exchanges).toHaveLength(1);
});

describe("an interrupt", () => {
  test("that has an effect at once is sent once, and the run resolves", async () => {
    await using kernel = await kernelThatNeeds(1);
    const { server, deletes } = kernel;
    const run = sandboxAt(server).codes.run("x");
    for await (const event of run) if (event.type === "stdout") await run.interrupt();
    await expectExecution(run).toBe({ stdout: "run 1\n", error: ["KeyboardInterrupt", ""] });
    expect(deletes).toEqual(["/code?id=abc"]);
  });

  test("that is lost is sent again at each time of the schedule", async () => {
    await using kernel = await kernelThatNeeds(3);
    const { server, deletes } = kernel;
    const run = sandboxAt(server).codes.run("x");
    const begin = performance.now();
    for await (const event of run) if (event.type === "stdout") await run.interrupt();
    await expectExecution(run).toFail("KeyboardInterrupt");
    expect(deletes).toEqual(["/code?id=abc", "/code?id=abc", "/code?id=abc"]);
    expect(performance.now() - begin).toBeGreaterThanOrEqual(990);
  });

  test("of a command goes to the command", async () => {
    await using kernel = await kernelThatNeeds(1, "command-1");
    const { server, deletes } = kernel;
    const run = sandboxAt(server).commands.run("sleep 100");
    for await (const event of run) if (event.type === "stdout") await run.interrupt();
    expect((await run).error?.name).toBe("KeyboardInterrupt");
    expect(deletes).toEqual(["/command?id=command-1"]);
  });
});

describe("leaving a loop", () => {
  test("lets the context's next run start only when this one has ended on the server", async () => {
    await using kernel = await kernelThatNeeds(1);
    const { server, posts, deletes } = kernel;
    const { codes } = sandboxAt(server);
    const run = codes.run("x");
    for await (const event of run) if (event.type === "stdout") break;
    expect(await failureOf(run)).toMatchObject({ error: { code: "RUN_CANCELLED" } });
    const next = codes.run("y", { context: { id: "abc", language: "python" } });
    expect(posts).toHaveLength(1);
    for await (const event of next) {
      if (event.type !== "stdout") continue;
      expect(event.text).toBe("run 2\n");
      expect(deletes).toEqual(["/code?id=abc"]);
      const second = posts[1];
      if (second === undefined) throw new Error("There is no second run.");
      send(second, complete);
      second.lastChunk();
    }
    await expectExecution(next).toPrint("run 2\n");
  });

  test("of a plain stream interrupts the run too", async () => {
    await using kernel = await kernelThatNeeds(1);
    const { server, posts, deletes } = kernel;
    for await (const event of sandboxAt(server).codes.runStream({ code: "x" })) {
      if (event.type === "stdout") break;
    }
    await posts[0]?.closed;
    expect(deletes).toEqual(["/code?id=abc"]);
  });
});

test("closing the sandbox's client ends a run with CLOSED and its connection, and sends no interrupt", async () => {
  await using kernel = await kernelThatNeeds(1);
  const { codes, close } = sandboxAt(kernel.server);
  const run = codes.run("x", { handlers: { onStdout: close } });
  expect(await failureOf(run)).toMatchObject({ error: { code: "CLOSED" }, execution: { stdout: "run 1\n" } });
  await kernel.posts[0]?.closed;
  await run.interrupt();
  expect(kernel.deletes).toEqual([]);
});

test("the error of a server is in the exception of the run", async () => {
  await using server = await FaultServer.start((exchange) => {
    exchange.json(500, { code: "RUNTIME_ERROR", message: "error running codes context not found" });
  });
  const run = sandboxAt(server).codes.run("x", { context: { id: "gone", language: "python" } });
  expect(await failureOf(run)).toMatchObject({
    name: "SandboxApiException",
    statusCode: 500,
    error: { code: "RUNTIME_ERROR", message: "error running codes context not found" },
    execution: run.execution,
  });
  expect(server.exchanges).toHaveLength(1);
});

test("an abort before the response headers interrupts a run in a named context", async () => {
  const controller = new AbortController();
  const deletes: string[] = [];
  await using server = await FaultServer.start((exchange) => {
    if (exchange.method === "POST") {
      controller.abort("enough");
      return;
    }
    deletes.push(exchange.path);
    exchange.answer(200);
    server.exchange(1).json(500, { code: "RUNTIME_ERROR", message: "interrupted" });
  });
  const run = sandboxAt(server).codes.run("x", {
    context: { id: "named", language: "python" },
    signal: controller.signal,
  });
  expect(await failureOf(run)).toBe("enough");
  await run.interrupt();
  expect(deletes).toEqual(["/code?id=named"]);
});

test("a slow handler slows the server down", async () => {
  let written = 0;
  const line = "x".repeat(64 * 1024);
  await using server = await FaultServer.start((exchange) => {
    exchange.chunkedHead();
    send(exchange, init("abc"));
    const fill = (): void => {
      while (!exchange.socket.writableNeedDrain && written < 1_024) {
        send(exchange, stdout(line));
        written += 1;
      }
      if (written === 1_024) {
        written += 1;
        send(exchange, ping, complete);
        exchange.lastChunk();
      }
    };
    exchange.socket.on("drain", fill);
    fill();
  });
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const { codes } = sandboxAt(server);
  const run = codes.run("x", { handlers: { onInit: () => gate } });
  // The server has stopped when it has written nothing for a number of turns.
  for (let before = -1; before !== written;) {
    before = written;
    for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(written).toBeLessThan(1_024);
  open();
  expect((await run).logs.stdout).toHaveLength(1_024);
});
