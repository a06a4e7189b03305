import { expect } from "@jest/globals";
import { Sandbox, SandboxManager, type SandboxCreateOptions, type SandboxInfo } from "../../../src/index.js";
import { failureOf } from "../../helpers/promises.js";
import type { Area, Case, World } from "../../helpers/worlds.js";

const ID = "2cae86e0-ffcf-43c1-ac64-f4bc577ca688";
const MANUAL_ID = "7e8612df-e749-47e4-a9ad-281bb0fcc3d0";
const SNAPSHOT_ID = "374dda3c-7c62-4194-91c8-e5ae89607e6d";

/** The common options of the recorded creations. */
const BASIC = { image: "python:3.11", timeoutSeconds: 600 } satisfies SandboxCreateOptions;
const BASIC_BODY = {
  image: { uri: "python:3.11" },
  timeout: 600,
  resourceLimits: { cpu: "1", memory: "2Gi" },
  entrypoint: ["tail", "-f", "/dev/null"],
};

const create =
  (options: SandboxCreateOptions) =>
  ({ connectionConfig }: World) =>
    Sandbox.create({ ...BASIC, ...options, connectionConfig });
const creates = (options: SandboxCreateOptions): Case => ({
  call: create(options),
  gives: expect.objectContaining({ id: expect.any(String) }),
});
const refusesToCreate = (
  options: SandboxCreateOptions,
  statusCode: number,
  code: string,
  // The rejection is the same; its message depends on the server.
  message: string | RegExp = /./,
): Case => ({ call: create(options), fails: [statusCode, code, message] });

/** Connects as a second program would. */
const connect = ({ connectionConfig, idOf }: World, sandboxId = idOf(ID)) =>
  Sandbox.connect({ sandboxId, connectionConfig, skipHealthCheck: true });
/** execd through the server's proxy. */
const proxied = (world: World) =>
  connect({ ...world, connectionConfig: world.connectionConfig.with({ useServerProxy: true }) });

const STATUS = {
  state: "Running",
  reason: "CONTAINER_RUNNING",
  message: "Sandbox container is running.",
  lastTransitionAt: expect.any(Date),
};
const described = (fields: Partial<Record<keyof SandboxInfo, unknown>> = {}) => ({
  id: expect.any(String),
  image: { uri: "python:3.11" },
  status: STATUS,
  entrypoint: ["tail", "-f", "/dev/null"],
  createdAt: expect.any(Date),
  expiresAt: expect.any(Date),
  ...fields,
});
const get = (id: string, fields: Partial<Record<keyof SandboxInfo, unknown>>): Case => ({
  call: ({ manager, idOf }) => manager.getSandboxInfo(idOf(id)),
  gives: ({ idOf }: World) => expect.objectContaining(described({ id: idOf(id), ...fields })),
});

type Filter = Parameters<World["manager"]["listSandboxInfos"]>[0];
/** Compares ids and pagination; other cases compare whole items. */
const list = (filter: Filter, ids: unknown, pagination: Readonly<Record<string, unknown>>): Case => ({
  call: async ({ manager }) => {
    const page = await manager.listSandboxInfos(filter);
    return { ids: page.items.map(({ id }) => id), pagination: page.pagination };
  },
  gives: ({ idOf }: World) => ({
    ids: ids === ID ? [idOf(ID)] : ids,
    pagination: {
      ...{ page: 1, pageSize: 20, totalItems: expect.any(Number), totalPages: expect.any(Number) },
      ...{ hasNextPage: false, ...pagination },
    },
  }),
});
const SOME = expect.any(String);
const NONE = { totalItems: 0, totalPages: 0 };
const ONE = { totalItems: 1, totalPages: 1 };

const patch = (labels: Readonly<Record<string, string | null>>, metadata: object): Case => ({
  call: ({ manager, idOf }) => manager.patchSandboxMetadata(idOf(ID), labels),
  gives: ({ idOf }: World) =>
    expect.objectContaining(described({ id: idOf(ID), metadata: expect.objectContaining(metadata) })),
});
const endpoint = (port: number, address = /./): Case => ({
  call: async (world) => (await connect(world)).getEndpoint(port),
  // The SDK always sends this parameter.
  asks: `/v1/sandboxes/${ID}/endpoints/${port}?use_server_proxy=false`,
  gives: {
    url: expect.stringMatching(new RegExp(`^http://.*${address.source}`)),
    headers: expect.any(Object),
  },
});
const manage = (
  call: (manager: World["manager"], id: string) => Promise<unknown>,
  gives?: unknown,
): Case => ({
  call: ({ manager, idOf }) => call(manager, idOf(ID)),
  gives,
});
const refuses = (
  call: (manager: World["manager"], id: string) => Promise<unknown>,
  ...fails: readonly [statusCode: number, code: string, message: string | RegExp]
): Case => ({ call: ({ manager, idOf }) => call(manager, idOf(ID)), fails });

const NO_SANDBOX = [404, "DOCKER::SANDBOX_NOT_FOUND", "Sandbox nope not found."] as const;
const GONE = [404, "DOCKER::SANDBOX_NOT_FOUND", /^Sandbox \S+ not found\.$/] as const;
const MISSING_KEY =
  "Authentication credentials are missing. Provide API key via OPEN-SANDBOX-API-KEY header. " +
  "No API key is configured: set OPEN_SANDBOX_API_KEY or apiKey.";

/** Sends a request with other credentials. */
const unauthorized = (
  credentials: { readonly apiKey: string; readonly headers?: Readonly<Record<string, string>> },
  code: string,
  message: string,
): Case => ({
  call: ({ connectionConfig }) =>
    SandboxManager.create({ connectionConfig: connectionConfig.with(credentials) }).listSandboxInfos(),
  fails: [401, code, message],
});

export const sandboxes: Area = {
  name: "sandboxes",
  fixture: "lifecycle-docker",
  cases: {
    "bad key": unauthorized(
      { apiKey: "x" },
      "INVALID_API_KEY",
      "Authentication credentials are invalid. Check your API key and try again.",
    ),
    "Authorization bearer not accepted": unauthorized(
      { apiKey: "", headers: { authorization: "Bearer e2e-test" } },
      "MISSING_API_KEY",
      MISSING_KEY,
    ),
    "401 has request id": {
      call: ({ connectionConfig }) => {
        const credentials = { apiKey: "", headers: { "x-request-id": "abc" } };
        const manager = SandboxManager.create({ connectionConfig: connectionConfig.with(credentials) });
        return failureOf(manager.listSandboxInfos());
      },
      gives: expect.objectContaining({ statusCode: 401, requestId: "abc" }),
    },

    create: {
      ...creates({ metadata: { tag: "t1", team: "a" }, env: { A: "1" }, extensions: {} }),
      makes: ID,
      // A variable with the value `null` is left out.
      sends: { ...BASIC_BODY, metadata: { tag: "t1", team: "a" }, env: { A: "1" }, extensions: {} },
    },
    "create timeout null": {
      ...creates({ timeoutSeconds: null, metadata: { tag: "t2" } }),
      makes: MANUAL_ID,
      // `null` and a missing value are equivalent.
      sends: { ...BASIC_BODY, timeout: undefined, metadata: { tag: "t2" } },
    },
    "resourceLimits garbage": creates({ resource: { cpu: "abc", memory: "lots" } }),
    "env bool str": creates({ env: { a: "true" } }),
    "snapshot missing": refusesToCreate(
      { image: undefined, snapshotId: "nope", entrypoint: BASIC_BODY.entrypoint },
      404,
      "SNAPSHOT::NOT_FOUND",
      "Snapshot nope not found",
    ),
    "image auth": creates({ image: { uri: "python:3.11", auth: { username: "u", password: "p" } } }),
    secureAccess: refusesToCreate({ secureAccess: true }, 400, "SANDBOX::INVALID_PARAMETER"),
    platform: creates({ platform: { os: "linux", arch: "amd64" } }),
    poolRef: refusesToCreate(
      { extensions: { poolRef: "p" }, resource: { cpu: "1", memory: "2Gi" } },
      400,
      "SANDBOX::UNSUPPORTED_POOL_REF",
    ),
    "ext renew bad": refusesToCreate(
      { extensions: { "access.renew.extend.seconds": "10" } },
      400,
      "SANDBOX::INVALID_PARAMETER",
      'Invalid extensions["access.renew.extend.seconds"]: must be between 300 and 86400 seconds (5 minutes to 24 hours inclusive), got 10.',
    ),
    "ext renew ok": creates({ extensions: { "access.renew.extend.seconds": "300" } }),
    "vol host not allowed": refusesToCreate(
      { volumes: [{ name: "v1", mountPath: "/mnt", host: { path: "/etc" } }] },
      400,
      "VOLUME::HOST_PATH_NOT_ALLOWED",
    ),

    get: get(ID, { metadata: { tag: "t1", team: "a" } }),
    "get manual (expiresAt absent)": get(MANUAL_ID, { metadata: { tag: "t2" }, expiresAt: undefined }),
    "list page1": list({ pageSize: 2 }, [SOME, SOME], { pageSize: 2, hasNextPage: true }),
    "page 2": list({ pageSize: 2, page: 2 }, [SOME, SOME], { page: 2, pageSize: 2, hasNextPage: true }),
    "page beyond": list({ pageSize: 2, page: 999 }, [], { page: 999, pageSize: 2 }),
    metadata: list({ metadata: { tag: "t1" } }, ID, ONE),
    "metadata 2": list({ metadata: { tag: "t1", team: "a" } }, ID, ONE),
    state: list({ states: ["Running", "Paused"], pageSize: 1 }, [SOME], { pageSize: 1, hasNextPage: true }),
    "state lower": list({ states: ["running"], pageSize: 1 }, [SOME], { pageSize: 1, hasNextPage: true }),
    "state unknown": list({ states: ["Bogus"] }, [], NONE),
    "state csv": list({ states: ["Running,Paused"] }, [], NONE),

    patch: patch({ env: "stage", team: null }, { tag: "t1", env: "stage" }),
    "patch {}": patch({}, { tag: "t1", env: "stage" }),
    "patch missing": refuses((manager) => manager.patchSandboxMetadata("nope", { a: "b" }), ...NO_SANDBOX),
    "metadata after patch": list({ metadata: { env: "stage" } }, ID, ONE),

    renew: {
      ...manage((manager, id) => manager.renewSandbox(id, 900), expect.any(Date)),
      sends: { expiresAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) },
    },
    "renew missing": {
      ...refuses((manager) => manager.renewSandbox("nope", 900), ...NO_SANDBOX),
      sends: { expiresAt: expect.any(String) },
    },

    "endpoint execd": endpoint(44_772),
    "endpoint proxy": {
      call: async (world) => (await proxied(world)).getEndpoint(44_772),
      gives: expect.objectContaining({ url: expect.stringMatching(/\/sandboxes\/\S+\/proxy\/44772$/) }),
    },
    "endpoint proxy false": {
      ...endpoint(44_772),
      asks: `/v1/sandboxes/${ID}/endpoints/44772?use_server_proxy=false`,
    },
    egress: endpoint(18_080, /18080$/),
    "unknown port": endpoint(9999, /9999$/),
    expires: {
      call: async (world) => (await connect(world)).getSignedEndpoint(44_772, 4_102_444_800),
      fails: [400, "SANDBOX::API_NOT_SUPPORTED", /./],
    },

    "proxy ping no api key": {
      call: async (world) => (await proxied(world)).health.ping(),
      gives: undefined,
    },
    "proxy SSE": {
      call: async (world) => {
        const { stdout, exitCode } = await (
          await proxied(world)
        ).commands.run("echo hi; sleep 1; echo there");
        return { stdout, exitCode };
      },
      gives: { stdout: "hi\nthere\n", exitCode: 0 },
    },
    "proxy download query": {
      call: async (world) => {
        const infos = await (await proxied(world)).files.getFileInfo(["/tmp", "/var"]);
        return Object.values(infos).map(({ path, type }) => ({ path, type }));
      },
      gives: [
        { path: "/tmp", type: "directory" },
        { path: "/var", type: "directory" },
      ],
    },

    pause: manage((manager, id) => manager.pauseSandbox(id)),
    "get paused": get(ID, {
      metadata: expect.objectContaining({ env: "stage" }),
      status: {
        state: "Paused",
        reason: "CONTAINER_PAUSED",
        message: "Sandbox container is paused.",
        lastTransitionAt: expect.any(Date),
      },
    }),
    "pause again": refuses(
      (manager, id) => manager.pauseSandbox(id),
      500,
      "DOCKER::SANDBOX_PAUSE_FAILED",
      "Failed to pause sandbox container: 409 Conflict: already paused",
    ),
    "snapshot of paused": refuses(
      (manager, id) => manager.createSnapshot(id),
      409,
      "SNAPSHOT::INVALID_SOURCE_STATE",
      "Snapshot can only be created from a Running sandbox.",
    ),
    "endpoint while paused": endpoint(44_772),
    resume: manage((manager, id) => manager.resumeSandbox(id)),
    "resume again": refuses(
      (manager, id) => manager.resumeSandbox(id),
      409,
      "DOCKER::SANDBOX_NOT_PAUSED",
      "Sandbox is not in a paused state.",
    ),
    "pause missing": refuses((manager) => manager.pauseSandbox("nope"), ...NO_SANDBOX),

    snapshot: {
      ...manage((manager, id) => manager.createSnapshot(id, { name: "s1" })),
      gives: ({ idOf }: World) => snapshotOf(idOf(ID), { name: "s1" }),
      makes: SNAPSHOT_ID,
    },
    "snapshot no body": {
      ...manage((manager, id) => manager.createSnapshot(id)),
      gives: ({ idOf }: World) => snapshotOf(idOf(ID), { name: undefined }),
      // No body and an empty object are equivalent.
      sends: {},
    },
    // The recorded server could not complete one.
    "snapshot get": {
      call: ({ manager, idOf }) => manager.getSnapshot(idOf(SNAPSHOT_ID)),
      gives: ({ idOf }: World) =>
        snapshotOf(idOf(ID), { id: idOf(SNAPSHOT_ID), name: "s1", status: expect.any(Object) }),
    },
    "snapshots list": {
      call: async ({ manager, idOf }) => {
        const { items, pagination } = await manager.listSnapshots({ sandboxId: idOf(ID), pageSize: 2 });
        return { names: items.map(({ name }) => name), pagination };
      },
      gives: {
        names: [undefined, "s1"],
        pagination: { page: 1, pageSize: 2, totalItems: 2, totalPages: 1, hasNextPage: false },
      },
    },
    "snapshot missing (2)": refuses(
      (manager) => manager.getSnapshot("nope"),
      404,
      "SNAPSHOT::NOT_FOUND",
      "Snapshot nope not found",
    ),

    "diag logs scope": diagnostics("logs", "container"),
    "diag events scope": diagnostics("events", "runtime"),

    delete: manage((manager, id) => manager.killSandbox(id)),
    "delete again": refuses((manager, id) => manager.killSandbox(id), ...GONE),
    "get deleted": refuses((manager, id) => manager.getSandboxInfo(id), ...GONE),
  },
};

function snapshotOf(sandboxId: string, fields: Readonly<Record<string, unknown>>): unknown {
  return expect.objectContaining({
    id: expect.any(String),
    sandboxId,
    status: {
      state: "Creating",
      reason: "snapshot_accepted",
      message: "Snapshot creation accepted.",
      lastTransitionAt: expect.any(Date),
    },
    createdAt: expect.any(Date),
    ...fields,
  });
}

function diagnostics(kind: "logs" | "events", scope: string): Case {
  return {
    call: async (world) => (await connect(world)).getDiagnostics(kind, { scope }),
    fails: [
      501,
      "DIAGNOSTICS_NOT_IMPLEMENTED",
      "The stable Diagnostics API is not implemented by this OpenSandbox server.",
    ],
  };
}
