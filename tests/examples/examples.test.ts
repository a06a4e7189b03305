import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { startLocalServer, type LocalServer } from "../../src/local/index.js";
import { javaFinder } from "../../src/local/languages/java/runtime.js";
import { SandboxManager } from "../../src/sandbox-manager.js";
import { startModelServer, type Turn } from "../agents/model-server.js";
import { NODE_22 } from "../agents/node22.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON, runs } from "../helpers/skips.js";
import { root, run } from "../package/programs.js";

const DIRECTORY = path.join(root, "examples");
const MOST_LINES = 80;
const MOST_AGENT_LINES = 25;

/** A line of output: as it is, or what it is like. */
type Lines = readonly (string | RegExp)[];

/** All that each example prints. One that is in no list fails. */
const PRINTED: Readonly<Record<string, Lines>> = {
  "quick-start": ["Hello, World!", "the answer is 42", "and over zero: ZeroDivisionError - division by zero"],
  lifecycle: [
    ...["progress: created", "progress: endpoint", "progress: ready"],
    "state: Running team: research",
    'labels: {"purpose":"demo"}',
    "minutes left: 20",
    "after pause: Paused",
    "after resume: Running healthy: true",
    "hello from the same sandbox",
    "events: DIAGNOSTICS_NOT_IMPLEMENTED",
    "after kill: status 404",
  ],
  manager: [
    "on the first page: 2 of 3",
    "over all pages: 3",
    "paused: Paused",
    "renewed: 30 minutes left",
    "to keep: true",
    "after one kill: 2",
    "killed at the end: 2",
  ],
  snapshots: [
    "snapshot: Ready",
    "in the copy: as it was",
    "in the original: changed since",
    "listed: example Ready",
    "left: 0",
  ],
  pool: [
    "idle: 2",
    "the root: 42",
    "in another sandbox: hello",
    "different sandboxes: 4",
    "in the end: 2 of 2 idle, 6 acquired",
  ],
  endpoints: ["the page: <h1>Hello from inside</h1>", "no signed addresses here: SANDBOX::API_NOT_SUPPORTED"],
  files: [
    "second line: apple,3",
    "last byte: 255",
    "listed: /tmp/shop/bin directory - 755",
    "listed: /tmp/shop/bin/total.sh file 17 755",
    "listed: /tmp/shop/logo.bin file 4 644",
    "listed: /tmp/shop/prices.csv file 26 644",
    "found: /tmp/shop/bin/total.sh",
    "replaced: 1",
    "moved: /tmp/shop/archive/2026.csv 600",
    "uploaded: 1300000 and back the same: true",
    "streamed: 1300000",
    "left: /tmp/shop/archive/2026.csv",
  ],
  commands: [
    "stdout: hello from /tmp",
    "stderr: careful",
    "exit code: 0",
    "failed: 3 after half-way",
    "killed by: killed",
    ...["came: step 1", "came: step 2", "came: step 3"],
    "lines in all: 3",
    "interrupted: begun and then terminated",
    "too slow: RUN_TIMEOUT after begun",
  ],
  "background-commands": [
    ...["step 1", "step 2", "step 3"],
    "running: false exit code: 4 error: exit status 4",
    String.raw`read: "step 1\nstep 2\nstep 3\n"`,
    'new since then: ""',
    "running: true",
    "running: false ended by: terminated",
  ],
  sessions: [
    "kept: test in /tmp/project/src",
    "not kept: nothing",
    /^exit code: 2 - ls: .*missing.*No such file/,
    "elsewhere: nothing",
    "moved to: / and stays: /",
  ],
  metrics: [
    "healthy: true",
    /^processors: [1-9]\d*$/,
    /^memory: \d+ of [1-9]\d* MiB$/,
    /^\d{4}-.*Z: \d+\.\d % busy$/,
    /^\d{4}-.*Z: \d+\.\d % busy$/,
    "measurements: 2",
  ],
  "streaming-and-interrupt": [
    ...["handler: count 0", "handler: count 1", "handler: count 2"],
    "result: 20",
    "the outcome has it too: 20",
    "event: once",
    "event: <b>bold</b>",
    "characters: 100000",
    "interrupted: KeyboardInterrupt",
    "n is still there: True",
  ],
  "errors-and-retries": [
    "data: so far so good then ValueError - invalid literal for int() with base 10: 'x'",
    "your mistake: code must not be blank.",
    "the server says: 404 FILE_NOT_FOUND",
    "the server says: 404 CONTEXT_NOT_FOUND",
    "the SDK: CLOSED",
    "retry 1 of GET /sandboxes after UNEXPECTED_RESPONSE",
    "retry 2 of GET /sandboxes after UNEXPECTED_RESPONSE",
    "the server says: 503 UNEXPECTED_RESPONSE",
  ],
  "abort-and-deadlines": [
    "aborted: the user closed the tab",
    String.raw`limited: RUN_TIMEOUT with "begun\n"`,
    "left: RUN_CANCELLED",
    "the state survived: 3",
    "over the deadline: TimeoutError",
    "not created: changed my mind",
  ],
  "agent-mcp": [
    "run_code run_command read_file write_file list_files reset_context",
    ...["ok: [no output]", "ok: [result]", "120"],
    ...["failed: [error]", /^ValueError +Traceback/, /^Cell/, "----> 1 math.sqrt(-1)", ""],
    "ValueError: math domain error",
  ],
};

const PRIMES = "n = [p for p in range(2, 600) if all(p % d for d in range(2, p))]\nprint(n[99])";
const TURNS: readonly Turn[] = [
  [{ name: "run_code", arguments: JSON.stringify({ code: PRIMES }) }],
  "The 100th prime number is 541.",
];
/** What the examples print whose model is a server with a script. */
const SERVED: Readonly<Record<string, Lines>> = {
  "agent-openai": ["printed: 541", "The 100th prime number is 541."],
  "agent-anthropic": ["The 100th prime number is 541."],
  "agent-openai-agents": ["The 100th prime number is 541."],
  "agent-mastra": ["The 100th prime number is 541."],
};

const SCRIPTED = path.join(__dirname, "scripted");
const LANGCHAIN = ["--import", path.join(SCRIPTED, "langchain.mjs")];
/** What the examples print whose framework finds a scripted model in place of its own. */
const PRELOADED: Readonly<Record<string, { options: readonly string[]; calls: object[]; lines: Lines }>> = {
  "agent-ai-sdk": {
    options: ["--import", path.join(SCRIPTED, "ai-sdk.mjs")],
    calls: [],
    lines: ["The 100th prime number is 541."],
  },
  "agent-langchain": {
    options: LANGCHAIN,
    calls: [{ name: "run_code", args: { code: PRIMES } }],
    lines: [
      "human: What is the 100th prime number?",
      ...[/^ai: /, "tool: 541", "ai: That is the 100th prime number."],
    ],
  },
  "agent-deepagents": {
    options: LANGCHAIN,
    calls: [
      { name: "write_file", args: { file_path: "/workspace/primes.py", content: PRIMES } },
      { name: "execute", args: { command: "python3 primes.py" } },
    ],
    lines: [
      "human: Write a program that prints the 100th prime number, and run it.",
      ...[/^ai: /, /^tool: .*primes\.py/, /^ai: /, "tool: 541", "", /exit code 0/],
      "ai: That is the 100th prime number.",
    ],
  },
};

/** The examples whose framework needs Node 22. */
const ON_NODE_22 = ["agent-ai-sdk", "agent-mastra"];
const hasNode22 = runs(NODE_22, ["--version"]);

/** What languages.mjs prints of each language, and why it may not on this machine. */
const LANGUAGES = [
  { name: "python", has: hasPython, missing: "there is no python3", shown: "Python", error: "IndexError" },
  { name: "javascript", has: true, missing: "", shown: "JavaScript", error: "TypeError" },
  { name: "typescript", has: true, missing: "", shown: "TypeScript", error: "RangeError" },
  { name: "bash", has: true, missing: "", shown: "Bash", error: "2" },
  {
    name: "java",
    has: javaFinder.candidates().length > 0 && runs("jshell", ["--version"]),
    missing: "no JDK with JShell (apt-get install default-jdk-headless)",
    shown: "Java",
    error: "IllegalStateException",
  },
  {
    name: "go",
    has: runs("go", ["version"]),
    missing: "no Go (apt-get install golang-go)",
    shown: "Go",
    error: "panic",
  },
];

const names = readdirSync(DIRECTORY)
  .filter((file) => file.endsWith(".mjs"))
  .map((file) => path.basename(file, ".mjs"));

describe("the examples", () => {
  test("are all run below", () => {
    const run = [PRINTED, SERVED, PRELOADED].flatMap((group) => Object.keys(group));
    expect(names.sort()).toEqual([...run, "languages", "testing-with-faults"].sort());
  });

  test("are all in their list", () => {
    const list = readFileSync(path.join(DIRECTORY, "README.md"), "utf8");
    expect(names.filter((name) => !list.includes(`| [${name}.mjs](${name}.mjs) `))).toEqual([]);
  });

  test.each(names)("%s.mjs is short, says how to run it and has its types checked", (name) => {
    const text = readFileSync(path.join(DIRECTORY, `${name}.mjs`), "utf8");
    expect(text).toMatch(/^\/\/ @ts-check\n\/\/ /);
    expect(text).toMatch(new RegExp(`^// .*node (--test )?examples/${name}\\.mjs$`, "m"));
    expect(text).not.toMatch(/@ts-(?:ignore|expect-error|nocheck)|[{<|,:]\s*any\b/);
    const most = name.startsWith("agent-") ? MOST_AGENT_LINES : MOST_LINES;
    expect(text.trimEnd().split("\n").length).toBeLessThanOrEqual(most);
  });
});

describeIf(
  isolationWorks && hasPython,
  "examples",
  isolationWorks ? "there is no python3" : NO_ISOLATION_REASON,
)("run on a local server", () => {
  let server: LocalServer;
  beforeAll(async () => (server = await startLocalServer({ pythonShell: "plain" })));
  afterAll(() => server.close());

  test.each(Object.entries(PRINTED))(
    "%s.mjs prints what it does",
    async (name, lines) => {
      expectLines(await outputOf(name, server.connectionConfig), lines);
    },
    60_000,
  );

  describe.each([
    ["this Node", Object.keys({ ...SERVED, ...PRELOADED }).filter((name) => !ON_NODE_22.includes(name))],
    ["Node 22", ON_NODE_22],
  ])("agents on %s", (place, agents) => {
    const program = place === "Node 22" ? NODE_22 : process.execPath;
    const group = describeIf(
      program !== NODE_22 || hasNode22,
      "examples/agents",
      "there is no Node 22 (npm ci --prefix tests/agents/node)",
    );
    group("let a model run code", () => {
      test.each(agents)(
        "%s.mjs",
        async (name) => {
          const model = await startModelServer(TURNS);
          const { options = [], calls = [], lines = SERVED[name] ?? [] } = PRELOADED[name] ?? {};
          const environment = {
            ...{ OPENAI_BASE_URL: `${model.url}/v1`, OPENAI_API_KEY: "test" },
            ...{ ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: "test" },
            ...{ OPENAI_AGENTS_DISABLE_TRACING: "1", SCRIPTED_CALLS: JSON.stringify(calls) },
          };
          try {
            const command = [program, ...options];
            expectLines(await outputOf(name, server.connectionConfig, environment, command), lines);
          } finally {
            await model.close();
          }
          if (name in SERVED) expect(JSON.stringify(model.requests[1])).toContain("541");
        },
        90_000,
      );
    });
  });

  test("testing-with-faults.mjs passes its own tests", async () => {
    // As a program of its own, and not as a part of a test run that it would report to.
    const { exitCode, output } = await run(process.execPath, [
      "--test-reporter=tap",
      "examples/testing-with-faults.mjs",
    ]);
    expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
    expect(output).toMatch(/^# pass 5$/m);
    expect(output).toMatch(/^# fail 0$/m);
  }, 60_000);

  describe("languages.mjs", () => {
    let printed: string;
    beforeAll(
      async () => (printed = (await outputOf("languages", server.connectionConfig)).join("\n")),
      180_000,
    );

    for (const { name, has, missing, shown, error } of LANGUAGES) {
      describeIf(
        has,
        `examples/languages: ${name}`,
        missing,
      )(name, () => {
        test("keeps its state and fails", () => {
          expect(printed).toContain(`${shown} says 42\n${name} fails with ${error}`);
        });
      });
    }
  });

  describe("with responses that only other servers give", () => {
    let front: Server;
    let domain: string;
    beforeAll(async () => {
      front = frontOf(server, [
        [/\/endpoints\/8000\?expires=\d+$/, { endpoint: "s-8000-x-y.gate.test" }],
        [
          /\/diagnostics\/events\?scope=runtime$/,
          {
            ...{ sandboxId: "any", kind: "events", scope: "runtime", delivery: "inline" },
            ...{ contentType: "text/plain", content: "Scheduled on node-1", truncated: false },
          },
        ],
      ]).listen(0, "127.0.0.1");
      await once(front, "listening");
      domain = `127.0.0.1:${(front.address() as AddressInfo).port}`;
    });
    afterAll(async () => {
      front.closeAllConnections();
      front.close();
      await once(front, "close");
    });

    test("endpoints.mjs prints a signed address", async () => {
      const printed = await outputOf("endpoints", { ...server.connectionConfig, domain });
      expect(printed.at(-1)).toBe("for an hour, for anyone who has it: http://s-8000-x-y.gate.test");
    }, 60_000);

    test("lifecycle.mjs prints what the runtime recorded", async () => {
      const printed = await outputOf("lifecycle", { ...server.connectionConfig, domain });
      expect(printed).toContain("events: Scheduled on node-1");
    }, 60_000);
  });

  test("none of them leaves a sandbox or a snapshot behind", async () => {
    const manager = SandboxManager.create({ connectionConfig: server.connectionConfig });
    expect((await manager.listSandboxInfos()).items).toEqual([]);
    expect((await manager.listSnapshots()).items).toEqual([]);
    await manager.close();
  });
});

/** Runs an example as its reader does; gives the lines that it printed. */
async function outputOf(
  name: string,
  { domain, apiKey }: { readonly domain: string; readonly apiKey: string },
  environment: Readonly<Record<string, string>> = {},
  [program = "", ...options]: readonly string[] = [process.execPath],
): Promise<string[]> {
  const { exitCode, stdout, output } = await run(program, [...options, `examples/${name}.mjs`], {
    env: { OPEN_SANDBOX_DOMAIN: domain, OPEN_SANDBOX_API_KEY: apiKey, ...environment },
  });
  // What it prints on stderr, a warning of Node's among it, would be a fault as well.
  expect({ exitCode, output }).toEqual({ exitCode: 0, output: stdout });
  return stdout.trimEnd().split("\n");
}

function expectLines(actual: readonly string[], expected: Lines): void {
  expect(actual).toEqual(
    expected.map((line) =>
      typeof line === "string" ? line : (expect.stringMatching(line) as unknown as string),
    ),
  );
}

/** A server that answers some requests itself and hands the others on. */
function frontOf(server: LocalServer, answers: readonly (readonly [RegExp, object])[]): Server {
  return createServer((request, response) => {
    void (async () => {
      const { method = "GET", url = "/" } = request;
      const own = answers.find(([route]) => route.test(url));
      const body: Uint8Array[] = [];
      for await (const chunk of request) body.push(chunk as Uint8Array);
      const answer = own
        ? Response.json(own[1])
        : await server.fetch(new URL(url, server.url), {
            method,
            headers: {
              "content-type": request.headers["content-type"] ?? "",
              "open-sandbox-api-key": String(request.headers["open-sandbox-api-key"]),
            },
            ...(body.length > 0 && { body: Buffer.concat(body) }),
          });
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      response.end(Buffer.from(await answer.arrayBuffer()));
    })().catch((error: unknown) => response.destroy(error as Error));
  });
}
