import { assertInteger, assertText, type CallOptions, checkOptions } from "../arguments.js";
import { SandboxApiException } from "../errors.js";
import { signalOf } from "../execution/execution.js";
import { sleep } from "../transport/abort.js";
import { expectDate, expectRecord, unexpectedResponse } from "../transport/response.js";
import type { StreamedResponse } from "../transport/response-body.js";
import type { SandboxLink } from "./link.js";

/** The waits between attempts while the server does not know a command yet, in milliseconds. */
const START_UP_WAITS_MILLIS = [50, 100, 200, 400];
/** The first pause of {@link waitUntilEnded} in milliseconds. Each pause is 1.5 times the previous one. */
const FIRST_PAUSE_MILLIS = 50;
const LONGEST_PAUSE_MILLIS = 1_000;
/** The longest delay that `setTimeout` accepts. */
const LONGEST_WAIT_MILLIS = 2 ** 31 - 1;
const CURSOR_HEADER = "EXECD-COMMANDS-TAIL-CURSOR";

/** Whether a command is running, and how it ended. */
export interface CommandStatus {
  readonly id: string;
  /** The command as it was passed to the server. */
  readonly command: string;
  readonly isRunning: boolean;
  /** `null` while it runs; `-1` if a signal ended it; 255 also if it could not be started (see `error`). */
  readonly exitCode: number | null;
  /**
   * The signal that ended it, by the server's name: `terminated` (SIGTERM, sent by an interrupt), `killed` (SIGKILL, sent
   * by the server's timeout), and so on; `undefined` if no signal did.
   */
  readonly signal: string | undefined;
  /** Why it failed, such as `exit status 3` or `signal: killed`; `undefined` if it did not fail. */
  readonly error: string | undefined;
  readonly startedAt: Date;
  /** `undefined` while it runs. */
  readonly finishedAt: Date | undefined;
}

/** Options of `getLogs`. */
export interface CommandLogsOptions extends CallOptions {
  /** Where to start: the `cursor` of the previous {@link CommandLogs}. @default 0, the beginning */
  readonly cursor?: number | undefined;
}

/** Options of `followLogs`. */
export interface FollowLogsOptions extends CommandLogsOptions {
  /** The pause between two requests for new output, in milliseconds. @default 500 */
  readonly pollingIntervalMillis?: number | undefined;
}

/** A part of a background command's output. Standard output and standard error are merged. */
export interface CommandLogs {
  /** Contains complete characters only. The bytes of an incomplete last character are left for the next call. */
  readonly text: string;
  /** The bytes of `text`. */
  readonly bytes: Uint8Array;
  /** Where the next part begins. Pass it back unchanged. */
  readonly cursor: number;
}

/** Implements {@link CommandHandle.status}. */
export async function getStatus(
  link: SandboxLink,
  commandId: string,
  options: CallOptions,
): Promise<CommandStatus> {
  const { signal } = checkOptions(options);
  return await onceStarted(signal, async () => {
    assertText(commandId, "commandId");
    const { client, json } = link.execd;
    const call = json({ signal });
    const { data } = await client.GET("/command/status/{id}", {
      params: { path: { id: commandId } },
      fetch: call.fetch,
    });
    const status = expectRecord(data, call);
    const { id, content, running, exit_code: exitCode, error, finished_at: end } = status;
    if (typeof running !== "boolean") {
      throw unexpectedResponse('The response has no "running".', call);
    }
    return {
      // A Go server sends a missing value as null or omits it.
      id: id ?? commandId,
      command: content ?? "",
      isRunning: running,
      exitCode: exitCode ?? null,
      signal: signalOf(error ?? undefined),
      error: error === "" ? undefined : (error ?? undefined),
      startedAt: expectDate(status.started_at, "started_at", call),
      finishedAt: end === undefined || end === null ? undefined : expectDate(end, "finished_at", call),
    };
  });
}

/** Implements {@link CommandHandle.logs}. */
export async function getLogs(
  link: SandboxLink,
  commandId: string,
  options: CommandLogsOptions,
): Promise<CommandLogs> {
  const { cursor = 0, signal } = checkOptions(options);
  const { body, end } = await openLog(link, commandId, cursor, signal);
  const all = await body.readAll();
  const rest = unfinishedLength(all);
  const bytes = rest === 0 ? all : all.subarray(0, -rest);
  return {
    text: decoder().decode(bytes),
    bytes,
    cursor: Math.min(end, cursor + all.length) - rest,
  };
}

/** Implements {@link CommandHandle.follow}. Aborting the signal ends the iteration. */
export async function* follow(
  link: SandboxLink,
  commandId: string,
  { cursor = 0, pollingIntervalMillis = 500 }: FollowLogsOptions,
  signal: AbortSignal,
): AsyncGenerator<string, void> {
  assertInteger(pollingIntervalMillis, "pollingIntervalMillis", 1, LONGEST_WAIT_MILLIS);
  const text = decoder();
  for (;;) {
    // Ask for the status first: a log that is read after the command has ended is complete.
    const { isRunning } = await getStatus(link, commandId, { signal });
    const { body, end } = await openLog(link, commandId, cursor, signal);
    // Leaving the loop aborts the signal, which ends a pending request.
    for (;;) {
      const chunk = await body.read();
      if (chunk === undefined) break;
      cursor += chunk.length;
      const piece = text.decode(chunk, { stream: true });
      if (piece !== "") yield piece;
    }
    // The body was cut if it is shorter than announced: request the rest.
    const isWhole = end === Infinity || cursor >= end;
    // For a cursor beyond the end, newer servers return the end.
    cursor = Math.min(end, cursor);
    if (!isRunning && isWhole) {
      const piece = text.decode();
      if (piece !== "") yield piece;
      return;
    }
    await sleep(pollingIntervalMillis, signal);
  }
}

/** Requests the output from a cursor on. `end` is the cursor after it, or `Infinity` if the server does not send one. */
function openLog(
  { execd }: SandboxLink,
  commandId: string,
  cursor: number,
  signal: AbortSignal | undefined,
): Promise<{ readonly body: StreamedResponse["body"]; readonly end: number }> {
  return onceStarted(signal, async () => {
    assertText(commandId, "commandId");
    assertInteger(cursor, "cursor");
    // As a download, since the output can be of any size.
    const call = execd.download({ signal });
    const { response } = await execd.client.GET("/command/{id}/logs", {
      params: { path: { id: commandId }, query: { cursor } },
      fetch: call.fetch,
      parseAs: "stream",
    });
    const { body, headers } = call.receive(response);
    const header = headers.get(CURSOR_HEADER) ?? "";
    return { body, end: /^\d+$/.test(header) ? Number(header) : Infinity };
  });
}

/** Retries for up to a second: servers before July 2026 know a command only some time after its start. */
async function onceStarted<Value>(
  signal: AbortSignal | undefined,
  ask: () => Promise<Value>,
): Promise<Value> {
  for (const waitMillis of START_UP_WAITS_MILLIS) {
    try {
      return await ask();
    } catch (error) {
      if (!isUnknownCommand(error)) throw error;
    }
    await sleep(waitMillis, signal);
  }
  return ask();
}

// For an unknown command, servers return 404 for the status and 400 for the log. They also return 400 for the log of a
// command that runs in the foreground.
function isUnknownCommand(error: unknown): boolean {
  if (!(error instanceof SandboxApiException)) return false;
  const { statusCode, message } = error;
  return statusCode === 404 || (statusCode === 400 && !message.includes("is not running in background"));
}

/** Keeps a byte order mark, since it is part of the output. */
/** Creates a decoder that keeps a byte order mark. */
export function decoder(): InstanceType<typeof TextDecoder> {
  return new TextDecoder("utf-8", { ignoreBOM: true });
}

/** Counts the bytes at the end that begin an incomplete UTF-8 character. */
export function unfinishedLength(bytes: Uint8Array): number {
  for (let length = 1; length <= 3; length++) {
    const byte = bytes.at(-length);
    if (byte === undefined || byte < 0x80) return 0;
    // Bytes from 0x80 to 0xbf continue a character; higher ones begin one of 2, 3 or 4 bytes.
    if (byte >= 0xc0) return length < (byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4) ? length : 0;
  }
  return 0;
}

/** What this needs of a {@link CommandHandle}. */
interface StartedCommand {
  readonly stdin: { release(): Promise<void> } | undefined;
  status(options: CallOptions): Promise<CommandStatus>;
}

/** Implements {@link CommandHandle.wait}. */
export async function waitUntilEnded(command: StartedCommand, options: CallOptions): Promise<CommandStatus> {
  const { signal } = checkOptions(options);
  for (let pauseMillis = FIRST_PAUSE_MILLIS; ; pauseMillis *= 1.5) {
    const status = await command.status({ signal });
    if (!status.isRunning) return status;
    await sleep(Math.min(pauseMillis, LONGEST_PAUSE_MILLIS), signal);
  }
}

/** Implements {@link CommandHandle.kill}. */
export async function killCommand(
  command: StartedCommand,
  interrupt: (options: CallOptions) => Promise<void>,
  options: CallOptions,
): Promise<void> {
  for (let isRepeated = false; ; isRepeated = true) {
    try {
      await interrupt(options);
      await command.stdin?.release();
      return;
    } catch (error) {
      // Servers also send 500 for a command that has ended, and for one that has just started and that they do not
      // know yet. They know it as soon as they return its status.
      if (!(error instanceof SandboxApiException) || error.statusCode !== 500) throw error;
      const { isRunning } = await command.status(options);
      if (!isRunning) return;
      if (isRepeated) throw error;
    }
  }
}
