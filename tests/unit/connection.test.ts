import { inspect } from "node:util";
import { WebSocket } from "ws";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { ConnectionConfig, type ConnectionOptions } from "../../src/connection.js";
import { InvalidArgumentException, SandboxException } from "../../src/errors.js";
import { RetryPolicy } from "../../src/retry-policy.js";

const saved = { ...process.env };
beforeEach(() => {
  delete process.env["OPEN_SANDBOX_DOMAIN"];
  delete process.env["OPEN_SANDBOX_API_KEY"];
});
afterEach(() => {
  for (const name of ["OPEN_SANDBOX_DOMAIN", "OPEN_SANDBOX_API_KEY"]) {
    if (saved[name] === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = saved[name];
  }
});

describe("the base URL", () => {
  test.each([
    [{}, "http://localhost:8080/v1"],
    [{ domain: "example.com" }, "http://example.com/v1"],
    [{ domain: "example.com:9", protocol: "https" }, "https://example.com:9/v1"],
    [{ domain: "https://example.com" }, "https://example.com/v1"],
    [{ domain: "http://example.com", protocol: "https" }, "http://example.com/v1"],
    [{ domain: "HTTPS://Example.com/" }, "https://example.com/v1"],
    [{ domain: "example.com/v1" }, "http://example.com/v1"],
    [{ domain: "example.com/v1//" }, "http://example.com/v1"],
    [{ domain: "https://example.com/api/sandbox/" }, "https://example.com/api/sandbox/v1"],
    [{ domain: "https://example.com/api/v1/" }, "https://example.com/api/v1"],
    [{ domain: "https://example.com/v12" }, "https://example.com/v12/v1"],
    [{ domain: "example.com:80" }, "http://example.com/v1"],
    [{ domain: "::1" }, "http://[::1]/v1"],
    [{ domain: "[::1]:8080" }, "http://[::1]:8080/v1"],
    [{ domain: "fe80::1/prefix" }, "http://[fe80::1]/prefix/v1"],
    [{ domain: "http://[2001:db8::1]:8080/v1" }, "http://[2001:db8::1]:8080/v1"],
  ] as [ConnectionOptions, string][])("of %j is %s", (options, baseUrl) => {
    expect(new ConnectionConfig(options).baseUrl).toBe(baseUrl);
  });

  test("the protocol may be written in any case", () => {
    const options: Record<string, unknown> = { protocol: "HTTPS" };
    expect(new ConnectionConfig(options).baseUrl).toBe("https://localhost:8080/v1");
  });
});

describe("the environment", () => {
  test("supplies the address and the key that options leave out", () => {
    process.env["OPEN_SANDBOX_DOMAIN"] = "https://env.example.com/";
    process.env["OPEN_SANDBOX_API_KEY"] = "env-key";
    const config = new ConnectionConfig();
    expect(config.baseUrl).toBe("https://env.example.com/v1");
    expect(config.apiKey).toBe("env-key");
  });

  test("is overridden by explicit options; an empty key means none", () => {
    process.env["OPEN_SANDBOX_DOMAIN"] = "env.example.com";
    process.env["OPEN_SANDBOX_API_KEY"] = "env-key";
    expect(new ConnectionConfig({ domain: "option", apiKey: "option-key" })).toMatchObject({
      domain: "option",
      apiKey: "option-key",
    });
    expect(new ConnectionConfig({ apiKey: "" }).apiKey).toBeUndefined();
  });

  test("counts as unset if it is empty", () => {
    process.env["OPEN_SANDBOX_DOMAIN"] = "";
    process.env["OPEN_SANDBOX_API_KEY"] = "";
    expect(new ConnectionConfig()).toMatchObject({ domain: "localhost:8080", apiKey: undefined });
  });

  test("is named in the error if it is not valid", () => {
    process.env["OPEN_SANDBOX_API_KEY"] = "key\n";
    expect(() => new ConnectionConfig()).toThrow(
      new InvalidArgumentException(
        "the environment variable OPEN_SANDBOX_API_KEY must be a string without line breaks, other control characters, " +
          "characters beyond Latin-1, and whitespace at its ends.",
      ),
    );
  });
});

describe("an invalid option is named in the error:", () => {
  test.each([
    [{ domain: "" }, /^domain is not a valid host/],
    [{ domain: " example.com" }, /^domain must not contain whitespace/],
    [{ domain: "exam\u0000ple.com" }, /^domain must not contain whitespace or control/],
    [{ domain: "ftp://example.com" }, /^domain has the scheme "ftp"/],
    [{ domain: "http://http://example.com" }, /^domain is not a valid host/],
    [{ domain: "user:secret@example.com" }, /^domain must not contain a user/],
    [{ domain: "https://user:secret@example.com" }, /^domain must not contain a user/],
    [{ domain: "example.com?x=1" }, /^domain must not contain a query/],
    [{ domain: "example.com#x" }, /^domain must not contain a query or a fragment/],
    [{ domain: "http://" }, /^domain is not a valid host/],
    [{ domain: "example.com:99999" }, /^domain is not a valid host/],
    [{ domain: "[::1" }, /^domain is not a valid host/],
    [{ domain: "a\\b" }, /^domain is not a valid host/],
    [{ domain: 8080 }, /^domain must be a string; got 8080/],
    [{ protocol: "ws" }, /^protocol must be "http" or "https"; got "ws"/],
    [{ apiKey: "a\r\nb" }, /^apiKey must be a string without line breaks/],
    [{ apiKey: "ключ" }, /^apiKey must be a string without .* characters beyond Latin-1/],
    [{ apiKey: null }, /^apiKey must be a string; got null/],
    [{ headers: { "X-A": "a\u0007" } }, /^headers\["X-A"\] must be a string without .*control/],
    [{ headers: { "X A": "a" } }, /^headers\["X A"\] is not a valid header name/],
    [{ headers: { "X-A": 1 } }, /^headers\["X-A"\] must be a string/],
    [{ headers: { "X-A": "1", "x-a": "2" } }, /^headers\["x-a"\] is given twice/],
    [{ headers: { "Content-Length": "1" } }, /^headers\["Content-Length"\]: the HTTP client sets/],
    [{ headers: ["a"] }, /^headers must be an object/],
    [{ headers: new Headers({ a: "b" }) }, /^headers must be an object/],
    [{ sandboxHeaders: { "X-A": "a\nb" } }, /^sandboxHeaders\["X-A"\] must be a string without line breaks/],
    [{ requestTimeoutSeconds: -1 }, /^requestTimeoutSeconds must be a positive number of seconds.*got -1/],
    [{ requestTimeoutSeconds: Number.NaN }, /^requestTimeoutSeconds .*got NaN/],
    [{ streamIdleTimeoutSeconds: Number.POSITIVE_INFINITY }, /^streamIdleTimeoutSeconds .*got Infinity/],
    [{ streamIdleTimeoutSeconds: "30" }, /^streamIdleTimeoutSeconds .*got "30"/],
    [{ maxFrameBytes: 0 }, /^maxFrameBytes must be an integer of at least 1; got 0/],
    [{ maxFrameBytes: null }, /^maxFrameBytes .*got null/],
    [{ maxResponseBytes: 1.5 }, /^maxResponseBytes .*got 1.5/],
    [{ maxResponseBytes: "1" }, /^maxResponseBytes .*got "1"/],
    [{ useServerProxy: "yes" }, /^useServerProxy must be true or false/],
    [{ fetch: "fetch" }, /^fetch must be a function/],
    [{ logger: { debug: () => undefined } }, /^logger must be an object with the methods/],
    [{ retryPolicy: { maxRetries: 1.5 } }, /^retryPolicy\.maxRetries must be an integer of at least 0/],
    [{ retryPolicy: { initialBackoffMillis: 10, maxBackoffMillis: 5 } }, /^retryPolicy\.maxBackoffMillis/],
    [{ retryPolicy: { deadlineSeconds: Number.NaN } }, /^retryPolicy\.deadlineSeconds/],
    [{ retryPolicy: { retryablePostStatuses: [200] } }, /^retryPolicy\.retryablePostStatuses/],
    [{ retryPolicy: { onRetry: 1 } }, /^retryPolicy\.onRetry/],
  ] as [Record<string, unknown>, RegExp][])("%j", (options, message) => {
    const make = (): ConnectionConfig => new ConnectionConfig(options);
    expect(make).toThrow(InvalidArgumentException);
    expect(make).toThrow(message);
  });

  test("the message does not contain a value that may be a credential", () => {
    expect(() => new ConnectionConfig({ domain: "https://user:hunter2@example.com" })).not.toThrow(/hunter2/);
    expect(() => new ConnectionConfig({ apiKey: "hunter2\n" })).not.toThrow(/hunter2/);
  });
});

test("0 and null disable a timeout; both are 30 s by default", () => {
  expect(new ConnectionConfig({ requestTimeoutSeconds: 0, streamIdleTimeoutSeconds: null })).toMatchObject({
    requestTimeoutSeconds: null,
    streamIdleTimeoutSeconds: null,
  });
  expect(new ConnectionConfig()).toMatchObject({ requestTimeoutSeconds: 30, streamIdleTimeoutSeconds: 30 });
});

test("a config is frozen, and so are the headers in it; later changes of the options do not reach it", () => {
  const headers = { "X-A": "1" };
  const config = new ConnectionConfig({ headers });
  headers["X-A"] = "2";
  expect(config.headers).toEqual({ "X-A": "1" });
  expect(Object.isFrozen(config)).toBe(true);
  expect(Object.isFrozen(config.headers)).toBe(true);
});

test("from() returns a config unchanged and creates one from options", () => {
  const config = new ConnectionConfig();
  expect(ConnectionConfig.from(config)).toBe(config);
  expect(ConnectionConfig.from({ domain: "x" }).domain).toBe("x");
  expect(ConnectionConfig.from(undefined).domain).toBe("localhost:8080");
});

const warn = jest.fn();
/** Sets every option to a value other than its default. The type check fails if an option is missing. */
const EVERY_OPTION: { readonly [Name in keyof ConnectionOptions]-?: NonNullable<ConnectionOptions[Name]> } = {
  domain: "example.com/prefix",
  protocol: "https",
  apiKey: "k",
  headers: { a: "1" },
  sandboxHeaders: { b: "2" },
  requestTimeoutSeconds: 1,
  streamIdleTimeoutSeconds: 2,
  maxFrameBytes: 3,
  maxResponseBytes: 4,
  useServerProxy: true,
  retryPolicy: RetryPolicy.disabled,
  fetch: () => Promise.resolve(new Response()),
  webSocket: WebSocket,
  logger: { debug: jest.fn(), info: jest.fn(), warn, error: jest.fn() },
};
const OPTION_NAMES = Object.keys(EVERY_OPTION) as (keyof ConnectionOptions)[];

describe.each<[string, (config: ConnectionConfig) => ConnectionConfig]>([
  ["with()", (config) => config.with({})],
  [
    "the constructor, which two copies of the package may use on each other's configs",
    (config) => new ConnectionConfig(config),
  ],
])("%s", (way, copy) => {
  const config = new ConnectionConfig(EVERY_OPTION);

  test.each(OPTION_NAMES.filter((name) => name !== "logger"))("keeps the option %s", (name) => {
    expect(config[name]).toEqual(EVERY_OPTION[name]);
    expect(new ConnectionConfig()[name]).not.toEqual(EVERY_OPTION[name]);
    expect(copy(config)[name]).toEqual(EVERY_OPTION[name]);
  });

  test("keeps the option logger, which is wrapped", () => {
    copy(config).logger?.warn(`through ${way}`);
    expect(warn).toHaveBeenLastCalledWith(`through ${way}`);
  });
});

test("with() replaces the given options and keeps the rest, including a missing key", () => {
  const config = new ConnectionConfig({
    domain: "https://example.com/prefix",
    apiKey: "",
    requestTimeoutSeconds: null,
  });
  process.env["OPEN_SANDBOX_API_KEY"] = "env-key";
  expect(config.with({ useServerProxy: true, domain: undefined })).toMatchObject({
    baseUrl: "https://example.com/prefix/v1",
    apiKey: undefined,
    requestTimeoutSeconds: null,
    useServerProxy: true,
  });
});

test("printing it shows the names of headers, but neither their values nor the key", () => {
  const config = new ConnectionConfig({
    apiKey: "secret-key",
    headers: { "X-Custom": "secret-value" },
    sandboxHeaders: { "X-Gateway": "secret-gateway" },
  });
  const prints = [
    String(config),
    JSON.stringify(config),
    JSON.stringify({ config }),
    inspect(config),
    inspect({ deep: [config] }),
    inspect(config, { customInspect: false, showHidden: true }),
    JSON.stringify(Object.assign({}, config)),
    JSON.stringify(Object.entries(config)),
  ];
  for (const print of prints) expect(print).not.toContain("secret");
  expect(String(config)).toContain("X-Custom");
  expect(inspect(config)).toContain("X-Gateway");
});

describe("the URL of an endpoint", () => {
  const proxy = "/sandboxes/sb/proxy/44772";
  test.each([
    [{}, "10.0.0.1:44772", "http://10.0.0.1:44772"],
    [{ protocol: "https" }, "sb-44772.example.com", "https://sb-44772.example.com"],
    [{}, "10.0.0.1:40000/proxy/3000/", "http://10.0.0.1:40000/proxy/3000"],
    [{ protocol: "https" }, "http://10.0.0.1:44772", "http://10.0.0.1:44772"],
    [{}, "HTTPS://eip.example.com:1/x", "https://eip.example.com:1/x"],
    [{ useServerProxy: true }, `localhost:8080${proxy}`, `http://localhost:8080${proxy}`],
    [{ useServerProxy: true }, `localhost:8080/v1${proxy}`, `http://localhost:8080/v1${proxy}`],
    // The operator's own address for the proxy is kept.
    [{ useServerProxy: true }, `203.0.113.7:8080${proxy}`, `http://203.0.113.7:8080${proxy}`],
    // A gateway with a path prefix: the server knows neither it nor, at times, the host.
    [{ useServerProxy: true, domain: "https://gw/api" }, `gw${proxy}`, `https://gw/api${proxy}`],
    [{ useServerProxy: true, domain: "https://gw/api" }, `gw/v1${proxy}`, `https://gw/api/v1${proxy}`],
    [{ useServerProxy: true, domain: "https://gw/api/v1" }, `inside:80${proxy}`, `https://gw/api${proxy}`],
    // A gateway that ends TLS.
    [{ useServerProxy: true, domain: "https://gw" }, `http://gw${proxy}`, `https://gw${proxy}`],
    // Without the proxy option the same path belongs to another service.
    [{ domain: "https://gw/api" }, `gw${proxy}`, `https://gw${proxy}`],
    // A direct address in spite of the proxy option is kept.
    [{ useServerProxy: true, domain: "https://gw/api" }, "10.0.0.1:44772", "https://10.0.0.1:44772"],
  ] as [ConnectionOptions, string, string][])("with %j, of %s, is %s", (options, endpoint, url) => {
    expect(new ConnectionConfig(options).resolveEndpointUrl(endpoint)).toBe(url);
  });

  test.each(["", "ftp://x", "a b", "user:pw@host", "host?x=1", "host:port", "://"])(
    "%j is refused",
    (endpoint) => {
      const resolve = (): string => new ConnectionConfig().resolveEndpointUrl(endpoint);
      expect(resolve).toThrow(SandboxException);
      expect(resolve).toThrow(/endpoint that is not valid/);
      expect(resolve).not.toThrow(/pw/);
    },
  );
});
