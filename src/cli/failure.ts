import { InvalidArgumentException, isSandboxException, SandboxApiException } from "../index.js";
import { CommandError, FAILURE, USAGE, UsageError } from "./errors.js";
import type { Io } from "./io.js";
import { escapeControls, oneLine } from "./text.js";

/** Reports why a command failed: one line on stderr with what to do, and more with `--verbose`. Returns the exit code. */
export function reportFailure(error: unknown, io: Pick<Io, "json" | "verbose">, program: string): number {
  const exitCode = isUsage(error) ? USAGE : FAILURE;
  const message = describe(error, program);
  if (io.json) {
    const details = isSandboxException(error) ? error.toJSON() : { name: nameOf(error) };
    process.stderr.write(`${JSON.stringify({ type: "failure", ...details, message, exitCode })}\n`);
  } else {
    process.stderr.write(`${program}: ${message}\n`);
  }
  if (io.verbose) process.stderr.write(`${escapeControls(stackOf(error))}\n`);
  return exitCode;
}

function isUsage(error: unknown): boolean {
  return error instanceof UsageError || error instanceof InvalidArgumentException;
}

function describe(error: unknown, program: string): string {
  if (!(error instanceof Error)) return oneLine(String(error));
  const message = oneLine(error.message === "" ? error.name : error.message);
  if (error instanceof UsageError || error instanceof CommandError) return message;
  // Any other error is a bug in this program.
  if (!isSandboxException(error)) return `unexpected ${error.name}: ${message} (--verbose shows where)`;
  const advice = adviceFor(error, program);
  return advice === undefined ? message : `${withFullStop(message)} ${advice}`;
}

function adviceFor(
  error: Error & { readonly error: { readonly code: string } },
  program: string,
): string | undefined {
  const status = error instanceof SandboxApiException ? error.statusCode : undefined;
  if (status === 401 || status === 403) {
    return "Check the API key: --api-key-file, OPEN_SANDBOX_API_KEY, or api_key in ~/.opensandbox/config.toml.";
  }
  switch (error.error.code) {
    case "CONNECTION":
      return error.message.includes("Start a local server")
        ? undefined
        : `Check --domain or OPEN_SANDBOX_DOMAIN; "${program} serve" starts a local server.`;
    case "RUN_TIMEOUT":
      return "Raise --timeout to give it more time.";
    default:
      return status === 404 && /sandbox/i.test(error.error.code)
        ? `"${program} sandboxes ls" lists the sandboxes that exist.`
        : undefined;
  }
}

function stackOf(error: unknown): string {
  const lines: string[] = [];
  for (let each = error; each instanceof Error; each = each.cause) {
    if (lines.length > 0) lines.push("Caused by:");
    lines.push(each.stack ?? String(each));
    if (isSandboxException(each)) lines.push(JSON.stringify(each.toJSON()));
    if (each instanceof SandboxApiException && each.rawBody) lines.push(`Response body: ${each.rawBody}`);
  }
  return lines.length > 0 ? lines.join("\n") : String(error);
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

function withFullStop(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
