import { expect, test } from "@jest/globals";
import { pino } from "pino";
import { guardLogger, isLogger, redactHeaders, redactUrl } from "../../src/logging.js";

test.each([
  ["http://user:pass@host/v1", "http://***@host/v1"],
  ["//user@host/x", "//***@host/x"],
  ["/files?path=/a@b&token=abc", "/files?path=/a@b&token=***"],
  ["/x?access_token=abc&accessToken=abc&page=2", "/x?access_token=***&accessToken=***&page=2"],
  ["/x?X-Amz-Signature=abc&X-Amz-Date=today", "/x?X-Amz-Signature=***&X-Amz-Date=today"],
  ["/x?apiKey=1&api-key=2&sig=3&password=4", "/x?apiKey=***&api-key=***&sig=***&password=***"],
  ["/x?monkey=1&design=2&author=3", "/x?monkey=1&design=2&author=3"],
  ["https://sb1-8080-tl3k9z-0a1b2c3dk.example.com/a", "https://sb1-8080-tl3k9z-***.example.com/a"],
  ["https://gw.example.com/sb1/8080/tl3k9z/0a1b2c3dk/a", "https://gw.example.com/sb1/8080/tl3k9z/***/a"],
  ["/callback?x=1#access_token=abc", "/callback?x=1#***"],
  [
    "http://127.0.0.1:8080/sandboxes/abc/proxy/44772/code",
    "http://127.0.0.1:8080/sandboxes/abc/proxy/44772/code",
  ],
])("the URL %s is logged as %s", (url, shown) => {
  expect(redactUrl(url)).toBe(shown);
});

test("only the names of headers are logged", () => {
  expect(redactHeaders({ "X-Any": "secret", accept: "*/*" })).toEqual({ "X-Any": "***", accept: "***" });
});

test("console and pino are loggers; an object without one of the levels is not", () => {
  expect(isLogger(console)).toBe(true);
  expect(isLogger(pino({ enabled: false }))).toBe(true);
  expect(isLogger({ debug: () => undefined, info: () => undefined, warn: () => undefined })).toBe(false);
  expect(isLogger(null)).toBe(false);
});

test("a guarded logger keeps its `this`", () => {
  const seen: string[] = [];
  class Keeping {
    readonly seen = seen;
    debug(message: string): void {
      this.seen.push(message);
    }
    info(): void {
      throw new Error("unused");
    }
    warn(): void {
      throw new Error("unused");
    }
    error(): void {
      throw new Error("unused");
    }
  }
  guardLogger(new Keeping()).debug("hello");
  expect(seen).toEqual(["hello"]);
});

test("neither a logger that throws nor one that rejects breaks its caller", async () => {
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", onUnhandled);
  const throwing = (): never => {
    throw new Error("the disk is full");
  };
  const rejecting = (): Promise<never> => Promise.reject(new Error("the network is down"));
  const source: unknown = { debug: throwing, info: rejecting, warn: rejecting, error: throwing };
  if (!isLogger(source)) throw new Error("It is one.");
  const logger = guardLogger(source);
  logger.debug("a");
  logger.info("b");
  logger.warn("c");
  logger.error("d");
  // Node reports unhandled rejections after the microtasks of a turn.
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", onUnhandled);
  expect(unhandled).toEqual([]);
});
