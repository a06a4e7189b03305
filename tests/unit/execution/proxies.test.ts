import { describe, expect, test } from "@jest/globals";
import { Codes } from "../../../src/services/codes.js";
import { loadFixture, type Exchange } from "../../helpers/fixtures.js";
import { linkTo } from "../../helpers/link.js";
import { failureOf } from "../../helpers/promises.js";

const RECORDED = loadFixture("proxy-cuts");
const DIRECT = "http://sandbox.test:44772";
const PROXY = "http://lifecycle.test/sandboxes/sandbox-1/proxy/44772";
const INIT = '{"type":"init","text":"context-1"}\n\n';
const COMPLETE = '{"type":"execution_complete","execution_time":5}\n\n';
const STDOUT = '{"type":"stdout","text":"a"}\n\n';

/** A scripted `fetch`, and the requests that it received. */
function scripted(script: Readonly<Record<string, readonly (() => Response)[]>>) {
  const requests: string[] = [];
  const left = new Map(Object.entries(script).map(([name, responses]) => [name, [...responses]]));
  const fetch = (url: string, { method = "GET" }: RequestInit): Promise<Response> => {
    const name = `${method} ${new URL(url).pathname.split("/").at(-1) ?? ""}`;
    requests.push(name);
    const response = left.get(name)?.shift();
    if (response === undefined) return Promise.reject(new Error(`Unexpected request: ${name}`));
    return Promise.resolve(response());
  };
  return { fetch, requests };
}

const streamOf =
  (...chunks: readonly string[]) =>
  () =>
    new Response(chunks.join(""), { headers: { "content-type": "text/event-stream" } });
/** A stream that breaks after its first chunk. */
const brokenAfter = (text: string) => () => {
  let isFirst = true;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (isFirst) controller.enqueue(new TextEncoder().encode(text));
      else controller.error(new Error("reset"));
      isFirst = false;
    },
  });
  return new Response(body);
};
const ok = () => new Response(null, { status: 200 });
function recorded({ response }: Exchange): () => Response {
  const { status, headers, chunks } = response;
  if (status === null) throw new Error("The recording has no response.");
  return () => new Response(chunks.map(([, text]) => text).join(""), { status, headers });
}
function labelled(label: string, index = 0): Exchange {
  const exchange = RECORDED.filter((one) => one.label === label)[index];
  if (exchange === undefined) throw new Error(`There is no recording ${label}.`);
  return exchange;
}

describe("a run whose completion came before output, through a proxy,", () => {
  test.each(["sandbox", "execd"])(
    "fails if the %s is dead, though its response ended cleanly",
    async (what) => {
      const { fetch, requests } = scripted({
        "POST code": [recorded(labelled(`lifecycle proxy: code run, ${what} killed after 4 s`))],
        "GET ping": [recorded(labelled(`lifecycle proxy: ping after ${what} killed`))],
        "DELETE code": [ok],
      });
      const run = new Codes(linkTo(PROXY, { fetch })).run("1");
      const failure = await failureOf(run);
      expect(failure).toMatchObject({
        name: "SandboxConnectionException",
        error: { code: "STREAM_CUT" },
        message: expect.stringContaining("behind a proxy"),
        execution: { stdout: "step 1\n" },
      });
      expect(requests.slice(0, 2)).toEqual(["POST code", "GET ping"]);
    },
  );

  test("resolves if execd responds to one ping", async () => {
    const { fetch, requests } = scripted({
      "POST code": [streamOf(INIT, COMPLETE, STDOUT)],
      "GET ping": [ok],
    });
    const { stdout } = await new Codes(linkTo(PROXY, { fetch })).run("1");
    expect([stdout, requests]).toEqual(["a", ["POST code", "GET ping"]]);
  });

  test.each(["via", "connection"])("detected by the header %s, is checked as well", async (header) => {
    const response = streamOf(INIT, COMPLETE, STDOUT)();
    response.headers.set(header, header === "via" ? "1.1 gateway" : "close");
    const { fetch, requests } = scripted({ "POST code": [() => response], "GET ping": [ok] });
    await new Codes(linkTo(DIRECT, { fetch })).run("1");
    expect(requests).toEqual(["POST code", "GET ping"]);
  });
});

test.each([
  ["directly", DIRECT, [INIT, COMPLETE, STDOUT]],
  ["through a proxy, with its completion last", PROXY, [INIT, STDOUT, COMPLETE]],
])("a run sends no second request: %s", async (_, url, chunks) => {
  const { fetch, requests } = scripted({ "POST code": [streamOf(...chunks)] });
  await new Codes(linkTo(url, { fetch })).run("1");
  expect(requests).toEqual(["POST code"]);
});

describe("after a lost response", () => {
  const CUT = "execd /proxy/44772: code run cut in order";
  const context = { id: "5c0047f6-e426-41c4-b593-64469fed838f", language: "python" } as const;

  test.each<[string, () => Response, string]>([
    ["a recorded cut", recorded(labelled(CUT)), "STREAM_CUT"],
    ["a break", brokenAfter(INIT), "STREAM_BROKEN"],
  ])("(%s), the context's next run interrupts and is sent again until it is free", async (_, lost, code) => {
    const busy = recorded(labelled("execd /proxy/44772: code run right after the cut"));
    const { fetch, requests } = scripted({
      "POST code": [lost, busy, busy, streamOf(INIT, STDOUT, COMPLETE)],
      "DELETE code": [ok, ok, ok],
    });
    const codes = new Codes(linkTo(PROXY, { fetch }));
    expect(await failureOf(codes.run("1", { context }))).toMatchObject({ error: { code } });
    const next = await codes.run("2", { context });
    expect(next.stdout).toBe("a");
    expect(requests).toEqual([
      "POST code",
      "DELETE code",
      "POST code",
      "DELETE code",
      "POST code",
      "DELETE code",
      "POST code",
    ]);
  });

  test("an interrupt of the run is sent", async () => {
    const { fetch, requests } = scripted({
      "POST code": [brokenAfter(INIT)],
      "DELETE code": [ok, ok],
    });
    const run = new Codes(linkTo(PROXY, { fetch })).run("1", { context });
    await failureOf(run);
    await run.interrupt();
    expect(requests).toEqual(["POST code", "DELETE code", "DELETE code"]);
  });
});

test("codes.interrupt of a run of this process is sent again until the run has ended", async () => {
  let end: (() => void) | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(INIT + STDOUT));
      end = () => {
        controller.enqueue(new TextEncoder().encode(COMPLETE));
        controller.close();
      };
    },
  });
  const { fetch, requests } = scripted({
    "POST code": [() => new Response(body)],
    "DELETE code": [
      ok,
      () => {
        end?.();
        return ok();
      },
    ],
  });
  const codes = new Codes(linkTo(DIRECT, { fetch }));
  const run = codes.run("1");
  for await (const { type } of run) if (type === "stdout") void codes.interrupt("context-1");
  expect((await run).stdout).toBe("a");
  expect(requests).toEqual(["POST code", "DELETE code", "DELETE code"]);
});
