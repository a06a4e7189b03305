import { expect } from "@jest/globals";
import type { FixtureName } from "../helpers/fixtures.js";

/** An intended difference between a response here and the recorded one, for requests other than code runs. */
export type OtherDifference = { readonly because: string } & (
  | { readonly here: { readonly status: number; readonly body: unknown } }
  /** The test that checks the response here. */
  | { readonly saidBy: string }
);

const says = (because: string, status: number, body: RegExp | string): OtherDifference => ({
  because,
  here: { status, body: expect.stringMatching(body) },
});
const inWorlds = (because: string): OtherDifference => ({
  because,
  saidBy: "tests/conformance/worlds/sandboxes.ts",
});
const inSessions = (because: string): OtherDifference => ({
  because,
  saidBy: "tests/local/sessions.test.ts",
});

const ONE_USER = "a box has one user, and the system refuses others";
const NOT_HERE = "says that the local server does not have it";
const KEY_STAYS_AWAY = "a key that was removed does not come back";
const ANY_PORT = "the gateway's address, as for any other port";
const SNAPSHOTS_WORK = "snapshots work; the recorded server could make none";

/** By recording and label. The documentation lists each of them. */
export const OTHER_DIFFERENCES = {
  "execd-command": {
    uid: says(ONE_USER, 200, /"evalue":"fork\/exec bash: invalid argument"/),
    "background uid bad": says(
      ONE_USER,
      200,
      /\{"code":"RUNTIME_ERROR","message":"error running commands fork\/exec bash: invalid argument"\}/,
    ),
    "bg status immediately after init": says(
      "a command is known as soon as it has an id; that execd does not know it yet is a race",
      200,
      /^\{"id":"[0-9a-f]{32}","content":"sleep 60","running":true,/,
    ),
  },
  "execd-session": {
    "multi-line read": inSessions("a value is kept as it is; execd forgets what its quotes meant"),
    "marker injection": inSessions("the line arrives; execd takes it for its own"),
    "long line 17MB": inSessions("the line arrives; execd's run never ends"),
  },
  "execd-files": {
    "download dir": says(
      "a directory is refused; execd promises 9 EB and breaks off",
      400,
      '^\\{"code":"INVALID_FILE","message":"path is a directory: /workspace/ft"\\}$',
    ),
    "chmod owner": says(
      "a file cannot be given away",
      500,
      /^\{"code":"RUNTIME_ERROR","message":"error changing permissions for \S+ chown \S+: invalid argument"\}$/,
    ),
    "info tilde": says("the home is the workspace", 200, '^\\{"~/\\.probe":\\{"path":"/workspace/\\.probe",'),
    "info empty path": says(
      "the workspace is private",
      200,
      /^\{"":\{"path":"\/workspace",.*"mode":700\}\}$/,
    ),
    "list relative": says(
      "the workspace has other files in it",
      200,
      /^\[\{"path":"\/workspace\/\.probe",[^{]+\{"path":"\/workspace\/ft",[^{]+\]$/,
    ),
  },
  "lifecycle-docker": {
    "missing image pull": says("no images are pulled", 202, /^\{"id":"[^"]+","status":\{"state":"Running",/),
    "networkPolicy on host net": says(
      "network rules work",
      202,
      /^\{"id":"[^"]+","status":\{"state":"Running",/,
    ),
    secureAccess: inWorlds(NOT_HERE),
    poolRef: inWorlds(NOT_HERE),
    "vol host not allowed": inWorlds("there are no allowed prefixes to name"),
    "malformed json": says(
      "the reason is in V8's words",
      422,
      /^\{"detail":\[\{"type":"json_invalid","loc":\["body",\d+\],"msg":"JSON decode error","input":\{\},"ctx":\{"error":"Expected property name.+"\}\}\]\}$/,
    ),
    "patch {}": inWorlds(KEY_STAYS_AWAY),
    "get paused": inWorlds(`${KEY_STAYS_AWAY}; the last transition is the pause`),
    "metadata after patch": inWorlds(KEY_STAYS_AWAY),
    "endpoint execd": inWorlds("the endpoint is the server's own gateway, and asks for a token"),
    "endpoint proxy": inWorlds("it has the prefix of the request, as since July 2026, and asks for a token"),
    "endpoint proxy false": inWorlds("the endpoint is the server's own gateway, and asks for a token"),
    "endpoint proxy, other Host": says(
      "the server has its own names only",
      200,
      /^\{"endpoint":"[^"]+\/v1\/sandboxes\/[^"]+\/proxy\/44772","headers":/,
    ),
    "endpoint while paused": inWorlds("the endpoint is the server's own gateway, and asks for a token"),
    egress: inWorlds(ANY_PORT),
    "unknown port": inWorlds(ANY_PORT),
    expires: inWorlds(NOT_HERE),
    "proxy download query": inWorlds("the directories are others"),
    "snapshot get": inWorlds(SNAPSHOTS_WORK),
    "snapshots list": inWorlds(SNAPSHOTS_WORK),
    "snapshots state": says(SNAPSHOTS_WORK, 200, /^\{"items":\[\{"id":"[^"]+","sandboxId":/),
    "snapshot delete again": says(SNAPSHOTS_WORK, 204, /^$/),
    "diag logs": says("the log is the supervisor's, and empty", 200, /^$/),
    "diag inspect": says(
      "says what there is to say; the recorded server could not",
      200,
      /^id: \S+\nstate: Running\n/,
    ),
    "diag summary": says(
      "says what there is to say; the recorded server could not",
      200,
      /^=+\nSANDBOX DIAGNOSTICS SUMMARY\nSandbox ID: \S+\n=+\n[^]+\nstate: Running\n/,
    ),
  },
} as const satisfies Partial<Record<FixtureName, Readonly<Record<string, OtherDifference>>>>;
