import { execFile } from "node:child_process";
import path from "node:path";
import { cleanEnvironment, temporaryFolder } from "./command.js";

const PROGRAM = path.join(__dirname, "../../dist/cli/main.mjs");
const DRIVER = path.join(__dirname, "terminal.py");

/** Waits for a text in the output, then types something. */
export interface Step {
  readonly expect: string;
  readonly send: string;
}

/** What was on the terminal, and how the command ended. */
export interface Session {
  readonly transcript: string;
  readonly exitCode: number;
}

/** Calls the command on a pseudo-terminal of 80 columns and types into it. */
export async function onTerminal(
  args: readonly string[],
  steps: readonly Step[],
  { cwd = temporaryFolder(), env = {} }: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Session> {
  const task = {
    command: [process.execPath, PROGRAM, ...args],
    env: cleanEnvironment({ TERM: "xterm-256color", ...env }),
    ...{ cwd, steps, columns: 80 },
  };
  const output = await new Promise<string>((resolve, reject) => {
    const child = execFile("python3", [DRIVER], { maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${error.message}\n${stderr}`));
    });
    child.stdin?.end(JSON.stringify(task));
  });
  const { missing, ...session } = JSON.parse(output) as Session & { readonly missing: string | null };
  if (missing !== null) throw new Error(`"${missing}" did not appear in:\n${session.transcript}`);
  return session;
}

/** What is left on the terminal: lines, without colours and other sequences. */
export function plainText(transcript: string): string {
  return transcript.replace(/\x1b\[[?\d;:]*[A-Za-z]/g, "").replaceAll("\r", "");
}
