import { commandEndingOf } from "../exit-code.js";
import { UsageError } from "../errors.js";
import type { Io } from "../io.js";
import { ProgramOutput, untilEnd } from "../output.js";
import { ResultPrinter } from "../pictures.js";
import { openWorkspace, type WorkspaceOptions } from "../workspace.js";

/** Options of `exec`. */
export interface ExecOptions extends WorkspaceOptions {
  readonly cwd?: string | undefined;
  readonly timeout?: number | undefined;
}

/** Runs a command in a sandbox and resolves to its exit code. */
export async function exec(words: readonly string[], options: ExecOptions, io: Io): Promise<number> {
  const [first] = words;
  if (first === undefined || words.every((word) => word.trim() === "")) {
    throw new UsageError("Which command should run? Give it after --.");
  }
  // An existing sandbox has its own environment, so pass the variables with the command.
  const { sandbox, env, cwd, timeout: timeoutSeconds } = options;
  const workspace = await openWorkspace({ ...options, env: sandbox === undefined ? env : undefined }, io);
  try {
    const output = new ProgramOutput(
      io,
      new ResultPrinter(io, { directory: ".", name: "result" }, "none", () => undefined),
    );
    const command = words.length === 1 ? first : words;
    const handlers = output.commandHandlers;
    await untilEnd(
      workspace.sandbox.commands.run(command, { cwd, env, timeoutSeconds, handlers, maxOutputBytes: 1 }),
      io,
    );
    const { exitCode } = await output.end(commandEndingOf);
    io.stop.signal.throwIfAborted();
    if (io.json) await io.record({ type: "exit", exitCode });
    return exitCode;
  } finally {
    await workspace.close();
  }
}
