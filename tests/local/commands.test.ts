import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { OTHER_DIFFERENCES } from "../conformance/other-differences.js";
import { comparable, nextText, recorded } from "../helpers/execd-answers.js";
import { type LocalSandbox, parseEvents, startSandbox, until } from "../helpers/local-sandbox.js";
import { findExchange, loadFixture } from "../helpers/fixtures.js";
import { essence, isStream, recordedEssence } from "../helpers/recorded-streams.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

let sandbox: LocalSandbox;
const describeIsolated = describeIf(isolationWorks, "local/commands", NO_ISOLATION_REASON);
const exchanges = loadFixture("execd-command");

beforeAll(async () => {
  if (isolationWorks) sandbox = await startSandbox();
});
afterAll(async () => {
  if (isolationWorks) await sandbox[Symbol.asyncDispose]();
});

interface Status {
  readonly running: boolean;
  readonly exit_code?: number;
  readonly error?: string;
}

const status = async (id: string) =>
  JSON.parse((await sandbox.send("GET", `/command/status/${id}`)).text) as Status;
const ended = (id: string) =>
  until(
    () => status(id),
    ({ running }) => !running,
  );
const logs = (id: string, cursor?: number | string) =>
  sandbox.send("GET", `/command/${id}/logs${cursor === undefined ? "" : `?cursor=${cursor}`}`);

async function startInBackground(
  command: string,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const { events } = await sandbox.command(command, { background: true, ...fields });
  return String(events[0]?.["text"]);
}

describeIsolated("recorded commands", () => {
  /** A box has one user only; and what execd answers before it knows of a command is a race of its own. */
  const DIFFERENT = new Set(Object.keys(OTHER_DIFFERENCES["execd-command"]));
  /** These are about the ids of others; they are repeated below. */
  const isAboutAnother = (path: string) => /[\da-f]{32}/.test(path);

  test.each(
    exchanges
      .filter(({ label, request }) => !DIFFERENT.has(label) && !isAboutAnother(request.path))
      .map((exchange) => [exchange.label, exchange] as const),
  )("%s", async (_label, exchange) => {
    const answer = await sandbox.repeat(exchange);
    if (!isStream(exchange)) {
      expect(comparable(answer.status, answer.headers, answer.text)).toEqual(recorded(exchange));
      return;
    }
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    expect(essence(answer.text)).toEqual(recordedEssence(exchange));
  });
});

describeIsolated("a command in the background", () => {
  test("has the recorded status, logs and cursors", async () => {
    const id = await startInBackground(
      "echo l1; echo e1 >&2; until [ -e /tmp/go ]; do sleep 0.01; done; echo l2; exit 4",
    );
    await until(
      () => logs(id),
      ({ text }) => text === "l1\ne1\n",
    );
    expect(await status(id)).toMatchObject({ running: true });
    expect(await status(id)).not.toHaveProperty("exit_code");
    await sandbox.command("touch /tmp/go");
    expect(await ended(id)).toMatchObject({ exit_code: 4, error: "exit status 4" });
    for (const cursor of ["0", "tail", "3", "9999", "-1", "abc"]) {
      const answer = await logs(id, cursor === "tail" ? 9 : cursor);
      const exchange = findExchange(exchanges, `bg logs cursor=${cursor}`);
      expect(comparable(answer.status, answer.headers, answer.text)).toEqual(recorded(exchange));
    }
  });

  test("has the status that execd reports once it has ended", async () => {
    const id = await startInBackground("exit 0");
    expect(await ended(id)).not.toHaveProperty("error");
    const answer = await sandbox.send("DELETE", `/command?id=${id}`);
    expect(comparable(answer.status, answer.headers, answer.text)).toEqual(
      recorded(findExchange(exchanges, "interrupt finished")),
    );
  });

  test("is ended by its timeout and by an interrupt, with all that it started", async () => {
    const late = await startInBackground("sleep 300 & sleep 300", { timeout: 50 });
    expect(await ended(late)).toMatchObject({ exit_code: -1, error: "signal: killed" });
    const stopped = await startInBackground("sleep 301 & sleep 301");
    expect((await sandbox.send("DELETE", `/command?id=${stopped}`)).status).toBe(200);
    expect(await status(stopped)).toMatchObject({ exit_code: -1, error: "signal: terminated" });
    const left = await sandbox.command(
      "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -c 'sleep 30[0-9]'",
    );
    expect(left.stdout).toMatch(/^[01]$/); // grep may see its own command line
  });

  test("that does not start says so, also afterwards", async () => {
    const { events } = await sandbox.command("true", { background: true, uid: 4_000_000 });
    expect(events.at(-1)).toMatchObject({ code: "RUNTIME_ERROR" });
    expect(await status(String(events[0]?.["text"]))).toMatchObject({ running: false, exit_code: 255 });
  });

  test("goes on logging the output of what it leaves running", async () => {
    const id = await startInBackground(
      "(until [ -e /tmp/on ]; do sleep 0.01; done; echo later) & echo first",
    );
    await ended(id);
    expect((await logs(id)).text).toBe("first\n");
    await sandbox.command("touch /tmp/on");
    await until(
      () => logs(id),
      ({ text }) => text === "first\nlater\n",
    );
  });

  test("has every byte of a large output, at any position", async () => {
    const id = await startInBackground("seq 1 3000000");
    await ended(id);
    const { text, headers } = await logs(id);
    expect(text).toHaveLength(22_888_896);
    expect(headers.get("execd-commands-tail-cursor")).toBe("22888896");
    expect(text.endsWith("\n2999999\n3000000\n")).toBe(true);
    expect((await logs(id, 22_888_888)).text).toBe("3000000\n");
    // Across the end of a file of the log.
    expect((await logs(id, 8 * 2 ** 20 - 5)).text.slice(0, 10)).toBe(
      text.slice(8 * 2 ** 20 - 5, 8 * 2 ** 20 + 5),
    );
  });

  test("works after code has emptied /tmp", async () => {
    await sandbox.command("rm -rf /tmp/* /tmp/.[a-z]*");
    const id = await startInBackground("echo fine");
    await ended(id);
    expect((await logs(id)).text).toBe("fine\n");
  });
});

describeIsolated("a command", () => {
  test("may be a program and its arguments, without a shell", async () => {
    const answer = await sandbox.send("POST", "/command", {
      body: { argv: ["printf", "%s|", "a b", "$HOME"] },
    });
    expect(essence(answer.text)).toMatchObject({
      stdout: ["a b|$HOME|"],
      rest: [{ type: "execution_complete" }],
    });
  });

  test.each([
    [{ argv: [] }, "argv[0]"],
    [{ argv: [""] }, "argv[0]"],
    [{ argv: ["a\0b"] }, "NUL"],
    [{ argv: ["true"], command: "true" }, "exactly one"],
    [{ argv: "true" }, "cannot unmarshal string"],
    [{ command: "id", gid: 1 }, "uid is required when gid is provided"],
  ])("of %j is refused", async (body, reason) => {
    const answer = await sandbox.send("POST", "/command", { body });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain(reason);
  });

  test("runs as the user of the box, and as no other", async () => {
    expect((await sandbox.command("id -u; id -g", { uid: 1000 })).stdout).toBe("1000\n1000");
    expect((await sandbox.command("id -u", { uid: 65534 })).ending).toMatch(/^fork\/exec bash: /);
  });

  test("starts in a directory that its own variables name", async () => {
    expect((await sandbox.command("pwd", { cwd: "$WHERE", envs: { WHERE: "/var" } })).stdout).toBe("/var");
  });

  test("goes on when its client goes away", async () => {
    const controller = new AbortController();
    const response = await sandbox.execd(
      "POST",
      "/command",
      { command: "echo begun; until [ -e /tmp/gone ]; do sleep 0.01; done; echo over > /tmp/over" },
      { signal: controller.signal },
    );
    const first = await nextText(response.body?.getReader());
    const id = String(parseEvents(first ?? "")[0]?.["text"]);
    controller.abort(new Error("away"));
    await sandbox.command("touch /tmp/gone");
    expect(await ended(id)).toMatchObject({ exit_code: 0 });
    expect(await sandbox.read("/tmp/over")).toBe("over\n");
  });

  test("of the foreground has no logs", async () => {
    const { events } = await sandbox.command("true");
    const answer = await logs(String(events[0]?.["text"]));
    const exchange = findExchange(exchanges, "logs of foreground");
    expect(comparable(answer.status, answer.headers, answer.text)).toEqual(recorded(exchange));
  });
});
