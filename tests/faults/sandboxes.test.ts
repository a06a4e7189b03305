import { afterAll, describe, expect, test } from "@jest/globals";
import type { ConnectionOptions } from "../../src/connection.js";
import type { Logger } from "../../src/logging.js";
import { Sandbox } from "../../src/sandbox.js";
import { CodeInterpreter } from "../../src/code-interpreter.js";
import { FaultServer, type FaultExchange } from "../helpers/fault-server.js";
import { expectMemoryBack, LeakWatch } from "../helpers/faults/leaks.js";
import { CODE_FRAMES } from "../helpers/faults/sdk-calls.js";
import { countCases, outcomeOf, QUICK_RETRIES, reportCases } from "../helpers/faults/survival.js";

afterAll(() => reportCases("sandboxes"));

const SECRETS = {
  apiKey: "secret-of-the-key",
  lifecycle: "secret-of-the-lifecycle-header",
  sandboxes: "secret-of-the-sandbox-header",
  endpoint: "secret-of-the-endpoint",
  env: "secret-of-the-environment",
  registry: "secret-of-the-registry",
};

/** A lifecycle server. The execd is at `endpointOf`, by default on this server. */
class Lifecycle {
  readonly living = new Set<string>();
  created = 0;
  killed = 0;

  readonly answer = (exchange: FaultExchange, endpointOf: (id: string) => object): void => {
    const { method, path } = exchange;
    const id = /\/sandboxes\/([^/?]+)/.exec(path)?.[1] ?? "";
    if (/\/proxy\/|^\/(ping|code|files|command)/.test(path)) answerExecd(exchange);
    else if (method === "POST") {
      this.created += 1;
      const name = `sandbox-${this.created}`;
      this.living.add(name);
      exchange.json(202, infoOf(name));
    } else if (path.includes("/endpoints/")) exchange.json(200, endpointOf(id));
    else if (method === "DELETE") {
      this.killed += this.living.delete(id) ? 1 : 0;
      exchange.answer(204, "", {});
    } else if (this.living.has(id)) exchange.json(200, infoOf(id));
    else exchange.json(404, { code: "DOCKER::SANDBOX_NOT_FOUND", message: "gone" });
  };
}

function infoOf(id: string): object {
  return { id, status: { state: "Running" }, createdAt: "2026-11-23T17:02:20Z" };
}

function answerExecd(exchange: FaultExchange): void {
  const path = exchange.path.replace(/^.*\/proxy\/\d+/, "");
  if (path === "/code") exchange.answer(200, CODE_FRAMES.join(""), { "content-type": "text/event-stream" });
  else exchange.answer(200);
}

test("creating and killing 1,000 sandboxes leaves nothing on the server or in the client", async () => {
  countCases(1_000);
  const work = async (times: number): Promise<void> => {
    const leaks = new LeakWatch();
    const lifecycle = new Lifecycle();
    {
      await using server = await FaultServer.start(
        (exchange) => lifecycle.answer(exchange, () => ({ endpoint: server.origin.slice(7) })),
        { keepsExchanges: false },
      );
      let left = times;
      const worker = async (): Promise<void> => {
        while (left-- > 0) {
          await using sandbox = await Sandbox.create({
            connectionConfig: { domain: server.origin, apiKey: "k" },
            killOnDispose: true,
          });
          expect(lifecycle.living.has(sandbox.id)).toBe(true);
        }
      };
      await Promise.all(Array.from({ length: 20 }, worker));
      expect([lifecycle.created, lifecycle.killed, lifecycle.living.size]).toEqual([times, times, 0]);
    }
    await leaks.expectNothingLeft();
  };
  await expectMemoryBack(work, 1_000, 8);
}, 60_000);

describe("reaches a sandbox behind the proxy of old and new servers:", () => {
  test.each(["", "/v1"])("with %j before its path", async (version) => {
    countCases(1);
    const lifecycle = new Lifecycle();
    await using server = await FaultServer.start((exchange) =>
      lifecycle.answer(exchange, (id) => ({
        endpoint: `${server.origin.slice(7)}${version}/sandboxes/${id}/proxy/44772`,
      })),
    );
    await using sandbox = await Sandbox.create({
      connectionConfig: { domain: server.origin, apiKey: "k", useServerProxy: true },
      killOnDispose: true,
    });
    const { codes } = await CodeInterpreter.create(sandbox);
    expect((await codes.run("1")).text).toBe("2");
    const [run] = server.requests("POST", `${version}/sandboxes/${sandbox.id}/proxy/44772/code`);
    expect(run?.headers["open-sandbox-api-key"]).toBe("k");
  });
});

test("disposing a sandbox during a run ends the run and the sandbox", async () => {
  countCases(1);
  const leaks = new LeakWatch();
  const lifecycle = new Lifecycle();
  {
    await using server = await FaultServer.start((exchange) => {
      if (exchange.path === "/code")
        exchange.head(200, { "transfer-encoding": "chunked" }).chunk(CODE_FRAMES[0] ?? "");
      else lifecycle.answer(exchange, () => ({ endpoint: server.origin.slice(7) }));
    });
    let outcome: Promise<unknown>;
    {
      await using sandbox = await Sandbox.create({
        connectionConfig: { domain: server.origin, apiKey: "k" },
        killOnDispose: true,
      });
      const { codes } = await CodeInterpreter.create(sandbox);
      const run = codes.run("while True: pass");
      outcome = outcomeOf(run);
      for await (const { type } of run) if (type === "init") break;
    }
    expect(await outcome).toMatchObject({ error: { error: { code: "RUN_CANCELLED" } } });
    expect(lifecycle.living.size).toBe(0);
  }
  await leaks.expectNothingLeft();
});

test("credentials reach only their server: no other origin, sandbox, log or error", async () => {
  const records: string[] = [];
  const log = (message: string): void => void records.push(message);
  const logger: Logger = { debug: log, info: log, warn: log, error: log };
  const lifecycle = new Lifecycle();
  const trouble = { count: 0 };
  await using elsewhere = await FaultServer.start((exchange) => exchange.answer(200), { keepsBytes: true });
  await using execd = await FaultServer.start(
    (exchange) => {
      trouble.count += 1;
      // Success, and every way to fail, in turn.
      const ways: ((exchange: FaultExchange) => void)[] = [
        answerExecd,
        (each) => each.reset(),
        (each) => each.answer(302, "", { location: `${elsewhere.origin}/?token=${SECRETS.endpoint}` }),
        (each) => each.json(500, { code: "X", message: `you sent ${JSON.stringify(each.headers)}` }),
        (each) => each.answer(200, "garbage\n"),
        (each) => each.answer(503, "", { "retry-after": "0" }),
      ];
      if (exchange.path === "/ping") answerExecd(exchange);
      else ways[trouble.count % ways.length]?.(exchange);
    },
    { keepsBytes: true },
  );
  await using server = await FaultServer.start(
    (exchange) =>
      exchange.path.includes("/renew")
        ? exchange.answer(307, "", { location: `${elsewhere.origin}/renew` })
        : lifecycle.answer(exchange, () => ({
            endpoint: execd.origin.slice(7),
            headers: { "OpenSandbox-Secure-Access": SECRETS.endpoint },
          })),
    { keepsBytes: true },
  );
  const connectionConfig: ConnectionOptions = {
    domain: server.origin,
    apiKey: SECRETS.apiKey,
    headers: { "X-Tenant": SECRETS.lifecycle },
    sandboxHeaders: { Authorization: SECRETS.sandboxes },
    retryPolicy: QUICK_RETRIES,
    logger,
  };
  const errors: unknown[] = [];
  {
    await using sandbox = await Sandbox.create({
      connectionConfig,
      image: { uri: "image", auth: { username: "u", password: SECRETS.registry } },
      entrypoint: ["run"],
      env: { TOKEN: SECRETS.env },
      killOnDispose: true,
    });
    const { codes } = await CodeInterpreter.create(sandbox);
    for (let round = 0; round < 12; round += 1) {
      for (const work of [
        () => codes.run("1"),
        () => codes.listContexts(),
        () => sandbox.commands.run("true"),
        () => sandbox.files.readBytes("/a"),
        () => sandbox.files.writeFiles([{ path: "/a", data: "b" }]),
        () => sandbox.renew(60),
        () => sandbox.getInfo(),
      ]) {
        countCases(1);
        const outcome = await outcomeOf(work());
        if ("error" in outcome) errors.push(outcome.error);
      }
    }
    records.push(String(sandbox.connectionConfig), JSON.stringify(sandbox.connectionConfig));
  }
  const sent = (to: FaultServer): string => Buffer.concat(to.bytes ?? []).toString("latin1");
  const seenBy = (text: string): string[] =>
    Object.entries(SECRETS).flatMap(([name, secret]) => (text.includes(secret) ? [name] : []));
  expect(seenBy(sent(server)).sort()).toEqual(["apiKey", "env", "lifecycle", "registry"]);
  expect(seenBy(sent(execd)).sort()).toEqual(["endpoint", "sandboxes"]);
  expect(sent(elsewhere)).toBe("");
  expect(errors.length).toBeGreaterThan(30);
  expect(records.length).toBeGreaterThan(100);
  expect(seenBy(records.join("\n"))).toEqual([]);
  // The server's own message may contain anything; the rest of an error comes from the SDK.
  const own = errors.filter((error) => (error as { statusCode?: number }).statusCode !== 500);
  expect(seenBy(own.map((error) => JSON.stringify(error)).join("\n"))).toEqual([]);
});
