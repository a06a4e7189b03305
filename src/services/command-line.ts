import { assertText, assertWellFormed } from "../arguments.js";
import { InvalidArgumentException, SandboxApiException } from "../errors.js";

/** The longest argument that Linux accepts, in bytes. A shell receives its whole script as one argument. */
const LONGEST_COMMAND_BYTES = 128 * 1_024 - 1;

/** Checks a command: a script for the shell, or a program and its arguments. */
export function assertCommand(command: unknown): asserts command is string | readonly string[] {
  if (Array.isArray(command)) {
    for (const [index, word] of command.entries()) {
      if (typeof word !== "string") {
        throw new InvalidArgumentException(`command[${index}] must be a string; got ${typeof word}.`);
      }
    }
    assertText(command[0] ?? "", "command[0]");
    assertStartable(toShellCommand(command));
  } else {
    assertText(command, "command");
    assertStartable(command);
  }
}

/** Quotes a program and its arguments as a script for the shell. `exec` keeps the shell from running a function or builtin. */
export function toShellCommand(words: readonly string[]): string {
  return `exec ${words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ")}`;
}

/** Returns whether a server does not know `argv` and misses the `command`, as those before September 2026 do. */
export function isMissingCommand(error: unknown): boolean {
  return (
    error instanceof SandboxApiException &&
    error.statusCode === 400 &&
    error.message.includes("RunCommandRequest.Command")
  );
}

function assertStartable(script: string): void {
  assertWellFormed(script, "command");
  if (script.includes("\0")) throw new InvalidArgumentException("command must not contain NUL.");
  // A UTF-16 code unit takes 3 bytes at most.
  if (script.length * 3 <= LONGEST_COMMAND_BYTES) return;
  const bytes = new TextEncoder().encode(script).byteLength;
  if (bytes <= LONGEST_COMMAND_BYTES) return;
  throw new InvalidArgumentException(
    `command must be at most ${LONGEST_COMMAND_BYTES} bytes long; got ${bytes}. ` +
      "Write it to a file with files.writeFile and run that.",
  );
}
