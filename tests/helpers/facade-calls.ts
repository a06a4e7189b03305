import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { CodeInterpreter } from "../../src/code-interpreter.js";
import { ConnectionConfig } from "../../src/connection.js";
import { SandboxManager } from "../../src/sandbox-manager.js";
import { Sandbox } from "../../src/sandbox.js";
import type { CommandHandle } from "../../src/services/command-handle.js";
import { IsolatedSession } from "../../src/services/isolated/isolated-session.js";
import type { CommandSession } from "../../src/services/sessions.js";
import type { ServerKind } from "../../src/transport/endpoint.js";
import { bodyOf, type Exchange } from "./fixtures.js";
import { findOperation, loadOperations, loadRecordedOperations, type Operation } from "./operations.js";
import { fetchBy } from "./fetch.js";

export const SANDBOX_ID = "2cae86e0-ffcf-43c1-ac64-f4bc577ca688";
const LIFECYCLE_ORIGIN = "http://lifecycle.test";
const FILE = "/workspace/ft/a/hello.txt";
const COMMAND = "b45213e24c2d4fb1be08fcb003593463";

/** The objects that facade calls use. Creating them sends requests that do not count as the call's. */
export interface FacadeObjects {
  readonly config: ConnectionConfig;
  readonly sandbox: Sandbox;
  readonly interpreter: CodeInterpreter;
  readonly manager: SandboxManager;
  readonly session: CommandSession;
  readonly isolated: IsolatedSession;
  readonly command: CommandHandle;
  /** A temporary directory for the call. */
  readonly directory: string;
}

/** A facade method and the operations that it calls. */
export interface FacadeCall {
  /** The ids of the operations, sorted and unique. */
  readonly operations: readonly string[];
  readonly call: (objects: FacadeObjects) => unknown;
  /** By operation: a response for which there is no recording, or the name of the recording to use. */
  readonly answers?: Readonly<Record<string, Answer>>;
  /** Why the call sends no request. */
  readonly sendsNothing?: string;
}

export type Answer =
  | { readonly recorded: string }
  | {
      readonly status: number;
      readonly type?: string;
      readonly body: string;
      /** Why there is no recording. */
      readonly because: string;
    };

/** A request of a facade and its response. */
export interface Observed {
  readonly operation: Operation;
  readonly request: { readonly url: string; readonly contentType: string; readonly body: string };
  readonly answer: "recorded" | "hand-built";
}

const operations = loadOperations();
const { recorded } = loadRecordedOperations(operations);

const NO_DOCKER_DIAGNOSTICS =
  "servers on Docker respond with 501, which is recorded; this is the response of a server with diagnostics by the document";
const diagnostics = (kind: "logs" | "events"): Answer => ({
  status: 200,
  body: JSON.stringify({
    sandboxId: SANDBOX_ID,
    kind,
    scope: "container",
    delivery: "inline",
    contentType: "text/plain; charset=utf-8",
    content: "started\n",
    contentLength: 8,
    truncated: false,
  }),
  because: NO_DOCKER_DIAGNOSTICS,
});
const NO_SIDECAR = "the recordings have no egress sidecar; this is its response by the contract";
const NEWER = "the recorded servers are older; this is the response by the contract";
const template = {
  templateId: "fsb-1",
  image: "python:3.12",
  publish: "s3://bucket/templates",
  format: "overlaybd",
  status: { phase: "Pending" },
  createdAt: "2026-11-23T17:02:20Z",
  updatedAt: "2026-11-23T17:02:20Z",
};
const templateAnswer = (status: number): Answer => ({
  status,
  body: JSON.stringify(template),
  because: NEWER,
});
const measured: Answer = {
  status: 200,
  body: '{"cpu_count":2,"cpu_used_pct":3.5,"mem_total_mib":24103.9,"mem_used_mib":994.1,"timestamp":1795453199542}',
  because: "only the stream of the same measurements is recorded",
};
const policy: Answer = {
  status: 200,
  body: '{"status":"ok","mode":"enforcing","enforcementMode":"dns","policy":{"defaultAction":"deny","egress":[{"action":"allow","target":"pypi.org"}]}}',
  because: NO_SIDECAR,
};
const vault = {
  status: 200,
  body: '{"revision":1,"credentials":[{"name":"token","sourceType":"inline","revision":1}],"bindings":[{"name":"api","revision":1,"match":{"hosts":["api.test"]},"auth":{"type":"bearer"}}]}',
  because: NO_SIDECAR,
} satisfies Answer;
const CREDENTIAL = { name: "token", value: "s3cret" };
const BINDING = {
  name: "api",
  match: { hosts: ["api.test"], methods: ["GET"] },
  auth: { type: "bearer", credential: "token" },
} as const;
const ISOLATED = "0b7f5c7a-9f0c-4a39-8f62-0d2f2f9b2b11";
const isolatedAnswer = (body: unknown, status = 200): Answer => ({
  status,
  body: typeof body === "string" ? body : JSON.stringify(body),
  because: "no server with isolated sessions could be recorded; this is its response by the contract",
});
const isolatedState = {
  status: "active",
  ...{ created_at: "2026-11-20T10:00:00Z", last_run_at: "2026-11-20T10:00:00Z" },
};
const isolatedCreated = isolatedAnswer({ session_id: ISOLATED, created_at: isolatedState.created_at }, 201);
const isolatedInfo = isolatedAnswer(isolatedState);
const isolatedDeleted = isolatedAnswer("");
const isolatedRun = isolatedAnswer('{"type":"execution_complete","timestamp":1795453199542}\n\n');
const isolatedStatus = isolatedAnswer({
  ...{ session_id: ISOLATED, run_id: "r", running: false, exit_code: 0 },
  started_at: isolatedState.created_at,
});
const deletedSnapshot: Answer = {
  status: 204,
  body: "",
  because: "the recorded deletion failed with status 500",
};
/** The id of a terminal that refuses every connection. */
const REFUSED = "8b48799b-2162-4a19-810b-8c3005f5d9c2";

/** Connects to every terminal but one, without a server. */
class FakeWebSocket extends EventTarget {
  binaryType = "";
  readonly bufferedAmount = 0;

  constructor(url: string) {
    super();
    const event = url.includes(REFUSED)
      ? Object.assign(new Event("close"), { code: 1006 })
      : Object.assign(new Event("message"), { data: '{"type":"connected","session_id":"s","mode":"pty"}' });
    queueMicrotask(() => this.dispatchEvent(event));
  }

  send(): void {
    // Nobody receives it.
  }

  close(): void {
    // Nothing is open.
  }
}

const LOCAL_ONLY = "it releases only local resources";

/** Every public method of the facades as "Class.method", including static ones. */
export const FACADE_CALLS: Readonly<Record<string, FacadeCall>> = {
  "Sandbox.create": {
    operations: ["createSandbox", "getSandboxEndpoint", "ping"],
    call: ({ config }) =>
      Sandbox.create({
        connectionConfig: config,
        image: { uri: "python:3.12", auth: { username: "u", password: "p" } },
        entrypoint: ["sleep", "infinity"],
        env: { A: "1" },
        metadata: { team: "a" },
        resource: { cpu: "500m", memory: "1Gi" },
        timeoutSeconds: 600,
        networkPolicy: { defaultAction: "deny", egress: [{ action: "allow", target: "*.example.com" }] },
        volumes: [
          { name: "host", mountPath: "/mnt/host", host: { path: "/tmp/opensandbox-e2e" }, readOnly: true },
          { name: "claim", mountPath: "/mnt/claim", pvc: { claimName: "data" }, subPath: "a/b" },
        ],
        platform: { os: "linux", arch: "amd64" },
        secureAccess: true,
        extensions: { "access.renew.extend.seconds": "300" },
      }),
  },
  "Sandbox.connect": {
    operations: ["getSandboxEndpoint", "ping"],
    call: ({ config }) => Sandbox.connect({ sandboxId: SANDBOX_ID, connectionConfig: config }),
  },
  "Sandbox.getOrCreate": {
    operations: ["getSandboxEndpoint", "listSandboxes", "ping"],
    call: ({ config }) => Sandbox.getOrCreate("agent-1", { connectionConfig: config, timeoutSeconds: null }),
    answers: {
      listSandboxes: {
        status: 200,
        body: JSON.stringify({
          items: [
            {
              id: SANDBOX_ID,
              status: { state: "Running" },
              metadata: {
                "opensandbox-code-interpreter/name": "agent-1",
                "opensandbox-code-interpreter/chosen": "true",
              },
              entrypoint: ["tail", "-f", "/dev/null"],
              createdAt: "2026-11-23T17:02:20.207151Z",
            },
          ],
          pagination: { page: 1, pageSize: 200, totalItems: 1, totalPages: 1, hasNextPage: false },
        }),
        because: "no sandbox with a name was recorded",
      },
    },
  },
  "Sandbox.resume": {
    operations: ["getSandboxEndpoint", "ping", "resumeSandbox"],
    call: ({ config }) => Sandbox.resume({ sandboxId: SANDBOX_ID, connectionConfig: config }),
  },
  "Sandbox.prototype.capabilities": {
    operations: [
      ...["getCredentialVault", "getEgressPolicy", "getIsolatedRun", "getIsolationCapabilities"],
      ...[
        "getReadiness",
        "getSandboxEndpoint",
        "getTerminal",
        "listSnapshots",
        "listTemplates",
        "runCommand",
      ],
    ],
    call: ({ sandbox }) => sandbox.capabilities(),
    answers: {
      getCredentialVault: {
        status: 404,
        type: "text/plain",
        body: "no credential vault",
        because: NO_SIDECAR,
      },
      getEgressPolicy: policy,
      getIsolatedRun: {
        status: 404,
        body: '{"code":"SESSION_NOT_FOUND","message":"session not found"}',
        because: NEWER,
      },
      getIsolationCapabilities: { status: 200, body: '{"available":true}', because: NEWER },
      getReadiness: { status: 200, body: '{"initialized":true}', because: NEWER },
      listTemplates: {
        status: 200,
        body: '{"items":[],"pagination":{"page":1,"pageSize":1,"totalItems":0,"totalPages":0,"hasNextPage":false}}',
        because: NEWER,
      },
      runCommand: { recorded: "missing command" },
    },
  },
  "Sandbox.prototype.getInfo": { operations: ["getSandbox"], call: ({ sandbox }) => sandbox.getInfo() },
  "Sandbox.prototype.isHealthy": { operations: ["ping"], call: ({ sandbox }) => sandbox.isHealthy() },
  "Sandbox.prototype.getMetrics": {
    operations: ["getMetrics"],
    call: ({ sandbox }) => sandbox.getMetrics(),
    answers: { getMetrics: measured },
  },
  "Sandbox.prototype.waitUntilReady": {
    operations: ["ping"],
    call: ({ sandbox }) => sandbox.waitUntilReady(),
  },
  "Sandbox.prototype.pause": { operations: ["pauseSandbox"], call: ({ sandbox }) => sandbox.pause() },
  "Sandbox.prototype.resume": {
    operations: ["getSandboxEndpoint", "ping", "resumeSandbox"],
    call: ({ sandbox }) => sandbox.resume(),
  },
  "Sandbox.prototype.renew": {
    operations: ["renewSandboxExpiration"],
    call: ({ sandbox }) => sandbox.renew(900),
  },
  "Sandbox.prototype.patchMetadata": {
    operations: ["patchSandboxMetadata"],
    call: ({ sandbox }) => sandbox.patchMetadata({ env: "stage", team: null }),
  },
  "Sandbox.prototype.waitForPort": {
    operations: ["runCommand"],
    call: ({ sandbox }) => sandbox.waitForPort(8080),
  },
  "Sandbox.prototype.getEndpoint": {
    operations: ["getSandboxEndpoint"],
    call: ({ sandbox }) => sandbox.getEndpoint(8080),
  },
  "Sandbox.prototype.getSignedEndpoint": {
    operations: ["getSandboxEndpoint"],
    call: ({ sandbox }) => sandbox.getSignedEndpoint(8080, 4_102_444_800),
    answers: {
      getSandboxEndpoint: {
        status: 200,
        body: '{"endpoint":"8080-signature.gateway.test","headers":{"X-Signature":"s"}}',
        because: "only gateways on Kubernetes sign; the refusal of a server on Docker is recorded",
      },
    },
  },
  "Sandbox.prototype.createSnapshot": {
    operations: ["createSnapshot"],
    call: ({ sandbox }) => sandbox.createSnapshot({ name: "s1" }),
  },
  "Sandbox.prototype.fork": {
    operations: [
      ...["createSandbox", "createSnapshot", "deleteSnapshot", "getSandbox", "getSandboxEndpoint"],
      ...["getSnapshot", "ping"],
    ],
    call: ({ sandbox }) => sandbox.fork(),
    answers: {
      deleteSnapshot: deletedSnapshot,
      getSnapshot: {
        status: 200,
        body: JSON.stringify({
          id: "374dda3c-7c62-4194-91c8-e5ae89607e6d",
          sandboxId: SANDBOX_ID,
          status: { state: "Ready" },
          createdAt: "2026-11-23T17:02:22.944149Z",
        }),
        because: "the recorded snapshot failed",
      },
    },
  },
  "Sandbox.prototype.getDiagnostics": {
    operations: ["getDiagnosticEvents", "getDiagnosticLogs"],
    call: async ({ sandbox }) => {
      await sandbox.getDiagnostics("logs", { scope: "container" });
      await sandbox.getDiagnostics("events", { scope: "runtime" });
    },
    answers: { getDiagnosticLogs: diagnostics("logs"), getDiagnosticEvents: diagnostics("events") },
  },
  "Sandbox.prototype.kill": { operations: ["deleteSandbox"], call: ({ sandbox }) => sandbox.kill() },
  "Sandbox.prototype.close": {
    operations: [],
    call: ({ sandbox }) => sandbox.close(),
    sendsNothing: LOCAL_ONLY,
  },
  "Sandbox.prototype.[asyncDispose]": {
    operations: ["deleteSandbox"],
    // With `killOnDispose`, which `observe` sets.
    call: ({ sandbox }) => sandbox[Symbol.asyncDispose](),
  },

  "SandboxManager.create": {
    operations: [],
    call: ({ config }) => SandboxManager.create({ connectionConfig: config }),
    sendsNothing: "the first operation sends a request",
  },
  "SandboxManager.prototype.listSandboxInfos": {
    operations: ["listSandboxes"],
    call: ({ manager }) =>
      manager.listSandboxInfos({ states: ["Running"], metadata: { tag: "t1" }, pageSize: 2 }),
  },
  "SandboxManager.prototype.getSandboxInfo": {
    operations: ["getSandbox"],
    call: ({ manager }) => manager.getSandboxInfo(SANDBOX_ID),
  },
  "SandboxManager.prototype.killSandbox": {
    operations: ["deleteSandbox"],
    call: ({ manager }) => manager.killSandbox(SANDBOX_ID),
  },
  "SandboxManager.prototype.pauseSandbox": {
    operations: ["pauseSandbox"],
    call: ({ manager }) => manager.pauseSandbox(SANDBOX_ID),
  },
  "SandboxManager.prototype.resumeSandbox": {
    operations: ["resumeSandbox"],
    call: ({ manager }) => manager.resumeSandbox(SANDBOX_ID),
  },
  "SandboxManager.prototype.renewSandbox": {
    operations: ["renewSandboxExpiration"],
    call: ({ manager }) => manager.renewSandbox(SANDBOX_ID, 900),
  },
  "SandboxManager.prototype.patchSandboxMetadata": {
    operations: ["patchSandboxMetadata"],
    call: ({ manager }) => manager.patchSandboxMetadata(SANDBOX_ID, { env: "stage", team: null }),
  },
  "SandboxManager.prototype.createSnapshot": {
    operations: ["createSnapshot"],
    call: ({ manager }) => manager.createSnapshot(SANDBOX_ID),
  },
  "SandboxManager.prototype.getSnapshot": {
    operations: ["getSnapshot"],
    call: ({ manager }) => manager.getSnapshot("374dda3c-7c62-4194-91c8-e5ae89607e6d"),
  },
  "SandboxManager.prototype.listSnapshots": {
    operations: ["listSnapshots"],
    call: ({ manager }) =>
      manager.listSnapshots({ sandboxId: SANDBOX_ID, name: "s1", states: ["Ready"], page: 1 }),
  },
  "SandboxManager.prototype.deleteSnapshot": {
    operations: ["deleteSnapshot"],
    call: ({ manager }) => manager.deleteSnapshot("374dda3c-7c62-4194-91c8-e5ae89607e6d"),
    answers: { deleteSnapshot: deletedSnapshot },
  },
  "SandboxManager.prototype.createTemplate": {
    operations: ["createTemplate"],
    call: ({ manager }) =>
      manager.createTemplate({
        image: "python:3.12",
        publish: "s3://bucket/templates",
        resource: { cpu: "1" },
        entrypoint: ["sleep", "infinity"],
        metadata: { team: "a" },
        readiness: { probe: "tcp://127.0.0.1:44772", warmupSeconds: 5 },
        format: "native",
      }),
    answers: { createTemplate: templateAnswer(201) },
  },
  "SandboxManager.prototype.getTemplate": {
    operations: ["getTemplate"],
    call: ({ manager }) => manager.getTemplate("fsb-1"),
    answers: { getTemplate: templateAnswer(200) },
  },
  "SandboxManager.prototype.listTemplates": {
    operations: ["listTemplates"],
    call: ({ manager }) => manager.listTemplates({ metadata: { team: "a" }, page: 1 }),
    answers: {
      listTemplates: {
        status: 200,
        body: JSON.stringify({
          items: [template],
          pagination: { page: 1, pageSize: 20, totalItems: 1, totalPages: 1, hasNextPage: false },
        }),
        because: NEWER,
      },
    },
  },
  "SandboxManager.prototype.deleteTemplate": {
    operations: ["deleteTemplate"],
    call: ({ manager }) => manager.deleteTemplate("fsb-1"),
    answers: { deleteTemplate: { status: 204, body: "", because: NEWER } },
  },
  "SandboxManager.prototype.close": {
    operations: [],
    call: ({ manager }) => manager.close(),
    sendsNothing: LOCAL_ONLY,
  },
  "SandboxManager.prototype.[asyncDispose]": {
    operations: [],
    call: ({ manager }) => manager[Symbol.asyncDispose](),
    sendsNothing: LOCAL_ONLY,
  },

  "CodeInterpreter.create": {
    operations: [],
    call: ({ sandbox }) => CodeInterpreter.create(sandbox),
    sendsNothing: "a kernel is started by the first run, or by createContext",
  },
  "CodeInterpreter.launch": {
    operations: ["createSandbox", "getSandboxEndpoint", "ping"],
    call: ({ config }) => CodeInterpreter.launch({ connectionConfig: config }),
  },
  "CodeInterpreter.prototype.[asyncDispose]": {
    operations: [],
    call: ({ interpreter }) => interpreter[Symbol.asyncDispose](),
    sendsNothing: "the sandbox is left as it is",
  },

  "Codes.prototype.run": {
    operations: ["runCode"],
    call: ({ interpreter }) => interpreter.codes.run("1+1", { context: { id: "c", language: "python" } }),
  },
  "Codes.prototype.runStream": {
    operations: ["runCode"],
    call: ({ interpreter }) => exhaust(interpreter.codes.runStream({ code: "1+1" })),
  },
  "Codes.prototype.createContext": {
    operations: ["createCodeContext"],
    call: ({ interpreter }) => interpreter.codes.createContext("python", { cwd: "/workspace/newdir" }),
  },
  "Codes.prototype.getContext": {
    operations: ["getCodeContext"],
    call: ({ interpreter }) => interpreter.codes.getContext("3a8a1e99-49d9-4feb-92e5-8a9ec68805f5"),
  },
  "Codes.prototype.listContexts": {
    operations: ["listCodeContexts"],
    call: ({ interpreter }) => interpreter.codes.listContexts("python"),
  },
  "Codes.prototype.deleteContext": {
    operations: ["deleteCodeContext"],
    call: ({ interpreter }) => interpreter.codes.deleteContext("3a8a1e99-49d9-4feb-92e5-8a9ec68805f5"),
  },
  "Codes.prototype.deleteContexts": {
    operations: ["deleteCodeContexts"],
    call: ({ interpreter }) => interpreter.codes.deleteContexts("go"),
  },
  "Codes.prototype.interrupt": {
    operations: ["interruptCode"],
    call: ({ interpreter }) => interpreter.codes.interrupt("c"),
  },

  "Commands.prototype.run": {
    operations: ["runCommand"],
    call: ({ sandbox }) =>
      sandbox.commands.run("ls", {
        cwd: "/tmp",
        env: { A: "1" },
        uid: 1000,
        gid: 1000,
        timeoutSeconds: 5,
      }),
  },
  "Commands.prototype.runStream": {
    operations: ["runCommand"],
    call: ({ sandbox }) => exhaust(sandbox.commands.runStream("sleep 5", { background: true })),
    answers: { runCommand: { recorded: "background" } },
  },
  "Commands.prototype.interrupt": {
    operations: ["interruptCommand"],
    call: ({ sandbox }) => sandbox.commands.interrupt(COMMAND),
  },
  "Commands.prototype.getStatus": {
    operations: ["getCommandStatus"],
    call: ({ sandbox }) => sandbox.commands.getStatus(COMMAND),
  },
  "Commands.prototype.getLogs": {
    operations: ["getCommandLogs"],
    call: ({ sandbox }) => sandbox.commands.getLogs(COMMAND, { cursor: 3 }),
    answers: { getCommandLogs: { recorded: "bg logs cursor=3" } },
  },
  "Commands.prototype.followLogs": {
    operations: ["getCommandLogs", "getCommandStatus"],
    call: ({ sandbox }) => exhaust(sandbox.commands.followLogs(COMMAND, { cursor: 9 })),
    answers: {
      getCommandLogs: { recorded: "bg logs cursor=tail" },
      getCommandStatus: { recorded: "bg status done" },
    },
  },
  "Commands.prototype.createSession": {
    operations: ["createSession"],
    call: ({ sandbox }) => sandbox.commands.createSession({ cwd: "/workspace" }),
  },
  "Commands.prototype.start": {
    operations: ["runCommand"],
    call: ({ sandbox }) => sandbox.commands.start("sleep 5", { cwd: "/tmp" }),
    answers: { runCommand: { recorded: "background" } },
  },
  "Commands.prototype.attach": {
    operations: [],
    call: ({ sandbox }) => sandbox.commands.attach(COMMAND),
    sendsNothing: "the first use of the handle sends a request",
  },
  "Commands.prototype.attachSession": {
    operations: [],
    call: ({ sandbox }) => sandbox.commands.attachSession("s"),
    sendsNothing: "no operation describes a session",
  },
  "CommandHandle.prototype.status": {
    operations: ["getCommandStatus"],
    call: ({ command }) => command.status(),
  },
  "CommandHandle.prototype.logs": {
    operations: ["getCommandLogs"],
    call: ({ command }) => command.logs({ cursor: 3 }),
    answers: { getCommandLogs: { recorded: "bg logs cursor=3" } },
  },
  "CommandHandle.prototype.follow": {
    operations: ["getCommandLogs", "getCommandStatus"],
    call: ({ command }) => exhaust(command.follow({ cursor: 9 })),
    answers: {
      getCommandLogs: { recorded: "bg logs cursor=tail" },
      getCommandStatus: { recorded: "bg status done" },
    },
  },
  "CommandHandle.prototype.wait": {
    operations: ["getCommandStatus"],
    call: ({ command }) => command.wait(),
    answers: { getCommandStatus: { recorded: "bg status done" } },
  },
  "CommandHandle.prototype.waitForOutput": {
    operations: ["getCommandLogs", "getCommandStatus"],
    call: ({ command }) => command.waitForOutput(/\S/),
    answers: {
      getCommandLogs: { recorded: "bg logs cursor=3" },
      getCommandStatus: { recorded: "bg status done" },
    },
  },
  "CommandHandle.prototype.kill": {
    operations: ["interruptCommand"],
    call: ({ command }) => command.kill(),
  },
  "CommandHandle.prototype.[asyncDispose]": {
    operations: ["interruptCommand"],
    call: ({ command }) => command[Symbol.asyncDispose](),
  },
  "CommandSession.prototype.run": {
    operations: ["runInSession"],
    call: ({ session }) => session.run("pwd"),
  },
  "CommandSession.prototype.delete": {
    operations: ["deleteSession"],
    call: ({ session }) => session.delete(),
  },
  "CommandSession.prototype.[asyncDispose]": {
    operations: ["deleteSession"],
    call: ({ session }) => session[Symbol.asyncDispose](),
  },

  "Terminals.prototype.create": {
    operations: ["createTerminal"],
    call: ({ sandbox }) => sandbox.terminals.create({ cwd: "/tmp", command: "true", cols: 100 }),
  },
  "Terminals.prototype.attach": {
    operations: ["connectTerminal"],
    // WebSockets do not tell why they were refused: the same request without a handshake does.
    call: ({ sandbox }) => sandbox.terminals.attach(REFUSED, { offset: 5 }).catch(() => undefined),
    answers: {
      connectTerminal: {
        status: 409,
        body: `{"code":"ALREADY_CONNECTED","message":"another client is already connected to pty session ${REFUSED}"}`,
        because: "the recording of the handshakes is a text",
      },
    },
  },
  "Terminals.prototype.get": {
    operations: ["getTerminal"],
    call: ({ sandbox }) => sandbox.terminals.get("60ded17c-1a1f-4208-8cea-ac8f7f8a9e57"),
  },
  "Terminals.prototype.delete": {
    operations: ["deleteTerminal"],
    call: ({ sandbox }) => sandbox.terminals.delete("60ded17c-1a1f-4208-8cea-ac8f7f8a9e57"),
  },

  "Files.prototype.readFile": {
    operations: ["downloadFile"],
    call: ({ sandbox }) => sandbox.files.readFile(FILE),
  },
  "Files.prototype.readBytes": {
    operations: ["downloadFile"],
    call: ({ sandbox }) => sandbox.files.readBytes(FILE, { range: { end: 5 } }),
    answers: { downloadFile: { recorded: "range 0-4" } },
  },
  "Files.prototype.readBytesStream": {
    operations: ["downloadFile"],
    call: async ({ sandbox }) => exhaust(await sandbox.files.readBytesStream(FILE)),
  },
  "Files.prototype.writeFiles": {
    operations: ["createDirectories", "uploadFiles"],
    call: ({ sandbox }) =>
      sandbox.files.writeFiles([
        { path: FILE, data: "text", mode: 0o644, owner: "nobody", group: "nogroup" },
        { path: "/workspace/ft/a/bytes", data: new Uint8Array([0, 255]) },
      ]),
  },
  "Files.prototype.writeFile": {
    operations: ["uploadFiles"],
    call: ({ sandbox }) => sandbox.files.writeFile(FILE, "text", { mode: null }),
  },
  "Files.prototype.deleteFile": {
    operations: ["deleteFiles"],
    call: ({ sandbox }) => sandbox.files.deleteFile("/workspace/ft/b/2.txt"),
  },
  "Files.prototype.getInfo": {
    operations: ["getFilesInfo"],
    call: ({ sandbox }) => sandbox.files.getInfo(FILE),
  },
  "Files.prototype.exists": {
    operations: ["getFilesInfo"],
    call: ({ sandbox }) => sandbox.files.exists(FILE),
  },
  "Files.prototype.upload": {
    operations: ["createDirectories", "uploadFiles"],
    call: async ({ sandbox, directory }) => {
      await writeFile(path.join(directory, "up.txt"), "text");
      await sandbox.files.upload(path.join(directory, "up.txt"), FILE, { mode: 0o644 });
    },
  },
  "Files.prototype.download": {
    operations: ["downloadFile"],
    call: ({ sandbox, directory }) => sandbox.files.download(FILE, path.join(directory, "down.txt")),
  },
  "Files.prototype.deleteFiles": {
    operations: ["deleteFiles"],
    call: ({ sandbox }) => sandbox.files.deleteFiles(["/workspace/ft/b/2.txt"]),
  },
  "Files.prototype.deleteDirectories": {
    operations: ["deleteDirectories"],
    call: ({ sandbox }) => sandbox.files.deleteDirectories(["/workspace/ft/d1", "/workspace/ft/d3"]),
  },
  "Files.prototype.getFileInfo": {
    operations: ["getFilesInfo"],
    call: ({ sandbox }) => sandbox.files.getFileInfo([FILE, "/workspace/ft/b/1.bin"]),
  },
  "Files.prototype.search": {
    operations: ["searchFiles"],
    call: ({ sandbox }) => sandbox.files.search("/workspace/ft", { pattern: "*.txt" }),
  },
  "Files.prototype.listDirectory": {
    operations: ["listDirectory"],
    call: ({ sandbox }) => sandbox.files.listDirectory("/workspace/ft", { depth: 2 }),
  },
  "Files.prototype.createDirectories": {
    operations: ["createDirectories"],
    call: ({ sandbox }) =>
      sandbox.files.createDirectories([
        "/workspace/d",
        { path: "/workspace/e", mode: 0o700, owner: "nobody" },
      ]),
  },
  "Files.prototype.moveFiles": {
    operations: ["moveFiles"],
    call: ({ sandbox }) => sandbox.files.moveFiles([{ src: FILE, dest: "/workspace/ft/new/x" }]),
  },
  "Files.prototype.replaceContents": {
    operations: ["replaceInFiles"],
    call: ({ sandbox }) =>
      sandbox.files.replaceContents([{ path: FILE, oldContent: "LINE", newContent: "line" }]),
    answers: { replaceInFiles: { recorded: "replace verbose" } },
  },
  "Files.prototype.setPermissions": {
    operations: ["setPermissions"],
    call: ({ sandbox }) =>
      sandbox.files.setPermissions([{ path: FILE, mode: 0o600, owner: "nobody", group: "nogroup" }]),
  },

  "Egress.prototype.get": {
    operations: ["getEgressPolicy", "getSandboxEndpoint"],
    call: ({ sandbox }) => sandbox.egress.get(),
    answers: { getEgressPolicy: policy },
  },
  "Egress.prototype.replace": {
    operations: ["getSandboxEndpoint", "replaceEgressPolicy"],
    call: ({ sandbox }) =>
      sandbox.egress.replace({ defaultAction: "deny", egress: [{ action: "allow", target: "pypi.org" }] }),
    answers: { replaceEgressPolicy: policy },
  },
  "Egress.prototype.patch": {
    operations: ["getSandboxEndpoint", "patchEgressPolicy"],
    call: ({ sandbox }) => sandbox.egress.patch([{ action: "allow", target: "*.example.com" }]),
    answers: { patchEgressPolicy: policy },
  },
  "Egress.prototype.delete": {
    operations: ["deleteEgressRules", "getSandboxEndpoint"],
    call: ({ sandbox }) => sandbox.egress.delete(["*.example.com"]),
    answers: { deleteEgressRules: policy },
  },
  "CredentialVault.prototype.create": {
    operations: ["createCredentialVault", "getSandboxEndpoint"],
    call: ({ sandbox }) => sandbox.credentialVault.create({ credentials: [CREDENTIAL], bindings: [BINDING] }),
    answers: { createCredentialVault: { ...vault, status: 201 } },
  },
  "CredentialVault.prototype.get": {
    operations: ["getCredentialVault", "getSandboxEndpoint"],
    call: ({ sandbox }) => sandbox.credentialVault.get(),
    answers: { getCredentialVault: vault },
  },
  "CredentialVault.prototype.patch": {
    operations: ["getSandboxEndpoint", "patchCredentialVault"],
    call: ({ sandbox }) =>
      sandbox.credentialVault.patch({
        expectedRevision: 1,
        credentials: { replace: [CREDENTIAL], delete: ["old"] },
        bindings: { add: [BINDING] },
      }),
    answers: { patchCredentialVault: vault },
  },
  "CredentialVault.prototype.delete": {
    operations: ["deleteCredentialVault", "getSandboxEndpoint"],
    call: ({ sandbox }) => sandbox.credentialVault.delete(),
    answers: { deleteCredentialVault: { status: 204, body: "", because: NO_SIDECAR } },
  },
  "CredentialVault.prototype.listCredentials": {
    operations: ["getSandboxEndpoint", "listCredentials"],
    call: ({ sandbox }) => sandbox.credentialVault.listCredentials(),
    answers: { listCredentials: { ...vault, body: '{"revision":1,"credentials":[]}' } },
  },
  "CredentialVault.prototype.getCredential": {
    operations: ["getCredential", "getSandboxEndpoint"],
    call: ({ sandbox }) => sandbox.credentialVault.getCredential("token"),
    answers: { getCredential: { ...vault, body: '{"name":"token","sourceType":"inline","revision":1}' } },
  },
  "CredentialVault.prototype.listBindings": {
    operations: ["getSandboxEndpoint", "listCredentialBindings"],
    call: ({ sandbox }) => sandbox.credentialVault.listBindings(),
    answers: { listCredentialBindings: { ...vault, body: '{"revision":1,"bindings":[]}' } },
  },
  "CredentialVault.prototype.getBinding": {
    operations: ["getCredentialBinding", "getSandboxEndpoint"],
    call: ({ sandbox }) => sandbox.credentialVault.getBinding("api"),
    answers: { getCredentialBinding: { ...vault, body: '{"name":"api","revision":1}' } },
  },

  "Isolated.prototype.capabilities": {
    operations: ["getIsolationCapabilities"],
    call: ({ sandbox }) => sandbox.isolated.capabilities(),
    answers: { getIsolationCapabilities: isolatedAnswer({ available: true, isolator: "bwrap" }) },
  },
  "Isolated.prototype.create": {
    operations: ["createIsolatedSession"],
    call: ({ sandbox }) =>
      sandbox.isolated.create({ workspace: { path: "/workspace", mode: "ro" }, shareNet: false }),
    answers: { createIsolatedSession: isolatedCreated },
  },
  "Isolated.prototype.attach": {
    operations: ["getIsolatedSession"],
    call: ({ sandbox }) => sandbox.isolated.attach(ISOLATED),
    answers: { getIsolatedSession: isolatedInfo },
  },
  "Isolated.prototype.list": {
    operations: ["listIsolatedSessions"],
    call: ({ sandbox }) => sandbox.isolated.list(),
    answers: {
      listIsolatedSessions: isolatedAnswer({ sessions: [{ session_id: ISOLATED, ...isolatedState }] }),
    },
  },
  "Isolated.prototype.runOnce": {
    operations: ["createIsolatedSession", "deleteIsolatedSession", "runInIsolatedSession"],
    call: ({ sandbox }) => sandbox.isolated.runOnce("true", { workspace: { path: "/workspace" } }),
    answers: {
      createIsolatedSession: isolatedCreated,
      deleteIsolatedSession: isolatedDeleted,
      runInIsolatedSession: isolatedRun,
    },
  },
  "Isolated.prototype.withSession": {
    operations: ["createIsolatedSession", "deleteIsolatedSession"],
    call: ({ sandbox }) =>
      sandbox.isolated.withSession({ workspace: { path: "/workspace" } }, ({ id }) => id),
    answers: { createIsolatedSession: isolatedCreated, deleteIsolatedSession: isolatedDeleted },
  },
  "IsolatedSession.prototype.run": {
    operations: ["runInIsolatedSession"],
    call: ({ isolated }) => isolated.run("ls", { env: { A: "b" } }),
    answers: { runInIsolatedSession: isolatedRun },
  },
  "IsolatedSession.prototype.start": {
    operations: ["runInIsolatedSession"],
    call: ({ isolated }) => isolated.start("make"),
    answers: {
      runInIsolatedSession: isolatedAnswer(
        { session_id: ISOLATED, run_id: "r", started_at: isolatedState.created_at },
        202,
      ),
    },
  },
  "IsolatedSession.prototype.getRun": {
    operations: ["getIsolatedRun"],
    call: ({ isolated }) => isolated.getRun("r"),
    answers: { getIsolatedRun: isolatedStatus },
  },
  "IsolatedSession.prototype.getRunLogs": {
    operations: ["getIsolatedRunLogs"],
    call: ({ isolated }) => isolated.getRunLogs("r", { cursor: 5 }),
    answers: { getIsolatedRunLogs: isolatedAnswer("printed") },
  },
  "IsolatedSession.prototype.getInfo": {
    operations: ["getIsolatedSession"],
    call: ({ isolated }) => isolated.getInfo(),
    answers: { getIsolatedSession: isolatedInfo },
  },
  "IsolatedSession.prototype.delete": {
    operations: ["deleteIsolatedSession"],
    call: ({ isolated }) => isolated.delete(),
    answers: { deleteIsolatedSession: isolatedDeleted },
  },
  "IsolatedSession.prototype.[asyncDispose]": {
    operations: ["deleteIsolatedSession"],
    call: ({ isolated }) => isolated[Symbol.asyncDispose](),
    answers: { deleteIsolatedSession: isolatedDeleted },
  },

  "Metrics.prototype.getMetrics": {
    operations: ["getMetrics"],
    call: ({ sandbox }) => sandbox.metrics.getMetrics(),
    answers: { getMetrics: measured },
  },
  "Metrics.prototype.watch": {
    operations: ["watchMetrics"],
    call: async ({ sandbox }) => {
      // The recording has no end, like the server's response.
      for await (const { cpuCount } of sandbox.metrics.watch()) if (cpuCount > 0) break;
    },
  },
  "Health.prototype.ping": { operations: ["ping"], call: ({ sandbox }) => sandbox.health.ping() },
  "Health.prototype.isHealthy": { operations: ["ping"], call: ({ sandbox }) => sandbox.health.isHealthy() },
};

/** Returns the requests of a facade method. Recordings answer them in place of `fetch`. */
export async function observe({ call, answers = {} }: FacadeCall): Promise<readonly Observed[]> {
  const observed: Observed[] = [];
  const config = new ConnectionConfig({
    domain: LIFECYCLE_ORIGIN,
    retryPolicy: { maxRetries: 0 },
    webSocket: FakeWebSocket,
    fetch: fetchBy(async (request) => {
      const url = new URL(request.url);
      const find = (server: ServerKind) => findOperation(operations, server, request.method, url.pathname);
      const operation =
        url.origin === LIFECYCLE_ORIGIN ? find("lifecycle") : (find("execd") ?? find("egress"));
      if (operation === undefined) throw new RangeError(`No operation is ${request.method} ${request.url}`);
      const { response, isRecorded } = answerOf(operation, answers[operation.id]);
      observed.push({
        operation,
        request: {
          url: request.url,
          contentType: request.headers.get("content-type") ?? "",
          body: await request.text(),
        },
        answer: isRecorded ? "recorded" : "hand-built",
      });
      return response;
    }),
  });
  const directory = await mkdtemp(path.join(tmpdir(), "facade-"));
  try {
    const sandbox = await Sandbox.connect({
      sandboxId: SANDBOX_ID,
      connectionConfig: config,
      skipHealthCheck: true,
      killOnDispose: true,
    });
    const objects: FacadeObjects = {
      config,
      sandbox,
      interpreter: await CodeInterpreter.create(sandbox),
      manager: SandboxManager.create({ connectionConfig: config }),
      session: await sandbox.commands.createSession(),
      isolated: new IsolatedSession(sandbox.link, ISOLATED),
      command: sandbox.commands.attach(COMMAND),
      directory,
    };
    observed.length = 0;
    await call(objects);
    return observed;
  } finally {
    await rm(directory, { recursive: true });
  }
}

function answerOf(
  { id }: Operation,
  answer: Answer | undefined,
): { readonly response: Response; readonly isRecorded: boolean } {
  if (answer !== undefined && "status" in answer) {
    const { status, type = "application/json", body } = answer;
    const headers = body === "" ? {} : { "Content-Type": type };
    return { response: new Response(body === "" ? null : body, { status, headers }), isRecorded: false };
  }
  const found = recorded.find(
    ({ operation, name, exchange }) =>
      operation.id === id && (answer === undefined ? isSuccess(exchange) : name === answer.recorded),
  );
  if (found === undefined) throw new RangeError(`No recorded response of ${id} matches; write one by hand.`);
  const { status, headers } = found.exchange.response;
  const body = bodyOf(found.exchange);
  return {
    response: new Response(body === "" ? null : body, { status: status ?? 200, headers }),
    isRecorded: true,
  };
}

function isSuccess({ response: { status } }: Exchange): boolean {
  return status !== null && status >= 200 && status < 300;
}

async function exhaust(items: AsyncIterable<unknown>): Promise<void> {
  const iterator = items[Symbol.asyncIterator]();
  while ((await iterator.next()).done !== true);
}
