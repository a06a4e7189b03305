import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import {
  Client as ClientOfVersion2,
  StreamableHTTPClientTransport as HttpOfVersion2,
} from "@modelcontextprotocol/client";
import { StdioClientTransport as StdioOfVersion2 } from "@modelcontextprotocol/client/stdio";
import { Client as ClientOfVersion1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as StdioOfVersion1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as HttpOfVersion1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { createMcpServer, type McpCodeServerOptions } from "../../src/agents/mcp/index.js";
import { startLocalServer, type LocalServer } from "../../src/local/index.js";
import { until } from "../helpers/local-sandbox.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";
import { countSandboxes } from "./frameworks.js";

const COMMAND = path.resolve("dist/cli/main.mjs");
const INFO = { name: "test", version: "1.0.0" };
const TOKEN = "a-token-for-tests";
const INITIALIZE = {
  ...{ jsonrpc: "2.0", id: 1, method: "initialize" },
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: INFO },
};
/** A picture of one pixel. */
const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const SHOW_PNG = `import base64\nclass P:\n    def _repr_png_(self): return base64.b64decode("${PNG}")\nP()`;

/** The processes of this machine that have a word among their arguments. */
function processesWith(word: string): string[] {
  return readdirSync("/proc").filter((id) => {
    try {
      return /^\d+$/.test(id) && readFileSync(`/proc/${id}/cmdline`, "utf8").split("\0").includes(word);
    } catch {
      return false; // It has ended meanwhile.
    }
  });
}

interface Result {
  readonly content: readonly { readonly type: string; readonly text?: string }[];
  readonly structuredContent?: { readonly text: string; readonly sandbox?: string };
  readonly isError?: boolean;
}

interface CallOptions {
  readonly signal?: AbortSignal;
  readonly onprogress?: (progress: { readonly message?: string | undefined }) => void;
}

/** What the tests use of a client, the same for both versions. */
interface Host {
  readonly client: ClientOfVersion1 | ClientOfVersion2;
  call(name: string, input: object, options?: CallOptions): Promise<Result>;
  close(): Promise<void>;
}

const LONG = { timeout: 55_000 };

function hostOfVersion1(client: ClientOfVersion1): Host {
  return {
    client,
    call: async (name, input, options) =>
      (await client.callTool({ name, arguments: { ...input } }, undefined, {
        ...LONG,
        ...options,
      })) as unknown as Result,
    close: () => client.close(),
  };
}

function hostOfVersion2(client: ClientOfVersion2): Host {
  return {
    client,
    call: async (name, input, options) =>
      (await client.callTool({ name, arguments: { ...input } }, { ...LONG, ...options })) as Result,
    close: () => client.close(),
  };
}

const NEW_REVISION = { versionNegotiation: { mode: { pin: "2026-07-28" } } };
const STDIO = { command: process.execPath, args: [COMMAND, "mcp"], stderr: "ignore" as const };

const overStdio: readonly (readonly [string, () => Promise<Host>])[] = [
  [
    "1",
    async () => {
      const client = new ClientOfVersion1(INFO);
      await client.connect(new StdioOfVersion1(STDIO), LONG);
      return hostOfVersion1(client);
    },
  ],
  ["2", () => overStdioOfVersion2({})],
  ["2 in the revision of 2026", () => overStdioOfVersion2(NEW_REVISION)],
];

async function overStdioOfVersion2(options: object): Promise<Host> {
  const client = new ClientOfVersion2(INFO, options);
  await client.connect(new StdioOfVersion2(STDIO), LONG);
  return hostOfVersion2(client);
}

const overHttp: readonly (readonly [string, (url: URL) => Promise<Host>])[] = [
  [
    "1",
    async (url) => {
      const client = new ClientOfVersion1(INFO);
      const requestInit = { headers: { authorization: `Bearer ${TOKEN}` } };
      await client.connect(new HttpOfVersion1(url, { requestInit }), LONG);
      return hostOfVersion1(client);
    },
  ],
  ["2", (url) => overHttpOfVersion2(url, {})],
  ["2 in the revision of 2026", (url) => overHttpOfVersion2(url, NEW_REVISION)],
];

async function overHttpOfVersion2(url: URL, options: object): Promise<Host> {
  const client = new ClientOfVersion2(INFO, options);
  const requestInit = { headers: { authorization: `Bearer ${TOKEN}` } };
  await client.connect(new HttpOfVersion2(url, { requestInit }), LONG);
  return hostOfVersion2(client);
}

describeIf(
  isolationWorks && hasPython,
  "agents/mcp",
  isolationWorks ? "there is no python3" : NO_ISOLATION_REASON,
)("the command mcp", () => {
  describe.each(overStdio)("over stdio, with a client of version %s", (_, connect) => {
    let host: Host;
    beforeAll(async () => (host = await connect()));
    afterAll(() => host.close());

    test("lists six tools with titles, annotations and output schemas", async () => {
      const { tools } = await host.client.listTools();
      expect(tools.map(({ name }) => name)).toEqual([
        ...["run_code", "run_command", "read_file", "write_file", "list_files", "reset_context"],
      ]);
      for (const tool of tools) {
        expect(tool).toMatchObject({
          title: expect.stringMatching(/./) as unknown as string,
          annotations: { openWorldHint: false },
          inputSchema: { type: "object" },
          outputSchema: { required: ["text", "files"] },
        });
        expect(tool.inputSchema.properties).not.toHaveProperty("sandbox");
      }
    });

    test("runs code with live output, and offers its files as resources", async () => {
      const messages: (string | undefined)[] = [];
      const code =
        "print('begun', flush=True)\nimport time; time.sleep(0.5)\nopen('a b.txt', 'w').write('text')\n6 * 7";
      const result = await host.call(
        "run_code",
        { code },
        { onprogress: ({ message }) => messages.push(message) },
      );
      expect(messages).toEqual(["begun\n"]);
      const text = "begun\n[result]\n42\n[files created or changed: a b.txt (4 B)]";
      expect(result).toMatchObject({
        content: [{ type: "text", text }],
        structuredContent: { text, files: [{ path: "a b.txt", size: 4 }] },
        isError: false,
      });
      const { resources } = await host.client.listResources();
      expect(resources).toMatchObject([{ uri: "sandbox:///workspace/a%20b.txt", name: "a b.txt", size: 4 }]);
      const { contents } = await host.client.readResource({ uri: "sandbox:///workspace/a%20b.txt" });
      expect(contents).toMatchObject([{ text: "text" }]);
      await expect(host.client.readResource({ uri: "sandbox:///workspace/no.txt" })).rejects.toThrow();
    });

    test("returns pictures as image content", async () => {
      const { content } = await host.call("run_code", { code: SHOW_PNG });
      expect(content).toContainEqual({ type: "image", mimeType: "image/png", data: PNG });
    });

    test.each([
      ["run_code", { cod: "1" }, 'unknown field "cod"; code is missing'],
      ["run_code", {}, "code is missing. It takes code (string, required)"],
      ["run_code", { code: { text: "1" } }, 'code must be a string, not {"text":"1"}'],
      ["run_code", { code: "1", language: "cobol" }, "language must be one of python, javascript"],
      ["run_command", { command: "ls", timeoutSeconds: "soon" }, "timeoutSeconds must be a number above 0"],
      ["read_file", { path: "a", startLine: 0 }, "startLine must be an integer of at least 1"],
      ["read_file", { path: "missing.txt" }, "missing.txt"],
    ])("tells the model what is wrong with %s %j", async (tool, input, problem) => {
      const { content, isError } = await host.call(tool, input);
      expect(isError).toBe(true);
      expect(content[0]?.text).toContain(problem);
    });

    test("accepts other spellings, and runs parallel calls in turn", async () => {
      const inputs = [
        { code: "n = globals().get('n', 0) + 1; n", language: "Python" },
        { code: ["n = globals().get('n', 0) + 1", "n"], context: null },
        { code: "let m = 5; m", language: "js" },
      ];
      const results = await Promise.all(inputs.map((input) => host.call("run_code", input)));
      expect(results.map(({ structuredContent }) => structuredContent?.text).sort()).toEqual([
        ...["[result]\n1", "[result]\n2", "[result]\n5"],
      ]);
    });

    test("interrupts a run that is cancelled, and keeps the state", async () => {
      const aborting = new AbortController();
      const code = "kept = 7\nprint('begun', flush=True)\nwhile True: pass";
      const cancelled = host.call(
        "run_code",
        { code },
        { signal: aborting.signal, onprogress: () => aborting.abort() },
      );
      await expect(cancelled).rejects.toThrow();
      expect((await host.call("run_code", { code: "kept" })).structuredContent?.text).toBe("[result]\n7");
    });

    test("has a prompt that teaches good use", async () => {
      const { prompts } = await host.client.listPrompts();
      expect(prompts.map(({ name }) => name)).toEqual(["use_sandbox"]);
      const { messages } = await host.client.getPrompt({ name: "use_sandbox" });
      expect(JSON.stringify(messages)).toContain("You have a sandbox");
    });
  });

  test("50 MB of output stay in the sandbox", async () => {
    const host = await overStdioOfVersion2({});
    let messageCharacters = 0;
    const onprogress = ({ message = "" }: { readonly message?: string | undefined }) => {
      messageCharacters += message.length;
    };
    const code = "for _ in range(50): print('x' * 999_999)";
    const result = await host.call("run_code", { code }, { onprogress });
    expect(JSON.stringify(result).length).toBeLessThan(60_000);
    expect(messageCharacters).toBeLessThan(2_000_000);
    const [, path] = /its first 16\.0 MB are in (\S+)\]/.exec(result.structuredContent?.text ?? "") ?? [];
    const size = await host.call("run_command", { command: `stat -c %s ${path ?? ""}` });
    expect(size.structuredContent?.text).toBe("16000000");
    await host.close();
  });

  test("without isolation the model is told what to install", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "mcp-test-"));
    symlinkSync(process.execPath, path.join(folder, "node"));
    const client = new ClientOfVersion2(INFO);
    await client.connect(new StdioOfVersion2({ ...STDIO, env: { PATH: folder } }), LONG);
    const host = hostOfVersion2(client);
    const { content, isError } = await host.call("run_code", { code: "1" });
    expect(isError).toBe(true);
    expect(content[0]?.text).toContain("apt-get install bubblewrap");
    expect(content[0]?.text).toContain("--isolation none");
    await host.close();
    rmSync(folder, { recursive: true });
  });

  test("leaves no process and no folder behind when its host is killed", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "mcp-test-"));
    const marker = `${Math.floor(Math.random() * 1e6)}77777`;
    const code = `import subprocess; subprocess.Popen(["sleep", "${marker}"]); 1`;
    const messages = [
      INITIALIZE,
      { jsonrpc: "2.0", method: "notifications/initialized" },
      {
        ...{ jsonrpc: "2.0", id: 2, method: "tools/call" },
        params: { name: "run_code", arguments: { code } },
      },
    ];
    const script = `
      const { spawn } = require("node:child_process");
      const command = spawn(process.execPath, [${JSON.stringify(COMMAND)}, "mcp"], { stdio: ["pipe", "pipe", "inherit"] });
      command.stdout.pipe(process.stdout);
      for (const message of ${JSON.stringify(messages)}) command.stdin.write(JSON.stringify(message) + "\\n");`;
    const killed = spawn(process.execPath, ["-e", script], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, TMPDIR: folder },
    });
    for await (const line of createInterface(killed.stdout)) if (line.includes('"id":2')) break;
    expect(processesWith(marker)).toHaveLength(1);
    expect(readdirSync(folder)).not.toEqual([]);
    // The command inherits this pipe, which closes when it has ended too.
    const closed = once(killed.stderr.resume(), "close");
    killed.kill("SIGKILL");
    await closed;
    expect(processesWith(marker)).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  test("ends when its host hangs up", async () => {
    const command = spawn(process.execPath, [COMMAND, "mcp"], { stdio: ["pipe", "pipe", "ignore"] });
    const exited = once(command, "exit");
    const line = once(createInterface(command.stdout), "line");
    command.stdin.write(`${JSON.stringify(INITIALIZE)}\n`);
    await line;
    command.stdin.end();
    expect(await exited).toEqual([0, null]);
  });

  describe("over HTTP", () => {
    let command: ReturnType<typeof spawn>;
    let url: URL;
    beforeAll(async () => {
      const env = { ...process.env, OPEN_SANDBOX_MCP_TOKEN: TOKEN };
      command = spawn(process.execPath, [COMMAND, "mcp", "--http", "0"], {
        stdio: ["ignore", "ignore", "pipe"],
        env,
      });
      if (command.stderr === null) throw new Error("There is no standard error.");
      for await (const line of createInterface(command.stderr)) {
        const [, address] = /(http:\S+)/.exec(line) ?? [];
        if (address === undefined) continue;
        url = new URL(address);
        break;
      }
    });
    afterAll(async () => {
      const exited = once(command, "exit");
      command.kill("SIGTERM");
      await exited;
    });

    test.each(overHttp)(
      "a client of version %s goes on with the sandbox that a result names",
      async (_, connect) => {
        const host = await connect(url);
        const messages: (string | undefined)[] = [];
        const first = await host.call(
          "run_code",
          { code: "x = 41\nprint('live')" },
          { onprogress: ({ message }) => messages.push(message) },
        );
        expect(messages).toEqual(["live\n"]);
        const { sandbox } = first.structuredContent ?? {};
        expect(sandbox).toMatch(/^[0-9a-f]{16}$/);
        expect(first.content[0]?.text).toBe(`live\n[sandbox: ${sandbox ?? ""}]`);
        expect((await host.call("run_code", { code: "x + 1", sandbox })).structuredContent?.text).toBe(
          "[result]\n42",
        );
        expect((await host.call("run_code", { code: "'x' in globals()" })).structuredContent?.text).toBe(
          "[result]\nFalse",
        );
        const unknown = await host.call("run_code", { code: "1", sandbox: "nope" });
        expect(unknown).toMatchObject({ isError: true });
        expect(unknown.content[0]?.text).toContain('There is no sandbox "nope"');
        await host.call("write_file", { path: "r.txt", content: "there", sandbox });
        const { contents } = await host.client.readResource({
          uri: `sandbox://${sandbox ?? ""}/workspace/r.txt`,
        });
        expect(contents).toMatchObject([{ text: "there" }]);
        const { content } = await host.call("run_code", { code: SHOW_PNG, sandbox });
        expect(content).toContainEqual({ type: "image", mimeType: "image/png", data: PNG });

        const aborting = new AbortController();
        const cancelled = host.call(
          "run_code",
          { code: "print('begun', flush=True)\nwhile True: pass", sandbox },
          { signal: aborting.signal, onprogress: () => aborting.abort() },
        );
        await expect(cancelled).rejects.toThrow();
        expect((await host.call("run_code", { code: "x", sandbox })).structuredContent?.text).toBe(
          "[result]\n41",
        );
        await host.close();
      },
    );

    test.each([
      ["without a token", {}, 401],
      ["with another token", { authorization: "Bearer other" }, 401],
      ["from a web page", { authorization: `Bearer ${TOKEN}`, origin: "https://example.com" }, 403],
    ])("refuses a request %s", async (_, headers, status) => {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }),
      });
      expect(response.status).toBe(status);
    });

    test("refuses a request to another host name", async () => {
      const headers = { host: "example.com", authorization: `Bearer ${TOKEN}` };
      const sent = request(url, { method: "POST", headers }).end("{}");
      const [{ statusCode }] = (await once(sent, "response")) as [{ statusCode: number }];
      sent.destroy();
      expect(statusCode).toBe(403);
    });
  });

  test("createMcpServer refuses what is not a transport, and limits that are not numbers", async () => {
    await using server = createMcpServer();
    // @ts-expect-error -- it lacks the methods
    await expect(server.connect({})).rejects.toThrow(
      "transport must have the methods start, send and close.",
    );
    expect(() => createMcpServer({ maxSandboxes: 0 })).toThrow(
      "maxSandboxes must be a number above 0; got 0.",
    );
  });

  describe("createMcpServer over HTTP", () => {
    let server: LocalServer;
    beforeAll(async () => (server = await startLocalServer({ port: false, pythonShell: "plain" })));
    afterAll(() => server.close());

    async function connect(options: McpCodeServerOptions) {
      const { connectionConfig } = server;
      const mcp = createMcpServer({ connectionConfig, ...options });
      const client = new ClientOfVersion2(INFO);
      const fetch = (input: string | URL, init?: RequestInit) => mcp.fetch(new Request(input, init));
      await client.connect(new HttpOfVersion2(new URL("http://localhost/mcp"), { fetch }));
      return { mcp, host: hostOfVersion2(client) };
    }

    test("a new sandbox replaces the one that is idle for longest, unless all are busy", async () => {
      const { mcp, host } = await connect({ maxSandboxes: 1 });
      const [one, other] = [
        await host.call("run_code", { code: "1" }),
        await host.call("run_code", { code: "2" }),
      ].map(({ structuredContent }) => structuredContent?.sandbox);
      const ended = await host.call("run_code", { code: "3", sandbox: one });
      expect(ended.content[0]?.text).toContain(`There is no sandbox "${one ?? ""}": it has ended`);
      const busy = await new Promise<Result>((resolve, reject) => {
        const onprogress = () => void host.call("run_code", { code: "4" }).then(resolve, reject);
        const code = "print('begun', flush=True)\nimport time; time.sleep(60)";
        host.call("run_code", { code, sandbox: other }, { onprogress }).catch(() => undefined);
      });
      expect(busy.content[0]?.text).toContain("All 1 sandboxes are busy.");
      await mcp.close();
      expect(await countSandboxes(server)).toBe(0);
    });

    test("a sandbox that is idle for too long ends", async () => {
      const { mcp, host } = await connect({ idleSeconds: 0.2 });
      const { structuredContent } = await host.call("run_code", { code: "1" });
      const { sandbox } = structuredContent ?? {};
      await until(
        () => countSandboxes(server),
        (count) => count === 0,
      );
      const ended = await host.call("run_code", { code: "1", sandbox });
      expect(ended.content[0]?.text).toContain("after 0.2 s without a call, and its state is lost.");
      await mcp.close();
    });
  });
});
