import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "@jest/globals";
import { isSandboxException, SandboxApiException, SandboxRateLimitException } from "../../src/errors.js";
import { Codes } from "../../src/services/codes.js";
import { Commands } from "../../src/services/commands.js";
import { Files } from "../../src/services/files.js";
import { Metrics } from "../../src/services/metrics.js";
import type { SandboxLink } from "../../src/services/link.js";
import { FaultServer, type Framing } from "../helpers/fault-server.js";
import { SDK_CALLS, type SdkCall } from "../helpers/faults/sdk-calls.js";
import {
  countCases,
  expectSurvival,
  withFaultServer,
  outcomeOf,
  QUICK_RETRIES,
  REQUEST_ID,
  reportCases,
  type Expected,
} from "../helpers/faults/survival.js";

afterAll(() => reportCases("answers"));

const ID = { "x-request-id": REQUEST_ID };
const type = SandboxApiException;
const isGet = ({ name }: SdkCall): boolean => name === "get" || name === "download";
const isRun = ({ name }: SdkCall): boolean => ["code", "stream", "command"].includes(name);
const each = SDK_CALLS.map((call) => [call.name, call] as const);

describe("an empty response is a success only for operations without a result:", () => {
  test.each(each)("%s", async (name, call) => {
    for (const framing of ["length", "chunked", "until-close"] as const satisfies Framing[]) {
      const expected: Expected = isRun(call)
        ? { code: "STREAM_CUT", hasRequestId: true, printed: "" }
        : name === "upload"
          ? "ok"
          : name === "download"
            ? { value: 0 }
            : { type, code: "UNEXPECTED_RESPONSE", statusCode: 200, hasRequestId: true };
      await expectSurvival(call, (exchange) => exchange.answer(200, "", ID, framing), expected);
    }
    const fault = (exchange: { write(text: string): unknown; isAnswered: boolean }): void => {
      exchange.isAnswered = true;
      exchange.write(`HTTP/1.1 204 No Content\r\nx-request-id: ${REQUEST_ID}\r\n\r\n`);
    };
    await expectSurvival(
      call,
      fault,
      name === "upload" ? "ok" : { type, code: "UNEXPECTED_RESPONSE", statusCode: 204, hasRequestId: true },
    );
  });
});

describe("an error response of any shape keeps the server's message:", () => {
  const shapes: readonly (readonly [string, string, string | undefined, RegExp])[] = [
    ["code and message", '{"code":"SOME::CODE","message":"it said so"}', "SOME::CODE", /^it said so$/],
    [
      "a list of details",
      '{"detail":[{"loc":["body","a"],"msg":"it said so"}]}',
      undefined,
      /body\.a: it said so/,
    ],
    ["a detail", '{"detail":"it said so"}', undefined, /^it said so$/],
    ["an error", '{"error":"it said so"}', undefined, /^it said so$/],
    ["plain text", "it said so", undefined, /^it said so$/],
    ["a gateway's HTML", "<html><head><title>it said so</title></head></html>", undefined, /gateway/],
    ["nothing", "", undefined, /^[A-Z]+ \/\S+ failed: \d{3} .*\(empty body\)\.$/],
  ];
  describe.each(each)("%s", (_, call) => {
    test.each(shapes)("%s", async (_, body, code = "UNEXPECTED_RESPONSE", message) => {
      for (const statusCode of [400, 401, 403, 404, 408, 409, 422, 425, 429, 500, 501, 502, 503, 504, 520]) {
        const isRetried = isGet(call) && [408, 425, 429, 502, 503, 504].includes(statusCode);
        await expectSurvival(call, (exchange) => exchange.answer(statusCode, body, ID), {
          type: statusCode === 429 ? SandboxRateLimitException : type,
          code,
          statusCode,
          message,
          hasRequestId: true,
          attempts: isRetried ? 3 : 1,
          printed: "",
        });
      }
    });
  });
});

test("a gateway's HTML with status 200 is not a success", async () => {
  for (const call of SDK_CALLS.filter(({ name }) => name !== "upload" && name !== "download")) {
    const html = "<!doctype html>\n<title>Sign in</title>\n";
    await expectSurvival(
      call,
      (exchange) => exchange.answer(200, html, { "content-type": "text/html", ...ID }),
      {
        code: isRun(call) ? "STREAM_MALFORMED" : "UNEXPECTED_RESPONSE",
        hasRequestId: true,
        printed: "",
      },
    );
  }
});

describe("a compressed response", () => {
  const packed = { "content-encoding": "gzip", ...ID };
  test.each(each)("is decompressed, and fails if it breaks: %s", async (name, call) => {
    if (name === "upload") return;
    const bytes = gzipSync(call.body);
    for (const framing of ["length", "chunked"] as const) {
      const fault = { ...packed, ...call.headers };
      await expectSurvival(call, (exchange) => exchange.answer(200, bytes, fault, framing), "ok");
    }
    const isStreamed = isRun(call) || name === "download";
    const broken = Buffer.from(bytes).fill(0xff, 12, 40);
    await expectSurvival(call, (exchange) => exchange.answer(200, broken, packed), {
      code: isStreamed ? "STREAM_BROKEN" : "CONNECTION",
      hasRequestId: true,
      printed: "",
    });
  });
});

describe("a redirect is an error that names the location:", () => {
  test.each(each)("%s", async (_, call) => {
    let strayed = 0;
    await using other = await FaultServer.start((exchange) => {
      strayed += 1;
      exchange.answer(200, call.body, call.headers);
    });
    for (const statusCode of [300, 301, 302, 303, 307, 308, 399]) {
      for (const location of ["/elsewhere", call.route[1], `${other.origin}/x?token=secret`]) {
        await expectSurvival(call, (exchange) => exchange.answer(statusCode, "", { location, ...ID }), {
          type,
          code: "UNEXPECTED_RESPONSE",
          statusCode,
          attempts: 1,
          hasRequestId: true,
          message: new RegExp(location.replace("secret", "***").replace(/[?*]/g, "\\$&")),
        });
      }
    }
    expect(strayed).toBe(0);
  });
});

describe("a success with an unexpected body is read safely, or throws a SandboxException:", () => {
  const calls: readonly (readonly [string, (link: SandboxLink) => Promise<unknown>])[] = [
    ["listContexts", (link) => new Codes(link).listContexts()],
    ["getContext", (link) => new Codes(link).getContext("c")],
    ["createContext", (link) => new Codes(link).createContext("python")],
    ["getStatus", (link) => new Commands(link).getStatus("c")],
    ["getLogs", (link) => new Commands(link).getLogs("c")],
    ["createSession", (link) => new Commands(link).createSession()],
    ["getFileInfo", (link) => new Files(link).getFileInfo(["a"])],
    ["search", (link) => new Files(link).search("a")],
    ["listDirectory", (link) => new Files(link).listDirectory("a")],
    [
      "replaceContents",
      (link) => new Files(link).replaceContents([{ path: "a", oldContent: "b", newContent: "c" }]),
    ],
    ["getMetrics", (link) => new Metrics(link).getMetrics()],
  ];
  const bodies = [
    "null",
    "true",
    "5",
    '"text"',
    "[]",
    "{}",
    "[null]",
    "[5]",
    "[[]]",
    "[{}]",
    '{"a":null}',
    '{"a":5}',
    '{"a":{}}',
    '[{"id":5,"language":"python"}]',
    '{"id":5,"language":[]}',
    '{"a":{"path":5,"size":"x","modified_at":7}}',
    '{"cpu_count":"x","timestamp":null}',
    '{"id":{},"running":"yes","started_at":"never"}',
    "{not json",
    "\u{feff}{}",
  ];
  test.each(calls)("%s", async (_, call) => {
    for (const body of bodies) {
      await withFaultServer(
        (exchange) => exchange.answer(200, body, { "content-type": "application/json", ...ID }),
        async ({ link }) => {
          countCases(1);
          const outcome = await outcomeOf(call(link));
          if (!("error" in outcome)) return;
          if (!isSandboxException(outcome.error))
            throw new Error(`Failed for the body ${body}.`, { cause: outcome.error });
          expect(outcome.error.sandboxId).toBe("sandbox-1");
        },
        { retryPolicy: QUICK_RETRIES },
      );
    }
  });
});
