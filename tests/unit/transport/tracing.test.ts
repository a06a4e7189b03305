import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterEach, expect, test } from "@jest/globals";
import { REQUEST_CHANNEL, type RequestTrace } from "../../../src/index.js";
import { FaultServer } from "../../helpers/fault-server.js";
import { transportTo } from "./test-transport.js";

const traces: unknown[] = [];
const collect = (trace: unknown): void => {
  traces.push(trace);
};
afterEach(() => {
  unsubscribe(REQUEST_CHANNEL, collect);
  traces.length = 0;
});

test("each attempt of a request is published, with how it ended and no credential", async () => {
  subscribe(REQUEST_CHANNEL, collect);
  await using server = await FaultServer.start((exchange, count) => {
    if (count === 1) exchange.json(503, { code: "BUSY", message: "later" }, { "x-request-id": "first" });
    else exchange.json(200, { ok: true }, { "x-request-id": "second" });
  });
  const { client } = transportTo(server.origin);
  await client.GET("/things", { params: { query: { token: "secret" } } });
  const facts = {
    server: "execd",
    method: "GET",
    path: "/things?token=***",
    sandboxId: "sandbox-1",
    durationMillis: 0,
  } satisfies Partial<RequestTrace>;
  expect(traces).toEqual([
    { ...facts, statusCode: 503, requestId: "first", error: expect.objectContaining({ statusCode: 503 }) },
    { ...facts, statusCode: 200, requestId: "second", error: undefined },
  ]);
});

test("nothing is published without a subscriber", async () => {
  await using server = await FaultServer.start((exchange) => exchange.json(200, {}));
  const { client } = transportTo(server.origin);
  await client.GET("/things");
  expect(traces).toEqual([]);
});
