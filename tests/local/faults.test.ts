import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Faults } from "../../src/local/index.js";
import { LocalClient, parseEvents, readOutcome, until, type LocalSandbox } from "../helpers/local-sandbox.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

const works = isolationWorks && hasPython;
const REASON = hasPython ? NO_ISOLATION_REASON : "there is no python3";

describeIf(
  works,
  "local/faults",
  REASON,
)("a sandbox with faults", () => {
  let client: LocalClient;
  let sandbox: LocalSandbox;
  beforeAll(async () => {
    client = await LocalClient.start();
    sandbox = await client.create();
  });
  afterAll(() => client.server.close());

  const set = (faults: Faults) => client.server.setFaults(sandbox.id, faults);
  const types = (events: readonly { readonly type?: string }[]) =>
    events.map(({ type }) => type).filter((type) => type !== "ping");
  const code = (text: string) =>
    sandbox.execd("POST", "/code", { code: text, context: { language: "python" } });

  test("reports completion before its output", async () => {
    set({ earlyCompletion: true });
    const { events } = await sandbox.python("print('hi')\n1 + 1");
    expect(types(events)).toEqual(["init", "execution_complete", "stdout", "execution_count", "result"]);
  });

  test("loses a result", async () => {
    set({ lostResult: true });
    const { events } = await sandbox.python("print('hi')\n1 + 1");
    expect(types(events)).toEqual(["init", "stdout", "execution_complete"]);
  });

  test("is busy", async () => {
    set({ busy: true });
    const text = await (await code("1")).text();
    expect(text).toMatch(
      /^\{"type":"init",.*\}\n\n\{"code":"RUNTIME_ERROR","message":"error running codes session is busy"\}$/,
    );
    expect((await sandbox.command("echo a command")).stdout).toBe("a command");
  });

  test("fails in-band, after init", async () => {
    set({ inBandError: { code: "RUNTIME_ERROR", message: "gone wrong" } });
    for (const answer of [await code("1"), await sandbox.execd("POST", "/command", { command: "echo" })]) {
      const text = await answer.text();
      expect(text).toMatch(/^\{"type":"init"/);
      expect(text).toMatch(/\n\n\{"code":"RUNTIME_ERROR","message":"gone wrong"\}$/);
    }
  });

  test("keeps its response open after the last event", async () => {
    set({ closingDelayMillis: 300 });
    const { body } = await sandbox.execd("POST", "/command", { command: "echo hi" });
    if (body === null) throw new Error("no body");
    let completedAt = 0;
    const reader = body.getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      if (Buffer.from(read.value as Uint8Array).includes("execution_complete"))
        completedAt = performance.now();
    }
    expect(performance.now() - completedAt).toBeGreaterThan(290);
  });

  test("breaks a stream at a byte", async () => {
    set({ cutAtByte: 30 });
    const { body } = await code("1");
    if (body === null) throw new Error("no body");
    const reader = body.getReader();
    let bytes = 0;
    const readAll = async () => {
      for (let read = await reader.read(); !read.done; read = await reader.read()) {
        bytes += (read.value as Uint8Array).byteLength;
      }
    };
    await expect(readAll()).rejects.toThrow("terminated");
    expect(bytes).toBe(30);
  });

  test("frees the context of a stream that was cut, also where the output was far from its end", async () => {
    set({ cutAtByte: 5000 });
    const response = await code("while True: print('x' * 1000)");
    await expect(response.text()).rejects.toThrow("terminated");
    set({});
    await until(
      async () => (await code("print('free')")).text(),
      (text) => text.includes("free"),
    );
  });

  test("a run ends when its client goes away, even if its code catches the interrupt", async () => {
    set({});
    const controller = new AbortController();
    const endless = "while True:\n  try:\n    while True: print('x')\n  except KeyboardInterrupt: pass";
    const response = await sandbox.execd(
      "POST",
      "/code",
      { code: endless, context: { language: "python" } },
      { signal: controller.signal },
    );
    await response.body?.getReader().read();
    controller.abort(new Error("the client is gone"));
    await until(
      async () => (await code("print('free')")).text(),
      (text) => text.includes("free"),
    );
  });

  test("ends a stream cleanly at a byte", async () => {
    set({ cutAtByte: 30, cutCleanly: true });
    expect(await (await code("1")).text()).toHaveLength(30);
  });

  test("stalls, until the client cancels", async () => {
    set({ stallAtByte: 30 });
    const controller = new AbortController();
    const answer = await sandbox.execd(
      "POST",
      "/code",
      { code: "1", context: { language: "python" } },
      {
        signal: controller.signal,
      },
    );
    if (answer.body === null) throw new Error("no body");
    const reader = answer.body.getReader();
    let bytes = 0;
    while (bytes < 30) bytes += ((await reader.read()).value as Uint8Array).byteLength;
    expect(bytes).toBe(30);
    const next = reader.read();
    expect(await Promise.race([next, new Promise((resolve) => setTimeout(resolve, 300, "silence"))])).toBe(
      "silence",
    );
    controller.abort(new Error("enough"));
    await expect(next).rejects.toThrow();
  });

  const isBusy = ({ events }: { readonly events: readonly unknown[] }) =>
    JSON.stringify(events).includes("session is busy");

  /** Lets the kernel of a context die, and waits until the context hangs. Returns the body of the run, which stays open. */
  async function hang(
    id: string | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly body: Promise<string> }> {
    set({ hangAfterKernelDeath: true });
    const context = { language: "python", ...(id !== undefined && { id }) };
    const deadly = { code: "import os; os._exit(1)", context };
    const body = (await sandbox.execd("POST", "/code", deadly, { signal })).text();
    body.catch(() => undefined);
    // A run that still reaches the sandbox fails with this. A context that hangs rejects it as busy before.
    set({ inBandError: { code: "NOT_HUNG", message: "the context does not hang yet" } });
    await until(() => sandbox.python("1", context), isBusy);
    set({});
    return { body };
  }

  test("hangs after the death of a kernel, and its context stays busy until it is deleted", async () => {
    const id = await sandbox.createContext("python");
    const controller = new AbortController();
    const { body } = await hang(id, controller.signal);
    expect(await Promise.race([body, Promise.resolve("open")])).toBe("open");
    controller.abort(new Error("enough"));
    await expect(body).rejects.toThrow("enough");
    expect(isBusy(await sandbox.python("1", { id }))).toBe(true);
    await sandbox.execd("DELETE", `/code/contexts/${id}`);
    const run = { code: "1", context: { id, language: "python" } };
    expect((await sandbox.execd("POST", "/code", run)).status).toBe(500);
  });

  test("hangs in one language until the contexts of that language are deleted", async () => {
    const controller = new AbortController();
    const id = await sandbox.createContext("python");
    await hang(id, controller.signal);
    await hang(undefined, controller.signal);
    await sandbox.execd("DELETE", "/code/contexts?language=bash");
    expect(isBusy(await sandbox.python("1", { id }))).toBe(true);
    expect(isBusy(await sandbox.python("1"))).toBe(true);
    await sandbox.execd("DELETE", "/code/contexts?language=python");
    controller.abort(new Error("enough"));
    // The default context is created again.
    expect((await sandbox.python("print('free')")).stdout).toBe("free\n");
  });

  test("responds to every fourth request with 502", async () => {
    set({ badGatewayRate: 0.25 });
    const statuses = [];
    for (let index = 0; index < 8; index++) statuses.push((await sandbox.execd("GET", "/ping")).status);
    expect(statuses.filter((status) => status === 502)).toHaveLength(2);
    expect(statuses[3]).toBe(statuses[7]);
  });

  test("works again when they are removed, and other sandboxes are not affected", async () => {
    set({ badGatewayRate: 1 });
    const other = await client.create();
    expect((await sandbox.execd("GET", "/ping")).status).toBe(502);
    expect((await other.execd("GET", "/ping")).status).toBe(200);
    set({});
    expect((await sandbox.execd("GET", "/ping")).status).toBe(200);
    await client.send("DELETE", other.path);
  });

  test("rejects an unknown or invalid fault", () => {
    expect(() => set({ badGatewayRate: 2 })).toThrow(
      "faults.badGatewayRate must be a number from 0 to 1; got 2",
    );
    const misspelt = { lostResults: true } as Faults;
    expect(() => set(misspelt)).toThrow('faults has no "lostResults". Known faults: earlyCompletion,');
  });
});

describeIf(
  works,
  "local/faults",
  REASON,
)("faults of all sandboxes", () => {
  test("apply to new sandboxes, and those of a sandbox override them", async () => {
    await using client = await LocalClient.start({
      port: false,
      faults: { slowStartMillis: 400, lostResult: true },
    });
    const sandbox = await client.create();
    expect((await sandbox.execd("GET", "/ping")).status).toBe(502);
    await until(
      async () => (await sandbox.execd("GET", "/ping")).status,
      (status) => status === 200,
    );
    const run = async () =>
      parseEvents((await sandbox.python("1")).events.map((event) => JSON.stringify(event)).join("\n\n"));
    expect(JSON.stringify(await run())).not.toContain('"result"');
    client.server.setFaults(sandbox.id, { lostResult: false });
    expect(JSON.stringify(await run())).toContain('"result"');
  });

  test("end existing and new sandboxes early", async () => {
    await using client = await LocalClient.start();
    const early = await client.create();
    client.server.setFaults("all", { expiresInMillis: 200 });
    const late = await client.create();
    for (const { path } of [early, late]) {
      await until(
        async () => (await client.send("GET", path)).status,
        (status) => status === 404,
      );
    }
  });

  test("restore the original end of a sandbox when they are removed", async () => {
    await using client = await LocalClient.start();
    const [spared, early] = [await client.create(), await client.create()];
    for (const { id } of [spared, early]) client.server.setFaults(id, { expiresInMillis: 200 });
    client.server.setFaults(spared.id, {});
    await until(
      async () => (await client.send("GET", early.path)).status,
      (status) => status === 404,
    );
    // Its end was to come before.
    expect((await client.send("GET", spared.path)).status).toBe(200);
  });

  test("apply to clients on a port as well", async () => {
    await using client = await LocalClient.start({ faults: { cutAtByte: 20 } });
    const sandbox = await client.create();
    const { endpoint, headers } = (await client.json("GET", `${sandbox.path}/endpoints/44772`)) as {
      endpoint: string;
      headers: Record<string, string>;
    };
    const body = JSON.stringify({ command: "echo hi" });
    const answer = await fetch(`http://${endpoint}/command`, { method: "POST", headers, body });
    await expect(readOutcome(answer)).rejects.toThrow("terminated");
  });
});
