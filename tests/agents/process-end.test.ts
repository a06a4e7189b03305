import { expect, test } from "@jest/globals";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { until } from "../helpers/local-sandbox.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

const AGENTS = pathToFileURL(path.resolve("dist/agents/index.mjs")).href;

/** A program whose sandbox runs a process that can be found from outside by its duration. */
const program = (seconds: number, ending: string) => `
  import { createCodeTools } from ${JSON.stringify(AGENTS)};
  const codeTools = createCodeTools();
  await codeTools.execute("run_command", { command: "nohup sleep ${seconds} >/dev/null 2>&1 &" });
  console.log("ready");
  ${ending}`;

/** The processes of this machine, those in boxes too, with a text in their command line. */
function processesWith(text: string): string[] {
  return readdirSync("/proc").filter((id) => {
    try {
      return /^\d+$/.test(id) && readFileSync(`/proc/${id}/cmdline`, "utf8").includes(text);
    } catch {
      return false; // It has ended meanwhile.
    }
  });
}

describeIf(
  isolationWorks && process.platform === "linux",
  "agents/process-end",
  NO_ISOLATION_REASON,
)("tools on the local server of their process", () => {
  const WAIT = "setInterval(() => {}, 1e6);";
  test.each([
    ["SIGTERM", WAIT, "SIGTERM"],
    ["SIGINT", WAIT, "SIGINT"],
    ["SIGKILL", WAIT, "SIGKILL"],
    ["process.exit()", "process.stdin.once('data', () => process.exit(0));", undefined],
  ] as const)(
    "leave no process behind on %s, after one notice",
    async (_, ending, signal) => {
      const seconds = 100_000 + Math.floor(Math.random() * 1e8);
      const child = spawn(process.execPath, ["--input-type=module", "--eval", program(seconds, ending)], {
        env: { PATH: process.env["PATH"] },
        stdio: "pipe",
      });
      let notices = "";
      child.stderr.on("data", (chunk: Buffer) => (notices += chunk.toString()));
      const exited = once(child, "exit");
      await once(child.stdout, "data");
      expect(processesWith(`sleep\0${seconds}`)).not.toEqual([]);
      expect(notices.match(/code runs on this machine, isolated by/g)).toHaveLength(1);
      if (signal === undefined) child.stdin.write("exit\n");
      else child.kill(signal);
      expect(await exited).toEqual(signal === undefined ? [0, null] : [null, signal]);
      await until(
        () => processesWith(`sleep\0${seconds}`),
        (ids) => ids.length === 0,
      );
    },
    60_000,
  );
});
