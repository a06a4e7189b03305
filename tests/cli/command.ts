import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll } from "@jest/globals";
import { startLocalServer, type LocalServer } from "../../src/local/index.js";

const PROGRAM = path.join(__dirname, "../../dist/cli/main.mjs");

/** How the command ended, and what it printed. */
export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to call the command. */
export interface CallOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** Leaves standard input open, for the test to write to. */
  readonly keepsInputOpen?: boolean;
}

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Makes a folder that is removed after the file's tests. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), "cli-test-"));
  folders.push(folder);
  return folder;
}

/** An environment in which nothing of this machine's user is configured. */
export function cleanEnvironment(env: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const configured = /^(OPEN_SANDBOX_|NO_COLOR$|TMUX$|KITTY_|TERM|LC_TERMINAL)/;
  const rest = Object.fromEntries(Object.entries(process.env).filter(([name]) => !configured.test(name)));
  // Go's cache is shared, since filling it takes half a minute.
  const cache = process.env["XDG_CACHE_HOME"] ?? path.join(os.homedir(), ".cache");
  return { ...rest, HOME: temporaryFolder(), XDG_CACHE_HOME: cache, ...env };
}

/** Starts the command. `printed` resolves once the output, both streams together, contains a text. */
export function start(
  args: readonly string[],
  { cwd, env, input, keepsInputOpen = false }: CallOptions = {},
) {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd: cwd ?? temporaryFolder(),
    env: cleanEnvironment(env),
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.on("error", () => undefined);
  if (!keepsInputOpen) child.stdin.end(input ?? "");
  let [stdout, stderr] = ["", ""];
  let waiting: { readonly text: string; readonly resolve: () => void }[] = [];
  const look = () => {
    waiting = waiting.filter(({ text, resolve }) => {
      const isThere = (stdout + stderr).includes(text);
      if (isThere) resolve();
      return !isThere;
    });
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    look();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    look();
  });
  const ended: Promise<Ended> = once(child, "close").then(() => ({
    exitCode: child.exitCode,
    stdout,
    stderr,
  }));
  const printed = async (text: string): Promise<string> => {
    await Promise.race([
      new Promise<void>((resolve) => {
        waiting.push({ text, resolve });
        look();
      }),
      ended.then(({ stdout, stderr }) => {
        if (!(stdout + stderr).includes(text)) throw new Error(`ended without "${text}": ${stdout}${stderr}`);
      }),
    ]);
    return stdout + stderr;
  };
  return { child, ended, printed };
}

/** Calls the command and waits for its end. */
export function call(args: readonly string[], options: CallOptions = {}): Promise<Ended> {
  return start(args, options).ended;
}

/** A local server on a port for the tests of a group, and the environment that points the command at it. */
export function useServer(): {
  readonly env: () => NodeJS.ProcessEnv;
  readonly connection: () => LocalServer["connectionConfig"];
} {
  let server: LocalServer | undefined;
  beforeAll(async () => {
    server = await startLocalServer({ port: 0, pythonShell: "plain" });
  });
  afterAll(() => server?.close());
  const connection = () => {
    if (server === undefined) throw new Error("The server starts before the tests of the group.");
    return server.connectionConfig;
  };
  const env = () => ({ OPEN_SANDBOX_DOMAIN: connection().domain, OPEN_SANDBOX_API_KEY: connection().apiKey });
  return { env, connection };
}
