import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { comparable, recorded } from "../helpers/execd-answers.js";
import {
  type LocalSandbox,
  type Outcome,
  readOutcome,
  startSandbox,
  until,
} from "../helpers/local-sandbox.js";
import { bodyOf, loadFixture } from "../helpers/fixtures.js";
import { essence, isStream, recordedEssence } from "../helpers/recorded-streams.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

let sandbox: LocalSandbox;
const describeIsolated = describeIf(isolationWorks, "local/sessions", NO_ISOLATION_REASON);

beforeAll(async () => {
  if (isolationWorks) sandbox = await startSandbox();
});
afterAll(async () => {
  if (isolationWorks) await sandbox[Symbol.asyncDispose]();
});

async function createSession(body?: unknown): Promise<string> {
  const { text } = await sandbox.send("POST", "/session", { body });
  return String((JSON.parse(text) as Record<string, unknown>)["session_id"]);
}

async function run(
  id: string,
  command: string,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<Outcome> {
  return readOutcome(await sandbox.execd("POST", `/session/${id}/run`, { command, ...fields }));
}

describeIsolated("recorded sessions", () => {
  /** Where the response here is another one, on purpose. */
  const DIFFERENT: Readonly<Record<string, readonly string[]>> = {
    "multi-line read": ["l1", "l2|"], // execd loses the quotes
    "marker injection": ["__EXIT_CODE__:9"], // execd takes the line for its own
  };
  /** execd never ends; and the two that overlap are tested below, where their order is certain. */
  const LEFT_OUT = new Set(["long line 17MB", "slow then session deleted", "delete running"]);

  test("get the recorded responses, in their order", async () => {
    const ids = new Map<string, string>();
    const SESSION = /"session_id":"([^"]+)"/;
    for (const exchange of loadFixture("execd-session")) {
      if (LEFT_OUT.has(exchange.label)) {
        // What follows is about a session that has been deleted.
        if (exchange.label === "delete running")
          await sandbox.send("DELETE", withIds(exchange.request.path, ids));
        continue;
      }
      const path = withIds(exchange.request.path, ids);
      const answer = await sandbox.repeat({ ...exchange, request: { ...exchange.request, path } });
      const [, was] = SESSION.exec(bodyOf(exchange)) ?? [];
      if (was !== undefined) ids.set(was, SESSION.exec(answer.text)?.[1] ?? "");
      const of = exchange.label;
      const stdout = DIFFERENT[of];
      if (!isStream(exchange)) {
        const { status, headers, text } = answer;
        expect({ of, ...comparable(status, headers, text) }).toEqual({ of, ...recorded(exchange) });
      } else {
        const expected = { of, ...recordedEssence(exchange), ...(stdout && { stdout }) };
        expect({ of, ...essence(answer.text) }).toEqual(expected);
      }
    }
  });

  function withIds(path: string, ids: ReadonlyMap<string, string>): string {
    return path.replace(/[\da-f]{8}-[\da-f-]{27}/, (id) => ids.get(id) ?? id);
  }
});

describeIsolated("a session", () => {
  test("keeps exported variables of any content and length", async () => {
    const id = await createSession();
    const value = `l1\nl2 '"$HOME"' \`x\` \\ ${"x".repeat(20_000)} \u{1f389}\n`;
    await sandbox.upload("/workspace/value", value);
    await run(id, 'export V="$(cat /workspace/value; echo .)"; export -n HOME; unset LANG');
    await run(id, "true");
    await run(id, 'printf %s "${V%.}" > /workspace/copy');
    expect(await sandbox.read("/workspace/copy")).toBe(value);
    expect((await run(id, 'env | grep -c "^HOME="; echo "[$LANG]"')).stdout).toBe("0\n[]");
  });

  test("keeps the directory it went to by a link, and the way back", async () => {
    const id = await createSession({ cwd: "/workspace/real" });
    await run(id, "ln -s /workspace/real /workspace/by-link; cd /workspace/by-link");
    expect((await run(id, "pwd; cd - ")).stdout).toBe("/workspace/by-link\n/workspace/real");
  });

  test("tells lines of the command, its own parameters and no others", async () => {
    const id = await createSession();
    await run(id, "export A=1");
    const { stdout } = await run(id, 'echo "$# $SHLVL"\n\nnosuch');
    expect(stdout).toBe("0 1\nbash: line 3: nosuch: command not found");
  });

  test("survives a command that is invalid, traces, or redefines what the session uses", async () => {
    const id = await createSession();
    expect((await run(id, "if then")).ending).toBe("2");
    expect((await run(id, "set -x; true")).stdout).toBe("++ true");
    expect((await run(id, "set -eu; set -f; declare() { echo no; }; export B=2")).ending).toBe(
      "execution_complete",
    );
    expect((await run(id, "readonly R=1; export R")).ending).toBe("execution_complete");
    expect((await run(id, 'echo "$B$R"')).stdout).toBe("21");
  });

  test("does not wait for what a command leaves running", async () => {
    const id = await createSession();
    expect((await run(id, "sleep 300 & echo started")).stdout).toBe("started");
  });

  test("ends a run at its timeout with all that it started, and goes on", async () => {
    const id = await createSession();
    const { events } = await run(id, "echo s; sleep 300", { timeout: 100 });
    expect(events.at(-1)).toEqual({
      code: "RUNTIME_ERROR",
      message: "error running in session. timeout after 100ms",
    });
    expect((await run(id, "echo ok")).stdout).toBe("ok");
  });

  test("that is deleted ends what runs in it", async () => {
    const id = await createSession();
    const running = run(id, "touch /tmp/runs; sleep 300");
    await until(
      () => sandbox.send("GET", "/files/info?path=/tmp/runs"),
      ({ status }) => status === 200,
    );
    expect((await sandbox.send("DELETE", `/session/${id}`)).status).toBe(200);
    expect(await running).toMatchObject({ ending: "-1" });
  });

  test("ends a run whose client goes away", async () => {
    const id = await createSession();
    const controller = new AbortController();
    const running = sandbox.send("POST", `/session/${id}/run`, {
      body: { command: "echo $$ > /tmp/run-pid; sleep 300" },
      signal: controller.signal,
    });
    await until(
      () => sandbox.command("cat /tmp/run-pid"),
      ({ stdout }) => stdout !== "",
    );
    controller.abort(new Error("away"));
    await expect(running).rejects.toThrow("away");
    await until(
      () => sandbox.command("kill -0 $(cat /tmp/run-pid) || echo gone"),
      ({ stdout }) => stdout === "gone",
    );
  });

  test("has lines of any length", async () => {
    const id = await createSession();
    const { stdout } = await run(id, "head -c 17000000 /dev/zero | tr '\\0' x; echo");
    expect(stdout).toHaveLength(17_000_000);
  });
});
