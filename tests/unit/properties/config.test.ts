import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { ConnectionConfig, type ConnectionOptions } from "../../../src/connection.js";
import { InvalidArgumentException, isSandboxException } from "../../../src/errors.js";
import { redactUrl } from "../../../src/logging.js";
import { RUNS } from "./runs.js";

const text = fc.string({ unit: "binary", maxLength: 20 });
const domain = fc.oneof(
  text,
  fc.webUrl({ withQueryParameters: true, withFragments: true }),
  fc.ipV4(),
  fc.ipV6(),
  fc.ipV6().map((address) => `[${address}]:8080`),
  fc.domain(),
  fc.tuple(fc.domain(), fc.nat(70_000), fc.webPath()).map(([host, port, path]) => `${host}:${port}${path}`),
  fc
    .tuple(fc.constantFrom("HTTP://", "https://", "ftp://", "://", "//"), text)
    .map((parts) => parts.join("")),
);

function configOf(options: ConnectionOptions): ConnectionConfig | undefined {
  try {
    return new ConnectionConfig(options);
  } catch (error) {
    if (!(error instanceof InvalidArgumentException)) throw error;
    return undefined;
  }
}

test("any domain is refused, or gives a URL that means the same when it is read again", () => {
  fc.assert(
    fc.property(domain, fc.constantFrom("http" as const, "https" as const), (written, protocol) => {
      const config = configOf({ domain: written, protocol, apiKey: "k" });
      if (config === undefined) return;
      const url = new URL(config.baseUrl);
      expect([url.username, url.password, url.search, url.hash]).toEqual(["", "", "", ""]);
      expect(url.href).toBe(config.baseUrl);
      expect(configOf({ domain: config.domain, protocol: config.protocol })?.baseUrl).toBe(config.baseUrl);
      expect(configOf({ domain: config.baseUrl })?.baseUrl).toBe(config.baseUrl);
      expect(config.with({}).baseUrl).toBe(config.baseUrl);
    }),
    RUNS,
  );
});

test("any options are refused by an exception of the library, or give a config that shows no credential", () => {
  const secret = fc.stringMatching(/^[a-z0-9]{12,16}$/).map((name) => `secret-${name}`);
  const anything = fc.anything();
  const options = fc.record(
    {
      domain: fc.oneof(domain, anything),
      protocol: anything,
      requestTimeoutSeconds: anything,
      streamIdleTimeoutSeconds: fc.oneof(fc.double(), anything),
      useServerProxy: fc.oneof(fc.boolean(), anything),
      retryPolicy: fc.oneof(
        fc.record({ maxRetries: anything, onRetry: anything }, { requiredKeys: [] }),
        fc.constant(undefined),
      ),
      sandboxHeaders: fc.oneof(fc.dictionary(text, text), anything),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(options, secret, (given, credential) => {
      let config: ConnectionConfig | undefined;
      try {
        // What a caller without types may give.
        config = new ConnectionConfig({
          ...(given as ConnectionOptions),
          apiKey: credential,
          headers: { "X-A": credential },
        });
      } catch (error) {
        if (!isSandboxException(error)) throw error;
        expect(error.message).not.toContain(credential);
        return;
      }
      expect(Object.isFrozen(config)).toBe(true);
      expect(
        `${config.toString()}${JSON.stringify(config)}${JSON.stringify(Object.entries(config))}`,
      ).not.toContain(credential);
    }),
    RUNS,
  );
});

test("any endpoint that a server gives is refused, or is a URL without user, query and fragment", () => {
  const config = new ConnectionConfig({ domain: "https://api.test/prefix", useServerProxy: true });
  const endpoint = fc.oneof(
    domain,
    fc
      .tuple(fc.domain(), fc.constantFrom("", "/v1"), fc.webPath())
      .map(([host, version, path]) => `${host}${version}/sandboxes/sb/proxy/1${path}`),
  );
  fc.assert(
    fc.property(endpoint, (given) => {
      let url: string;
      try {
        url = config.resolveEndpointUrl(given);
      } catch (error) {
        if (!isSandboxException(error)) throw error;
        return;
      }
      const { username, password, search, hash, protocol } = new URL(url);
      expect([username, password, search, hash]).toEqual(["", "", "", ""]);
      expect(["http:", "https:"]).toContain(protocol);
      expect(typeof config.isServerProxyUrl(url)).toBe("boolean");
    }),
    RUNS,
  );
});

test("no credential of a URL is left in what is logged of it", () => {
  const secret = fc.stringMatching(/^[a-z]{10,16}$/).map((name) => `zz${name}zz`);
  const name = fc.constantFrom(
    "token",
    "access_token",
    "accessToken",
    "X-Amz-Signature",
    "sig",
    "api-key",
    "password",
  );
  fc.assert(
    fc.property(fc.webUrl(), secret, name, (url, credential, parameter) => {
      const { host, pathname } = new URL(url);
      for (const given of [
        `https://user:${credential}@${host}${pathname}`,
        `//${credential}@${host}`,
        `${url}?a=b&${parameter}=${credential}&c=d`,
        `${url}?a=b#${credential}`,
      ]) {
        expect(redactUrl(given)).not.toContain(credential);
      }
    }),
    RUNS,
  );
});
