import type { SandboxLink } from "../../../src/services/link.js";
import { Codes } from "../../../src/services/codes.js";
import { Commands } from "../../../src/services/commands.js";
import { Files } from "../../../src/services/files.js";
import type { Execution } from "../../../src/execution/execution.js";
import { bareFrame } from "../wire.js";
import { collect } from "../promises.js";

/** The kinds of calls that the SDK makes, each with its own rules. */
export type SdkCallName = "get" | "post" | "code" | "stream" | "command" | "upload" | "download";

/** A call, and the response of a healthy server. */
export interface SdkCall {
  readonly name: SdkCallName;
  /** Method and path of its request. */
  readonly route: readonly [method: string, path: string];
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  /** A summary of the result on success. */
  readonly value: unknown;
  run(link: SandboxLink, options: SdkCallOptions): Promise<unknown>;
}

export interface SdkCallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Only for runs. */
  readonly timeoutSeconds?: number | undefined;
}

/** The output of each run: characters of one to four bytes. */
export const PRINTED = "h\u00e9llo \u2713 \u{1f600}\n";

export const CODE_FRAMES: readonly string[] = [
  { type: "init", text: "context-1", timestamp: 1 },
  { type: "ping", text: "pong", timestamp: 2 },
  { type: "stdout", text: PRINTED, timestamp: 3 },
  { type: "execution_count", execution_count: 1, timestamp: 4 },
  { type: "result", results: { text: "2" }, timestamp: 5 },
  { type: "execution_complete", execution_time: 7, timestamp: 6 },
].map(bareFrame);
/** Lines of a command are sent without their newlines. */
const COMMAND_FRAMES = CODE_FRAMES.filter((frame) => !/"(execution_count|result)"/.test(frame)).map((frame) =>
  frame.replace("\\n", ""),
);

const JSON_HEADERS = { "content-type": "application/json" };
const STREAM_HEADERS = { "content-type": "text/event-stream" };
const FILE = Buffer.from("line of a file\n".repeat(2_000));
const TYPES = ["init", "ping", "stdout", "execution_count", "result", "execution_complete"];

function inShort({ stdout, text, complete }: Execution): unknown {
  return { stdout, text, isComplete: complete !== undefined };
}

/** One call of each kind. */
export const SDK_CALLS: readonly SdkCall[] = [
  {
    name: "get",
    route: ["GET", "/code/contexts"],
    headers: JSON_HEADERS,
    body: Buffer.from('[{"id":"context-1","language":"python"}]'),
    value: [{ id: "context-1", language: "python" }],
    run: (link, { signal }) => new Codes(link).listContexts(undefined, { signal }),
  },
  {
    name: "post",
    route: ["POST", "/code/context"],
    headers: JSON_HEADERS,
    body: Buffer.from('{"id":"context-1","language":"python"}'),
    value: { id: "context-1", language: "python" },
    run: (link, { signal }) => new Codes(link).createContext("python", { signal }),
  },
  {
    name: "code",
    route: ["POST", "/code"],
    headers: STREAM_HEADERS,
    body: Buffer.from(CODE_FRAMES.join("")),
    value: { stdout: PRINTED, text: "2", isComplete: true },
    run: async (link, options) => {
      // In a named context a run can be interrupted before `init`.
      const context = { id: "context-1", language: "python" };
      return inShort(await new Codes(link).run("print(1)", { context, ...options }));
    },
  },
  {
    name: "stream",
    route: ["POST", "/code"],
    headers: STREAM_HEADERS,
    body: Buffer.from(CODE_FRAMES.join("")),
    value: TYPES,
    run: async (link, options) => {
      const context = { id: "context-1", language: "python" };
      const events = await collect(new Codes(link).runStream({ code: "print(1)", context }, options));
      return events.map(({ type }) => type);
    },
  },
  {
    name: "command",
    route: ["POST", "/command"],
    headers: STREAM_HEADERS,
    body: Buffer.from(COMMAND_FRAMES.join("")),
    value: { stdout: PRINTED, text: undefined, isComplete: true },
    run: async (link, options) => inShort(await new Commands(link).run("true", options)),
  },
  {
    name: "upload",
    route: ["POST", "/files/upload"],
    headers: {},
    body: Buffer.alloc(0),
    value: undefined,
    run: (link, options) => new Files(link).writeFiles([{ path: "a.txt", data: FILE, mode: null }], options),
  },
  {
    name: "download",
    route: ["GET", "/files/download"],
    headers: { "content-type": "application/octet-stream" },
    body: FILE,
    value: FILE.byteLength,
    run: async (link, { signal }) => (await new Files(link).readBytes("a.txt", { signal })).byteLength,
  },
];

export function sdkCall(name: SdkCallName): SdkCall {
  const found = SDK_CALLS.find((each) => each.name === name);
  if (found === undefined) throw new RangeError(name);
  return found;
}
