import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "@jest/globals";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";
import { cleanEnvironment, temporaryFolder, useServer } from "./command.js";

const ROOT = path.join(__dirname, "../..");
/** Writes the output of the commands into the pages instead of comparing it. */
const UPDATES = process.env["UPDATE_RECORDINGS"] === "1";

/** What `doctor` shows on the machine of the pages. */
const FOUND: Readonly<Record<string, string>> = {
  Python: "Python 3.12.3, /usr/bin/python3",
  "JavaScript, TypeScript": "Node 22.20.0, /usr/bin/node",
  Java: "JDK 21.0.8, /usr/lib/jvm/java-21-openjdk/bin/java",
  Go: "Go 1.25.1, /usr/local/go/bin/go",
  Bash: "Bash 5.2.21, /usr/bin/bash",
  Isolation: "bubblewrap",
};

const FENCE = /^```console\n([^]*?)^```$/gm;
const recordings = ["README.md", "docs/command-line.md"].flatMap((page) =>
  [...readFileSync(path.join(ROOT, page), "utf8").matchAll(FENCE)].map(([, recording = ""]) => ({
    page,
    recording,
    first: recording.split("\n")[0],
  })),
);

describeIf(
  isolationWorks && hasPython,
  "cli/recordings",
  NO_ISOLATION_REASON,
)("the recordings of the documentation", () => {
  const { env } = useServer();

  test.each(recordings)("$page: $first", async ({ page, recording }) => {
    const output = await replay(recording, env());
    if (UPDATES) {
      const file = path.join(ROOT, page);
      const text = readFileSync(file, "utf8");
      writeFileSync(
        file,
        text.replace(recording, () => withPlaceholders(output)),
      );
    } else {
      expect(withPlaceholders(output)).toBe(withPlaceholders(recording));
    }
  });
});

/** Runs the commands of a recording in one shell, in a new folder, and resolves to what a terminal would show. */
async function replay(recording: string, env: NodeJS.ProcessEnv): Promise<string> {
  const folder = temporaryFolder();
  symlinkSync(path.join(__dirname, "../../dist/cli/main.mjs"), path.join(folder, "osci"));
  const commands = [...recording.matchAll(/^\$ (.*)$/gm)].map(([, command = ""]) => command);
  const isStopped = /^\^C$/m.test(recording);
  // An exit code has to outlive the printing of the next command.
  const script = commands.map((command) => {
    const shown = `'$ ${command.replaceAll("'", "'\\''")}'`;
    return `status=$?; printf '%s\\n' ${shown}; (exit $status)\n${isStopped ? "exec " : ""}${command}`;
  });
  const shell = spawn("bash", ["-c", `exec 2>&1\n${script.join("\n")}`], {
    cwd: temporaryFolder(),
    env: cleanEnvironment({ ...env, PATH: `${folder}${path.delimiter}${process.env["PATH"] ?? ""}` }),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(shell, "close");
  if (!isStopped) {
    const output = await text(shell.stdout);
    await closed;
    return output;
  }
  let output = "";
  for await (const chunk of shell.stdout.setEncoding("utf8")) {
    const hadStarted = output.includes("Ctrl-C.\n");
    output += String(chunk);
    if (!hadStarted && output.includes("Ctrl-C.\n")) {
      output += "^C\n";
      shell.kill("SIGINT");
    }
  }
  await closed;
  return output;
}

/** Replaces what differs between machines and runs. */
function withPlaceholders(output: string): string {
  return output
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "4f1c0a52-7d0e-4b7e-9a43-5f0d6c1b2e38")
    .replace(/127\.0\.0\.1:\d+/g, "127.0.0.1:40123")
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, "2026-01-31T12:00:00.000Z")
    .replace(/\/#[\w-]{16,}/g, "/#Zk3v0Qd8s1Yw5xTn")
    .replace(/\b(bubblewrap|sandbox-exec), /g, "bubblewrap, ")
    .replace(/^( {2}python +).*$/gm, "$1/usr/bin/python3")
    .replace(
      /^\w+ +(Python|JavaScript, TypeScript|Java|Go|Bash|Isolation)( {2,}).*$/gm,
      (_, name: string, gap: string) => `ok       ${name}${gap}${FOUND[name] ?? ""}`,
    )
    .replace(/^This machine .*$/gm, "This machine has everything that the local server needs.");
}
