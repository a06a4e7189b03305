import {
  assertBoolean,
  assertInteger,
  assertOneOf,
  assertOptionalText,
  assertText,
  type CallOptions,
  checkOptions,
} from "../../arguments.js";
import { SandboxApiException, SandboxConnectionException, SandboxException } from "../../errors.js";
import { throwIfAborted } from "../../transport/abort.js";
import { defined } from "../../transport/request.js";
import { expectRecord, expectText, unexpectedResponse } from "../../transport/response.js";
import { webSocketOpener } from "../../transport/web-socket.js";
import type { SandboxLink } from "../link.js";
import { assertSize } from "./arguments.js";
import { Terminal, type ReconnectTerminalOptions } from "./terminal.js";

/** The size at which servers start a program. */
const [DEFAULT_COLS, DEFAULT_ROWS] = [80, 24];
const MODES = ["pty", "pipe"];
/** The statuses of a request without a handshake that say why a handshake was refused. */
const REFUSALS: readonly number[] = [401, 403, 404, 409];

/** Options of {@link Terminals.create}. */
export interface CreateTerminalOptions extends CallOptions {
  /** Where the program starts; created if it is not there. @default the server's own directory */
  readonly cwd?: string | undefined;
  /** A command for the shell; the terminal ends with it. @default an interactive shell */
  readonly command?: string | undefined;
  /** The width. An interactive shell starts with 80 columns and is then told of another width. @default 80 */
  readonly cols?: number | undefined;
  /** The height. An interactive shell starts with 24 rows and is then told of another height. @default 24 */
  readonly rows?: number | undefined;
  /** `"pipe"` connects the program by pipes, for exact bytes: no echo, no size, and standard error apart. @default "pty" */
  readonly mode?: "pty" | "pipe" | undefined;
}

/** Options of {@link Terminals.attach}. */
export interface AttachTerminalOptions extends CallOptions {
  /** Output from this offset on is sent again; servers keep the last 1 MiB. @default 0 */
  readonly offset?: number | undefined;
  /** Disconnects the client that is connected, if there is one. @default false */
  readonly takeOver?: boolean | undefined;
  /** Connects to read only, beside other clients. Needs a server of August 2026 or newer. @default false */
  readonly viewer?: boolean | undefined;
  /** How the program is connected if this starts it. @default "pty" */
  readonly mode?: "pty" | "pipe" | undefined;
}

/** A terminal, as the server describes it. */
export interface TerminalInfo {
  readonly id: string;
  /** Whether its program runs. */
  readonly isRunning: boolean;
  /** How many bytes the program has printed. */
  readonly outputOffset: number;
  /** The exit code of a program that has ended. Only the local server tells it. */
  readonly exitCode?: number;
}

/** The query of a terminal's WebSocket. */
interface Query {
  readonly pty?: "0";
  readonly since?: number;
  readonly takeover?: "1";
  readonly mode?: "viewer";
}

interface Connecting {
  readonly query: Query;
  readonly isOwned: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Creates a terminal and connects to it. If connecting fails, the terminal is deleted in the background. */
export async function createTerminal(link: SandboxLink, options: CreateTerminalOptions): Promise<Terminal> {
  const {
    cwd,
    command,
    cols = DEFAULT_COLS,
    rows = DEFAULT_ROWS,
    mode = "pty",
    signal,
  } = checkOptions(options);
  assertOptionalText(cwd, "cwd");
  assertOptionalText(command, "command");
  assertSize(cols, rows);
  assertOneOf(mode, "mode", MODES);
  const hasSize = mode === "pty" && (cols !== DEFAULT_COLS || rows !== DEFAULT_ROWS);
  const call = link.execd.json({ signal });
  const { data } = await link.execd.client.POST("/pty", {
    body: defined({ cwd, command: hasSize ? atSize(command, cols, rows) : command }),
    fetch: call.fetch,
  });
  const id = expectText(expectRecord(data, call).session_id, "session_id", call);
  try {
    const query: Query = mode === "pipe" ? { pty: "0" } : {};
    const terminal = await connect(link, id, { query, isOwned: true, signal });
    if (hasSize) await terminal.resize(cols, rows);
    return terminal;
  } catch (error) {
    deleteTerminal(link, id, {}).catch(() => undefined);
    throw error;
  }
}

/**
 * Returns a command that has the size when it starts. The `resize` that follows the start may come after the command has
 * read the size; if it came first, or another one did, the size stays.
 */
function atSize(command: string | undefined, cols: number, rows: number): string | undefined {
  if (command === undefined || command === "") return command;
  const isDefault = `[ "$(stty size 2>/dev/null)" = "${DEFAULT_ROWS} ${DEFAULT_COLS}" ]`;
  return `${isDefault} && stty rows ${rows} cols ${cols}; ${command}`;
}

/** Connects to a terminal that exists. */
export async function attachTerminal(
  link: SandboxLink,
  id: string,
  options: AttachTerminalOptions,
): Promise<Terminal> {
  assertText(id, "id");
  const { offset = 0, takeOver = false, viewer = false, mode = "pty", signal } = checkOptions(options);
  assertInteger(offset, "offset");
  assertBoolean(takeOver, "takeOver");
  assertBoolean(viewer, "viewer");
  assertOneOf(mode, "mode", MODES);
  return await connect(link, id, {
    query: { ...(mode === "pipe" && { pty: "0" }), ...toQuery(offset, takeOver, viewer) },
    isOwned: false,
    signal,
  });
}

/** Returns the server's description of a terminal. */
export async function getTerminal(
  link: SandboxLink,
  id: string,
  options: CallOptions,
): Promise<TerminalInfo> {
  assertText(id, "id");
  const call = link.execd.json({ signal: checkOptions(options).signal });
  const { data } = await link.execd.client.GET("/pty/{terminalId}", {
    params: { path: { terminalId: id } },
    fetch: call.fetch,
  });
  const state: Record<string, unknown> = { ...expectRecord(data, call) };
  const { running, output_offset: outputOffset, exit_code: exitCode } = state;
  if (typeof running !== "boolean" || typeof outputOffset !== "number")
    throw unexpectedResponse("The response has no state of a terminal.", call);
  return { id, isRunning: running, outputOffset, ...(typeof exitCode === "number" && { exitCode }) };
}

/** Kills the program of a terminal and deletes it. */
export async function deleteTerminal(link: SandboxLink, id: string, options: CallOptions): Promise<void> {
  assertText(id, "id");
  const { client, json } = link.execd;
  await client.DELETE("/pty/{terminalId}", {
    params: { path: { terminalId: id } },
    fetch: json({ signal: checkOptions(options).signal }).fetch,
  });
}

async function reconnect(
  link: SandboxLink,
  terminal: Terminal,
  isOwned: boolean,
  options: ReconnectTerminalOptions,
): Promise<Terminal> {
  const { offset = terminal.offset, signal } = checkOptions(options);
  assertInteger(offset, "offset");
  const { id, isViewer } = terminal;
  const { isRunning, exitCode } = await getTerminal(link, id, { signal });
  if (!isRunning) {
    const how = exitCode === undefined ? "" : ` with exit code ${exitCode}`;
    const message = `The program of terminal ${id} has ended${how}. attach() would start it again.`;
    throw new SandboxException({ code: "TERMINAL_ENDED", message, sandboxId: link.sandboxId });
  }
  terminal.close();
  // The server may not have noticed yet that the old connection broke.
  const takeOver = !isViewer && !terminal.wasTakenOver;
  return await connect(link, id, { query: toQuery(offset, takeOver, isViewer), isOwned, signal });
}

async function connect(
  link: SandboxLink,
  id: string,
  { query, isOwned, signal }: Connecting,
): Promise<Terminal> {
  throwIfAborted(signal);
  const { execd, config } = link;
  execd.assertOpen();
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) given.set(name, String(value));
  const text = given.toString();
  const path = `/pty/${encodeURIComponent(id)}/ws${text === "" ? "" : `?${text}`}`;
  const open = await webSocketOpener(execd.endpoint, path, config.webSocket);
  const terminal = new Terminal({
    ...{ link, id, isOwned, isViewer: query.mode === "viewer", offset: query.since ?? 0 },
    socket: open(),
    reconnect: (before, options) => reconnect(link, before, isOwned, options),
    remove: (_id, options) => deleteTerminal(link, id, options),
  });
  try {
    await terminal.connected({ signal });
    return terminal;
  } catch (error) {
    if (!(error instanceof SandboxConnectionException) || error.code !== "STREAM_CUT") throw error;
    throw await reasonOf(error, { link, id, query, signal });
  }
}

/**
 * Returns why a server refused a handshake: WebSockets do not tell its status. The same request without a handshake gets
 * the same refusal, and has no effect.
 */
async function reasonOf(
  cause: SandboxConnectionException,
  {
    link,
    id,
    query,
    signal,
  }: Omit<Connecting, "isOwned"> & { readonly link: SandboxLink; readonly id: string },
): Promise<unknown> {
  const { client, json } = link.execd;
  // As a plain request, a takeover is refused like any second client.
  const { takeover, ...rest } = query;
  try {
    await client.GET("/pty/{terminalId}/ws", {
      params: { path: { terminalId: id }, query: rest },
      fetch: json({ signal, retry: false }).fetch,
    });
  } catch (error) {
    if (!(error instanceof SandboxApiException)) return error;
    const isTheReason = takeover === undefined || error.statusCode !== 409;
    if (REFUSALS.includes(error.statusCode) && isTheReason) return error;
  }
  const hint =
    link.config.fetch === undefined || link.config.webSocket !== undefined
      ? ""
      : " The connection's `fetch` is not used for it: pass a `webSocket` that takes the same way.";
  const message = `The WebSocket of terminal ${id} could not be opened.${hint}`;
  return new SandboxConnectionException({ code: "CONNECTION", message, cause, sandboxId: link.sandboxId });
}

function toQuery(offset: number, takeOver: boolean, viewer: boolean): Query {
  return {
    ...(offset > 0 && { since: offset }),
    ...(takeOver && { takeover: "1" }),
    ...(viewer && { mode: "viewer" }),
  };
}
