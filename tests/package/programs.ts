import { execFile } from "node:child_process";
import { join } from "node:path";

export const root = join(__dirname, "../..");

/** How a program ended. */
export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  /** Both streams, for a message that says what went wrong. */
  readonly output: string;
}

/** Runs a program to its end; rejects where it did not end by itself, but not for its exit code. */
export function run(
  command: string,
  args: readonly string[],
  { cwd = root, env = {} }: { cwd?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<Outcome> {
  const options = { cwd, env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024 };
  return new Promise((resolve, reject) => {
    execFile(command, args, options, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== "number") {
        reject(new Error(`${command} did not end by itself`, { cause: error }));
      } else {
        resolve({ exitCode: Number(error?.code ?? 0), stdout, output: stdout + stderr });
      }
    });
  });
}

/** Runs a program that has to succeed; resolves to what it printed on stdout. */
export async function succeed(command: string, args: readonly string[], cwd = root): Promise<string> {
  const { exitCode, stdout, output } = await run(command, args, { cwd });
  if (exitCode !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${exitCode}:\n${output}`);
  return stdout;
}
