import { assertSeconds, assertText, type CallOptions, checkOptions } from "../arguments.js";
import { InvalidArgumentException, SandboxException, SandboxTimeoutException } from "../errors.js";
import { withLimit } from "../transport/abort.js";
import type { CommandStatus, FollowLogsOptions } from "./command-logs.js";

export const DEFAULT_WAIT_SECONDS = 30;
const POLLING_INTERVAL_MILLIS = 100;
/** A match must be within this many of the last characters, so that a long output does not slow down the search. */
const WINDOW_CHARS = 64 * 1024;
/** The length of the output's end in a message, in characters. */
const SHOWN_CHARS = 200;

/** Options of {@link CommandHandle.waitForOutput} and {@link Sandbox.waitForPort}. */
export interface WaitOptions extends CallOptions {
  /** The time limit in seconds. @default 30 */
  readonly timeoutSeconds?: number | undefined;
}

/** What this needs of a {@link CommandHandle}. */
interface FollowedCommand {
  follow(options: FollowLogsOptions): AsyncIterable<string>;
  status(options: CallOptions): Promise<CommandStatus>;
}

/** Implements {@link CommandHandle.waitForOutput}. */
export async function waitForOutput(
  command: FollowedCommand,
  sandboxId: string,
  pattern: string | RegExp,
  options: WaitOptions,
): Promise<RegExpExecArray> {
  const { timeoutSeconds = DEFAULT_WAIT_SECONDS, signal } = checkOptions(options);
  assertSeconds(timeoutSeconds, "timeoutSeconds");
  const search = toSearch(pattern);
  let output = "";
  const failure = (what: string) => {
    const end =
      output === ""
        ? "It has printed nothing."
        : `Its last output: ${JSON.stringify(output.slice(-SHOWN_CHARS))}`;
    return `The command ${what} without printing ${String(pattern)}. ${end}`;
  };
  const reason = () =>
    new SandboxTimeoutException({
      code: "WAIT_TIMEOUT",
      message: failure(`ran for ${timeoutSeconds} s`),
      sandboxId,
    });
  return await withLimit({ seconds: timeoutSeconds, signal, reason }, async (limit) => {
    const polling = { signal: limit, pollingIntervalMillis: POLLING_INTERVAL_MILLIS };
    for await (const text of command.follow(polling)) {
      output = output.slice(-WINDOW_CHARS) + text;
      const match = search.exec(output);
      if (match !== null) return match;
    }
    const { exitCode } = await command.status({ signal: limit });
    const message = failure(`ended with exit code ${String(exitCode)}`);
    throw new SandboxException({ code: "COMMAND_ENDED", message, sandboxId });
  });
}

/** Returns an expression without a state of its own; a text is matched literally. */
function toSearch(pattern: unknown): RegExp {
  if (pattern instanceof RegExp) return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ""));
  if (typeof pattern !== "string") {
    throw new InvalidArgumentException("pattern must be a string or a regular expression.");
  }
  assertText(pattern, "pattern");
  return new RegExp(pattern.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
}
