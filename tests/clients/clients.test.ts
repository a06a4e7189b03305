import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { start, temporaryFolder } from "../cli/command.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON, runs } from "../helpers/skips.js";
import { root, run } from "../package/programs.js";

/** The official clients as the registries have them, and programs that use them, against `serve` of this package. */
const PYTHON = path.join(root, "tests/clients/python");
const INTERPRETER = path.join(PYTHON, "venv/bin/python");
const JAVASCRIPT = path.join(root, "tests/clients/javascript");

const languages = [
  ...["python", "javascript", "typescript", "bash"],
  ...(runs("javac", ["-version"]) ? ["java"] : []),
  ...(runs("go", ["version"]) ? ["go"] : []),
];

interface Listening {
  readonly domain: string;
  readonly apiKey: string;
}

let server: ReturnType<typeof start> | undefined;
let env: Record<string, string> = {};
beforeAll(async () => {
  if (!isolationWorks) return;
  const folder = path.join(temporaryFolder(), "volume");
  mkdirSync(folder);
  server = start(["serve", "--port", "0", "--allow-host-path", folder, "-o", "json"]);
  const { domain, apiKey } = JSON.parse(await server.printed("\n")) as Listening;
  env = {
    ...{ OPEN_SANDBOX_DOMAIN: domain, OPEN_SANDBOX_API_KEY: apiKey, HOME: temporaryFolder() },
    ...{ CLIENTS_HOST_FOLDER: folder, CLIENTS_LANGUAGES: languages.join(",") },
  };
}, 60_000);
afterAll(async () => {
  server?.child.kill("SIGTERM");
  await server?.ended;
});

const hasPythonClients =
  existsSync(INTERPRETER) && runs(INTERPRETER, ["-c", "import code_interpreter, opensandbox_cli"]);
describeIf(
  isolationWorks && hasPythonClients,
  "clients/python",
  isolationWorks
    ? "the official Python clients are not installed (cd tests/clients/python && python3 -m venv venv && venv/bin/pip install -r requirements.txt)"
    : NO_ISOLATION_REASON,
)("the official Python clients", () => {
  test.each(["test_sandbox", "test_code", "test_cli"])(
    "pass %s",
    async (name) => {
      // Only of a test that fails, the output is printed.
      const args = ["-W", "ignore::ResourceWarning", "-m", "unittest", "--buffer", name];
      const { exitCode, output } = await run(INTERPRETER, args, { cwd: PYTHON, env });
      // "OK (skipped=1)" would not match.
      const passed = expect.stringMatching(/^Ran [1-9]\d* tests? in [^]*^OK$/m);
      expect({ exitCode, output }).toEqual({ exitCode: 0, output: passed });
    },
    180_000,
  );
});

describeIf(
  isolationWorks && existsSync(path.join(JAVASCRIPT, "node_modules/@alibaba-group/opensandbox")),
  "clients/javascript",
  isolationWorks
    ? "the official JavaScript client is not installed (npm ci --prefix tests/clients/javascript)"
    : NO_ISOLATION_REASON,
)("the official JavaScript client", () => {
  test("passes its tests", async () => {
    const program = path.join(JAVASCRIPT, "official.test.mjs");
    const { exitCode, output } = await run(process.execPath, ["--test", "--test-reporter=tap", program], {
      env,
    });
    const passed = expect.stringMatching(/^# pass [1-9][^]*^# skipped 0$/m);
    expect({ exitCode, output }).toEqual({ exitCode: 0, output: passed });
  }, 120_000);
});
