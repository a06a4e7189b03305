import { setTimeout as delay } from "node:timers/promises";
import { isSandboxException, type Terminal } from "../../index.js";
import { UsageError } from "../errors.js";
import { toExitCode } from "../exit-code.js";
import type { Io } from "../io.js";
import { RawTerminal } from "../raw-terminal.js";
import { openWorkspace, type WorkspaceOptions } from "../workspace.js";

/** How often a connection that broke is tried again, and how long that waits at first, in milliseconds. */
const ATTEMPTS = 6;
const FIRST_PAUSE_MS = 500;

/** Options of `shell`. */
export interface ShellOptions extends WorkspaceOptions {
  readonly cwd?: string | undefined;
}

/** Connects this terminal to a shell, or to one command, in a sandbox, and resolves to its exit code. */
export async function shell(words: readonly string[], options: ShellOptions, io: Io): Promise<number> {
  if (!RawTerminal.isPossible) {
    throw new UsageError(
      'shell needs a terminal as standard input and output; "exec" runs a command without one.',
    );
  }
  // Node.js 20 has no WebSocket that can be used without a flag.
  const { WebSocket: webSocket } = await import("ws");
  const { sandbox, env, cwd } = options;
  const workspace = await openWorkspace({ ...options, webSocket }, io);
  try {
    if (sandbox !== undefined && env !== undefined)
      throw new UsageError("--env is for a new sandbox; --sandbox names one that exists.");
    const { signal } = io.stop;
    const command = words.length === 0 ? undefined : words.join(" ");
    const terminal = await workspace.sandbox.terminals.create({ cwd, command, signal, ...RawTerminal.size });
    return await converse(terminal, io);
  } finally {
    await workspace.close();
  }
}

/** Passes on what is typed and what is printed until the program ends. */
async function converse(first: Terminal, io: Io): Promise<number> {
  let terminal = first;
  const { signal } = io.stop;
  // What is typed or resized between two connections is lost, as the error of the connection says.
  const ignore = () => undefined;
  const raw = new RawTerminal({
    onInput: (data) => terminal.write(data).catch(ignore),
    onResize: ({ cols, rows }) => void terminal.resize(cols, rows).catch(ignore),
  });
  try {
    for (;;) {
      try {
        for await (const { data } of terminal.output({ signal })) await io.write(data);
        return toExitCode(await terminal.exited);
      } catch (error) {
        if (!isBroken(error)) throw error;
        terminal = await reconnect(terminal, error, signal);
        const { size } = RawTerminal;
        await terminal.resize(size.cols, size.rows).catch(ignore);
      }
    }
  } finally {
    raw.restore();
    await terminal.kill().catch(ignore);
  }
}

async function reconnect(terminal: Terminal, broken: unknown, signal: AbortSignal): Promise<Terminal> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    // After an abort, reconnect() throws its reason.
    await delay(FIRST_PAUSE_MS * 2 ** attempt, undefined, { signal }).catch(() => undefined);
    try {
      return await terminal.reconnect({ signal });
    } catch (error) {
      if (!isBroken(error)) throw error;
    }
  }
  throw broken;
}

function isBroken(error: unknown): boolean {
  const codes = ["STREAM_CUT", "STREAM_STALLED", "CONNECTION", "REQUEST_TIMEOUT"];
  return isSandboxException(error) && codes.includes(error.code);
}
