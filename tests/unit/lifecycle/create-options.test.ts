import { describe, expect, test } from "@jest/globals";
import { InvalidArgumentException } from "../../../src/errors.js";
import {
  assertConnectOptions,
  CODE_INTERPRETER_ENTRYPOINT,
  CODE_INTERPRETER_IMAGE,
  resolveCreateBody,
  type CreateBody,
  type CreateOptions,
} from "../../../src/lifecycle/create-options.js";
import { assertFurtherOptions } from "../../../src/lifecycle/further-options.js";

function bodyOf(options: Record<string, unknown>): CreateBody {
  const body = resolveCreateBody(options);
  assertFurtherOptions(options);
  return body;
}

const IDLE = ["tail", "-f", "/dev/null"];
const LIMITS = { cpu: "1", memory: "2Gi" };

const hooks = {
  preStart: { command: ["npm", "ci"], timeoutSeconds: 600 },
  periodic: [{ name: "clean", schedule: "0 3 * * *", command: ["rm", "-rf", "/tmp/cache"] }],
};

describe("the body of a creation", () => {
  test("has the code-interpreter image and its entrypoint by default", () => {
    expect(bodyOf({})).toEqual({
      image: { uri: "opensandbox/code-interpreter:v1.1.0" },
      entrypoint: ["/opt/code-interpreter/code-interpreter.sh"],
      resourceLimits: LIMITS,
      timeout: 600,
    });
    expect(bodyOf({ image: CODE_INTERPRETER_IMAGE }).entrypoint).toEqual(CODE_INTERPRETER_ENTRYPOINT);
  });

  test("keeps another image running", () => {
    expect(bodyOf({ image: "python:3.12" })).toEqual({
      image: { uri: "python:3.12" },
      entrypoint: IDLE,
      resourceLimits: LIMITS,
      timeout: 600,
    });
  });

  test("of a snapshot leaves image and entrypoint to the server", () => {
    expect(bodyOf({ snapshotId: "snap" })).toEqual({
      snapshotId: "snap",
      resourceLimits: LIMITS,
      timeout: 600,
    });
    expect(bodyOf({ snapshotId: "snap", entrypoint: ["x"] }).entrypoint).toEqual(["x"]);
  });

  test("of a pool leaves image, entrypoint and limits to the pool, unless they are given", () => {
    expect(bodyOf({ extensions: { poolRef: "p" } })).toEqual({ extensions: { poolRef: "p" }, timeout: 600 });
    expect(bodyOf({ extensions: { poolRef: "p" }, image: "a", resource: { cpu: "2" } })).toEqual({
      image: { uri: "a" },
      entrypoint: IDLE,
      resourceLimits: { cpu: "2" },
      extensions: { poolRef: "p" },
      timeout: 600,
    });
  });

  const volume = { name: "data", mountPath: "/data", readOnly: true, subPath: "a/b" };
  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ["an end", { timeoutSeconds: 60 }, { timeout: 60 }],
    [
      "an image's credentials",
      imageWith({ username: "u", password: "p" }),
      imageWith({ username: "u", password: "p" }),
    ],
    ["an entrypoint", { entrypoint: ["sleep", ""] }, { entrypoint: ["sleep", ""] }],
    ["env", { env: { A: "", "B.c": "=" } }, { env: { A: "", "B.c": "=" } }],
    [
      "metadata",
      { metadata: { "example.com/a": "", b: "x.y_z-1" } },
      { metadata: { "example.com/a": "", b: "x.y_z-1" } },
    ],
    ["limits", { resource: {} }, { resourceLimits: {} }],
    ["requests", { resourceRequests: { cpu: "100m" } }, { resourceRequests: { cpu: "100m" } }],
    ["a network policy", policy(), policy()],
    [
      "a credential proxy",
      { ...policy(), credentialProxy: { enabled: true } },
      { credentialProxy: { enabled: true } },
    ],
    [
      "a credential proxy that is off",
      { credentialProxy: { enabled: false } },
      { credentialProxy: { enabled: false } },
    ],
    ["hooks", { lifecycle: hooks }, { lifecycle: hooks }],
    [
      "a host volume",
      { volumes: [{ ...volume, host: { path: "C:\\x" } }] },
      { volumes: [{ ...volume, host: { path: "C:\\x" } }] },
    ],
    [
      "a claim",
      { volumes: [{ ...volume, pvc: { claimName: "c" } }] },
      { volumes: [{ ...volume, pvc: { claimName: "c" } }] },
    ],
    [
      "a bucket",
      { volumes: [{ ...volume, ossfs: bucket() }] },
      { volumes: [{ ...volume, ossfs: bucket() }] },
    ],
    [
      "a platform",
      { platform: { os: "linux", arch: "arm64" } },
      { platform: { os: "linux", arch: "arm64" } },
    ],
    ["secure access", { secureAccess: true }, { secureAccess: true }],
    [
      "extensions",
      { extensions: { "opensandbox.extensions.a": "b" } },
      { extensions: { "opensandbox.extensions.a": "b" } },
    ],
  ])("has %s", (_, options, expected) => {
    expect(bodyOf(options)).toMatchObject(expected);
  });

  test("has only what a template leaves open", () => {
    const open = { metadata: { a: "b" }, networkPolicy: {}, extensions: { c: "d" } };
    expect(bodyOf({ templateId: "t", ...open })).toEqual({ templateId: "t", timeout: 600, ...open });
    expect(() => bodyOf({ templateId: "t", image: "python" })).toThrow("templateId excludes image.");
    expect(() => bodyOf({ templateId: "t", snapshotId: "s" })).toThrow("templateId excludes snapshotId.");
    expect(() => bodyOf({ templateId: "t", resource: {} })).toThrow("templateId excludes resource.");
    expect(() => bodyOf({ templateId: "t", lifecycle: hooks })).toThrow("templateId excludes lifecycle.");
    expect(() => bodyOf({ templateId: "t", timeoutSeconds: null })).toThrow("needs a timeoutSeconds");
    expect(() => bodyOf({ templateId: " " })).toThrow("templateId must not be blank.");
  });

  test("has no timeout if the sandbox is not to expire", () => {
    expect(bodyOf({ timeoutSeconds: null })).not.toHaveProperty("timeout");
  });

  test("has no field for an undefined option", () => {
    const options: Record<keyof CreateOptions, undefined> = {
      image: undefined,
      snapshotId: undefined,
      templateId: undefined,
      entrypoint: undefined,
      env: undefined,
      metadata: undefined,
      resource: undefined,
      resourceRequests: undefined,
      timeoutSeconds: undefined,
      networkPolicy: undefined,
      credentialProxy: undefined,
      lifecycle: undefined,
      volumes: undefined,
      platform: undefined,
      secureAccess: undefined,
      extensions: undefined,
      createTimeoutSeconds: undefined,
      onProgress: undefined,
      readyTimeoutSeconds: undefined,
      healthCheckPollingIntervalMillis: undefined,
      connectionConfig: undefined,
      skipHealthCheck: undefined,
      killOnDispose: undefined,
      signal: undefined,
    };
    expect(JSON.stringify(bodyOf(options))).toBe(JSON.stringify(bodyOf({})));
    expect(() => assertConnectOptions(options)).not.toThrow();
  });

  test("is a copy: later changes by the caller are not sent", () => {
    const env = { A: "1" };
    const body = bodyOf({ env });
    env.A = "2";
    expect(body.env).toEqual({ A: "1" });
  });

  test("refuses what JSON cannot hold", () => {
    expect(() => bodyOf({ volumes: [5n] })).toThrow(InvalidArgumentException);
  });
});

describe("refuses", () => {
  const volume = { name: "v", mountPath: "/v", host: { path: "/h" } };
  test.each<[string, Record<string, unknown>]>([
    ["image and snapshotId exclude", { image: "a", snapshotId: "b" }],
    ["image must not be blank", { image: " " }],
    ["image must be a string", { image: 5 }],
    ["image must not be null", { image: null }],
    ["volumes.0.host must not be null", { volumes: [{ ...volume, host: null }] }],
    ["networkPolicy.egress.0 must not be null", { networkPolicy: { egress: [null] } }],
    ["image must be a string", { image: {} }],
    ["image.auth.username", imageWith({ password: "p" })],
    ["image.auth.password", imageWith({ username: "u", password: "" })],
    ["snapshotId must not be blank", { snapshotId: "" }],
    ["snapshotId and extensions.poolRef exclude", { snapshotId: "a", extensions: { poolRef: "p" } }],
    ["entrypoint must be", { entrypoint: [] }],
    ["entrypoint must be", { entrypoint: "sh" }],
    ["entrypoint must be", { entrypoint: [1] }],
    ["env.A must be a string", { env: { A: 1 } }],
    ["env: ", { env: { "A=B": "" } }],
    ["env.A must not contain NUL", { env: { A: "\0" } }],
    ["metadata must be an object", { metadata: [] }],
    ["metadata.a must be a string", { metadata: { a: null } }],
    ['metadata["a b"] must have a valid label key', { metadata: { "a b": "" } }],
    ['metadata["a/b/c"] must have a valid label key', { metadata: { "a/b/c": "" } }],
    ['metadata["-a"] must have a valid label key', { metadata: { "-a": "" } }],
    ["valid label key", { metadata: { ["a".repeat(64)]: "" } }],
    ["valid label key", { metadata: { [`${"a".repeat(254)}/a`]: "" } }],
    ["is reserved", { metadata: { "opensandbox.io/a": "" } }],
    ['metadata["a"] must be a valid label value', { metadata: { a: "x".repeat(64) } }],
    ["must be a valid label value", { metadata: { a: "é" } }],
    ["must be a valid label value", { metadata: { a: "x\n" } }],
    ["resource.cpu must be a string", { resource: { cpu: 1 } }],
    ["resourceRequests must be an object", { resourceRequests: "1" }],
    ["timeoutSeconds must be an integer of at least 60", { timeoutSeconds: 59 }],
    ["timeoutSeconds", { timeoutSeconds: 60.5 }],
    ["timeoutSeconds", { timeoutSeconds: Number.NaN }],
    ["timeoutSeconds", { timeoutSeconds: Infinity }],
    ["timeoutSeconds", { timeoutSeconds: "600" }],
    [
      'networkPolicy.defaultAction must be one of "allow", "deny"; got',
      { networkPolicy: { defaultAction: "no" } },
    ],
    ["networkPolicy.egress must be a list", { networkPolicy: { egress: {} } }],
    ["networkPolicy.egress[0].action", { networkPolicy: { egress: [{ target: "a" }] } }],
    ["networkPolicy.egress[0].target", { networkPolicy: { egress: [{ action: "allow", target: "" }] } }],
    ["credentialProxy needs a networkPolicy", { credentialProxy: { enabled: true } }],
    ["credentialProxy.enabled must be true or false", { credentialProxy: { enabled: "yes" } }],
    ["lifecycle must be an object", { lifecycle: [] }],
    ["lifecycle and extensions.poolRef exclude", { lifecycle: hooks, extensions: { poolRef: "p" } }],
    ["lifecycle.preStart.command must be a list", { lifecycle: { preStart: { command: "ls" } } }],
    ["lifecycle.preStart.command must be a list", { lifecycle: { preStart: { command: [] } } }],
    [
      "lifecycle.preStart.timeoutSeconds must be an integer",
      { lifecycle: { preStart: { command: ["a"], timeoutSeconds: 10_801 } } },
    ],
    ["lifecycle.periodic must be a list", { lifecycle: { periodic: hooks.periodic[0] } }],
    ["lifecycle.periodic[0].name", { lifecycle: { periodic: [{ ...hooks.periodic[0], name: " " }] } }],
    ["lifecycle.periodic[0].schedule", { lifecycle: { periodic: [{ ...hooks.periodic[0], schedule: 5 }] } }],
    ["lifecycle.periodic[0].command", { lifecycle: { periodic: [{ ...hooks.periodic[0], command: [1] }] } }],
    [
      "lifecycle.periodic[0].timeoutSeconds",
      { lifecycle: { periodic: [{ ...hooks.periodic[0], timeoutSeconds: 301 }] } },
    ],
    ["lifecycle.preStart must not be null", { lifecycle: { preStart: null } }],
    ["volumes must be a list", { volumes: {} }],
    ["volumes[0].name must be", { volumes: [{ ...volume, name: "V" }] }],
    ["volumes[1].name is given twice", { volumes: [volume, volume] }],
    ["volumes[0].mountPath must be an absolute path", { volumes: [{ ...volume, mountPath: "v" }] }],
    ["volumes[0].readOnly must be true or false", { volumes: [{ ...volume, readOnly: "yes" }] }],
    ["volumes[0].readonly is not an option; use readOnly", { volumes: [{ ...volume, readonly: true }] }],
    ['volumes[0].subPath must not contain ".."', { volumes: [{ ...volume, subPath: "a/../b" }] }],
    ["volumes[0] must have exactly one of", { volumes: [{ ...volume, host: undefined }] }],
    ["volumes[0] must have exactly one of", { volumes: [{ ...volume, pvc: { claimName: "c" } }] }],
    ["volumes[0].host.path must be an absolute path", { volumes: [{ ...volume, host: { path: "h" } }] }],
    ["volumes[0].pvc.claimName", { volumes: [{ ...volume, host: undefined, pvc: { claimName: "C" } }] }],
    ["volumes[0].ossfs.bucket", { volumes: [{ ...volume, host: undefined, ossfs: {} }] }],
    ["platform.os must be one of", { platform: { os: "macos", arch: "arm64" } }],
    ["platform.arch must be one of", { platform: { os: "linux", arch: "x" } }],
    ["secureAccess must be true or false", { secureAccess: 1 }],
    ["extensions.a must be a string", { extensions: { a: 1 } }],
    ["createTimeoutSeconds must be a positive number of seconds", { createTimeoutSeconds: 0 }],
    ["createTimeoutSeconds", { createTimeoutSeconds: Number.NaN }],
    ["onProgress must be a function", { onProgress: {} }],
  ])("%s: %j", (message, options) => {
    const refused = () => bodyOf(options);
    expect(refused).toThrow(InvalidArgumentException);
    expect(refused).toThrow(message);
  });

  test.each<[string, Record<string, unknown>]>([
    ["readyTimeoutSeconds", { readyTimeoutSeconds: 0 }],
    ["readyTimeoutSeconds", { readyTimeoutSeconds: "30" }],
    ["healthCheckPollingIntervalMillis must be an integer from 1", { healthCheckPollingIntervalMillis: 0 }],
    ["healthCheckPollingIntervalMillis", { healthCheckPollingIntervalMillis: -1 }],
    ["healthCheck must be a function", { healthCheck: true }],
    ["skipHealthCheck must be true or false", { skipHealthCheck: "no" }],
    ["killOnDispose must be true or false", { killOnDispose: 1 }],
  ])("%s: %j", (message, options) => {
    const refused = () => assertConnectOptions(options);
    expect(refused).toThrow(InvalidArgumentException);
    expect(refused).toThrow(message);
  });
});

function imageWith(auth: unknown): Record<string, unknown> {
  return { image: { uri: "private/image:1", auth } };
}

function policy(): Record<string, unknown> {
  return { networkPolicy: { defaultAction: "deny", egress: [{ action: "allow", target: "example.com" }] } };
}

function bucket(): Record<string, unknown> {
  return { bucket: "b", endpoint: "e", accessKeyId: "i", accessKeySecret: "s", version: "2.0" };
}
