import { assertInteger, assertText, type CallOptions, checkOptions } from "../arguments.js";
import { SandboxApiException } from "../errors.js";
import { signalOf } from "../execution/execution.js";
import { sleep } from "../transport/abort.js";
import type { StreamedResponse } from "../transport/call.js";
import { expectDate, expectRecord, unexpectedResponse } from "../transport/response.js";
import type { SandboxLink } from "./link.js";
import { iterableOf } from "./loops.js";

/** Waits between attempts at a command that the server does not know yet, in milliseconds: less than 1 s together. */
const START_UP_WAITS_MILLIS = [50, 100, 200, 400];
/** What a timer can hold. */
const LONGEST_WAIT_MILLIS = 2 ** 31 - 1;
const CURSOR_HEADER = "EXECD-COMMANDS-TAIL-CURSOR";

/** Tells whether a command runs and how it ended. */
export interface CommandStatus {
  readonly id: string;
  /** The command as it was given. */
  readonly command: string;
  readonly isRunning: boolean;
  /** `null` while it runs; `-1` when a signal ended it, 255 also when it could not be started (see `error`). */
  readonly exitCode: number | null;
  /**
   * The signal that ended it, as the server names it: `terminated` (SIGTERM, an interrupt), `killed` (SIGKILL, also
   * what the server's timeout sends), …; `undefined` if none did.
   */
  readonly signal: string | undefined;
  /** How it failed (`exit status 3`, `signal: killed`, why it could not be started); `undefined` if it did not fail. */
  readonly error: string | undefined;
  readonly startedAt: Date;
  /** `undefined` while it runs. */
  readonly finishedAt: Date | undefined;
}

/** Options of `getLogs`. */
export interface CommandLogsOptions extends CallOptions {
  /** Where to begin: the `cursor` of the last {@link CommandLogs}. @default 0, the beginning */
  readonly cursor?: number | undefined;
}

/** Options of `followLogs`. */
export interface FollowLogsOptions extends CommandLogsOptions {
  /** How long to wait before looking for more, in milliseconds. @default 500 */
  readonly pollingIntervalMillis?: number | undefined;
}

/** A piece of a background command's output, standard output and standard error together. */
export interface CommandLogs {
  /** Whole characters only; one that is not whole yet is left for the next call. */
  readonly text: string;
  /** The bytes of `text`. */
  readonly bytes: Uint8Array;
  /** Where the next piece begins. Opaque: pass it back unchanged. */
  readonly cursor: number;
}

/** What is known of commands that run, or ran, in the background; users reach it through `commands`. */
export class CommandLogReader {
  readonly #link: SandboxLink;

  constructor(link: SandboxLink) {
    this.#link = link;
  }

  async getStatus(commandId: string, options: CallOptions): Promise<CommandStatus> {
    const { signal } = checkOptions(options);
    return await onceStarted(signal, async () => {
      assertText(commandId, "commandId");
      const { client, json } = this.#link.execd;
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
        // Go writes what is not there as null, where it writes it.
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

  async getLogs(commandId: string, options: CommandLogsOptions): Promise<CommandLogs> {
    const { cursor = 0, signal } = checkOptions(options);
    const { body, end } = await this.#open(commandId, cursor, signal);
    const all = await body.readAll();
    const rest = unfinishedLength(all);
    const bytes = rest === 0 ? all : all.subarray(0, -rest);
    return {
      text: decoder().decode(bytes),
      bytes,
      cursor: Math.min(end, cursor + all.length) - rest,
    };
  }

  followLogs(commandId: string, options: FollowLogsOptions): AsyncIterable<string> {
    return iterableOf(options, (signal) => this.#follow(commandId, options, signal));
  }

  async *#follow(
    commandId: string,
    { cursor = 0, pollingIntervalMillis = 500 }: FollowLogsOptions,
    signal: AbortSignal,
  ): AsyncGenerator<string, void> {
    assertInteger(pollingIntervalMillis, "pollingIntervalMillis", 1, LONGEST_WAIT_MILLIS);
    const text = decoder();
    for (;;) {
      // Status first: once a command has ended, a log that is read after that is complete.
      const { isRunning } = await this.getStatus(commandId, { signal });
      const { body, end } = await this.#open(commandId, cursor, signal);
      // Leaving the loop here, or while it waits, aborts the signal and so the request.
      for (;;) {
        const chunk = await body.read();
        if (chunk === undefined) break;
        cursor += chunk.length;
        const piece = text.decode(chunk, { stream: true });
        if (piece !== "") yield piece;
      }
      // A body shorter than announced was cut on its way: request the rest.
      const isWhole = end === Infinity || cursor >= end;
      // Newer servers send the end for a cursor beyond it.
      cursor = Math.min(end, cursor);
      if (!isRunning && isWhole) {
        const piece = text.decode();
        if (piece !== "") yield piece;
        return;
      }
      await sleep(pollingIntervalMillis, signal);
    }
  }

  /** Requests the output from a cursor on. Returns it with the cursor after it, infinite if the server does not send one. */
  #open(
    commandId: string,
    cursor: number,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly body: StreamedResponse["body"]; readonly end: number }> {
    return onceStarted(signal, async () => {
      assertText(commandId, "commandId");
      assertInteger(cursor, "cursor");
      const { client, download } = this.#link.execd;
      // As a download, since the output can be of any size.
      const call = download({ signal });
      const { response } = await client.GET("/command/{id}/logs", {
        params: { path: { id: commandId }, query: { cursor } },
        parseAs: "stream",
        fetch: call.fetch,
      });
      const header = response.headers.get(CURSOR_HEADER);
      const isCursor = header !== null && /^\d+$/.test(header);
      return { body: call.receive(response).body, end: isCursor ? Number(header) : Infinity };
    });
  }
}

/** Retries for a moment, since servers before July 2026 may not know yet that the command has been started. */
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
    await sleep(waitMillis, signal ?? new AbortController().signal);
  }
  return ask();
}

// The status of an unknown command is 404, its log 400, as is that of a command in the foreground.
function isUnknownCommand(error: unknown): boolean {
  if (!(error instanceof SandboxApiException)) return false;
  const { statusCode, message } = error;
  return statusCode === 404 || (statusCode === 400 && !message.includes("is not running in background"));
}

/** A byte order mark is output like any other. */
function decoder() {
  return new TextDecoder("utf-8", { ignoreBOM: true });
}

/** Counts the bytes at the end that begin an incomplete UTF-8 character. */
function unfinishedLength(bytes: Uint8Array): number {
  for (let length = 1; length <= 3; length++) {
    const byte = bytes.at(-length);
    if (byte === undefined || byte < 0x80) return 0;
    // Bytes from 0x80 to 0xbf continue a character; higher ones begin one of 2, 3 or 4 bytes.
    if (byte >= 0xc0) return length < (byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4) ? length : 0;
  }
  return 0;
}
