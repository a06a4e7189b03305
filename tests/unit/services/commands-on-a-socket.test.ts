import { expect, test } from "@jest/globals";
import { Commands } from "../../../src/services/commands.js";
import { Metrics } from "../../../src/services/metrics.js";
import { bareFrame } from "../../helpers/wire.js";
import { linkTo } from "../../helpers/link.js";
import { failureOf } from "../../helpers/promises.js";
import { FaultServer } from "../../helpers/fault-server.js";

// A fake `fetch` cannot show that the connection is closed.

test("stopping a run in a session closes its connection", async () => {
  await using server = await FaultServer.start((exchange) => {
    exchange.chunkedHead();
    exchange.chunk(bareFrame({ type: "init", text: "s1" }));
  });
  const run = new Commands(linkTo(server.origin)).attachSession("s1").run("sleep 9");
  const failure = failureOf(run);
  for await (const { type } of run) if (type === "init") break;
  await server.exchange(1).closed;
  expect(await failure).toMatchObject({ error: { code: "RUN_CANCELLED" }, execution: { id: "s1" } });
  expect(server.exchanges).toHaveLength(1);
});

test("leaving a watch closes its connection", async () => {
  const metrics = { cpu_count: 2, cpu_used_pct: 1, mem_total_mib: 2, mem_used_mib: 1, timestamp: 7 };
  await using server = await FaultServer.start((exchange) => {
    exchange.chunkedHead();
    exchange.chunk(`${JSON.stringify(metrics)}\n`);
  });
  for await (const { timestamp } of new Metrics(linkTo(server.origin)).watch()) {
    expect(timestamp).toBe(7);
    break;
  }
  await server.exchange(1).closed;
  expect(server.exchanges).toHaveLength(1);
});

test("leaving a followed log closes its connection", async () => {
  await using server = await FaultServer.start((exchange) => {
    if (exchange.path.includes("status")) {
      exchange.json(200, { id: "c1", content: "yes", running: true, started_at: "2026-11-23T16:45:06Z" });
      return;
    }
    exchange.chunkedHead();
    exchange.chunk("y\n");
  });
  for await (const text of new Commands(linkTo(server.origin)).followLogs("c1")) {
    expect(text).toBe("y\n");
    break;
  }
  await server.exchange(2).closed;
  expect(server.exchanges).toHaveLength(2);
});

test("a log that breaks off is a failure of the connection", async () => {
  await using server = await FaultServer.start((exchange) => {
    exchange.chunkedHead();
    exchange.chunk("begun");
    exchange.reset();
  });
  expect(await failureOf(new Commands(linkTo(server.origin)).getLogs("c1"))).toMatchObject({
    name: "SandboxConnectionException",
    error: { code: "STREAM_BROKEN" },
    sandboxId: "sandbox-1",
  });
});
