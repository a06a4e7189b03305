import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { nextText } from "../helpers/execd-answers.js";
import { type LocalSandbox, startSandbox, until } from "../helpers/local-sandbox.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

let sandbox: LocalSandbox;
const describeIsolated = describeIf(isolationWorks, "local/metrics", NO_ISOLATION_REASON);

beforeAll(async () => {
  if (isolationWorks) sandbox = await startSandbox();
});
afterAll(async () => {
  if (isolationWorks) await sandbox[Symbol.asyncDispose]();
});

type Metrics = Readonly<Record<string, number>>;

const measure = async () => JSON.parse((await sandbox.send("GET", "/metrics")).text) as Metrics;

describeIsolated("metrics of a sandbox", () => {
  test("have the contract's names, in its order", async () => {
    const metrics = await measure();
    expect(Object.keys(metrics)).toEqual([
      "cpu_count",
      "cpu_used_pct",
      "mem_total_mib",
      "mem_used_mib",
      "timestamp",
    ]);
    expect(Math.abs((metrics["timestamp"] ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  test("are of the sandbox: its limit, its memory, its work", async () => {
    const other = await sandbox.client.create({ resourceLimits: { memory: "512Mi" } });
    const ofOther = (await (await other.execd("GET", "/metrics")).json()) as Metrics;
    expect(ofOther["mem_total_mib"]).toBe(512);
    expect(ofOther["mem_used_mib"]).toBeLessThan(512);

    const busy = "import time\nheld = b'x' * 300_000_000\nwhile True: pass";
    await sandbox.upload("/workspace/busy.py", busy);
    const { events } = await sandbox.command(
      "exec python3 busy.py || exec perl -e '$a=\"x\"x300000000; 1 while 1'",
      {
        background: true,
      },
    );
    const loaded = await until(measure, (metrics) => (metrics["mem_used_mib"] ?? 0) > 250);
    expect(loaded["mem_used_mib"]).toBeLessThan(loaded["mem_total_mib"] ?? 0);
    const working = await until(measure, (metrics) => (metrics["cpu_used_pct"] ?? 0) > 5);
    expect(working["cpu_used_pct"]).toBeLessThanOrEqual(100);
    await sandbox.send("DELETE", `/command?id=${String(events[0]?.["text"])}`);
    await until(
      measure,
      (metrics) => (metrics["cpu_used_pct"] ?? 100) < 5 && (metrics["mem_used_mib"] ?? 0) < 250,
    );
  });

  test("can be watched: a line each time, until the client goes away", async () => {
    const controller = new AbortController();
    const response = await sandbox.execd("GET", "/metrics/watch", undefined, { signal: controller.signal });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const reader: ReadableStreamDefaultReader<Uint8Array> | undefined = response.body?.getReader();
    const lines = [await nextText(reader), await nextText(reader)];
    for (const line of lines) expect(line).toMatch(/^\{"cpu_count":.*\}\n$/);
    controller.abort(new Error("enough"));
    await expect(nextText(reader)).rejects.toThrow("enough");
  });
});
