import { isRecord } from "../json.js";

interface NodeLike {
  readonly process?: {
    readonly env?: Readonly<Record<string, string | undefined>>;
    readonly versions?: Readonly<Record<string, string | undefined>>;
    readonly getBuiltinModule?: NodeJS.Process["getBuiltinModule"];
  };
}

// The types of Node take for granted what browsers do not have.
const platform: NodeLike = globalThis;

/** The package's version; a test compares it with package.json. */
export const VERSION = "0.1.0";

/** Returns whether this is a page or a worker of a browser. */
export function isBrowser(): boolean {
  return "document" in globalThis || "WorkerNavigator" in globalThis;
}

/** Returns the name of the SDK for servers; `undefined` in browsers, which send their own and need the server's permission for another. */
export function userAgent(): string | undefined {
  return isBrowser() ? undefined : `opensandbox-code-interpreter-ts/${VERSION}`;
}

/** Returns the value of an environment variable; `undefined` if it is empty, and in browsers. */
export function environmentVariable(name: string): string | undefined {
  const value = platform.process?.env?.[name];
  return value === "" ? undefined : value;
}

/** Returns whether a request's body can be a stream. Some browsers allow it over HTTP/2, most not at all. */
export function streamsRequests(): boolean {
  return platform.process?.versions?.["node"] !== undefined;
}

/** Node's file system, `undefined` in browsers. Not an import, which bundlers for browsers would reject. */
export const fileSystem = () => platform.process?.getBuiltinModule?.("node:fs/promises");

/** A channel of Node's diagnostics. */
export interface Channel {
  /** Changes as subscribers come and go. */
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
}

/** Returns a channel of Node's diagnostics; `undefined` in browsers. */
export function diagnosticsChannel(name: string): Channel | undefined {
  return platform.process?.getBuiltinModule?.("node:diagnostics_channel").channel(name);
}

/** Converts a stream to one of Node's; in browsers it returns the same stream. */
export function toNodeStream(stream: ReadableStream<Uint8Array>): NonNullable<RequestInit["body"]> {
  const nodeStreams = platform.process?.getBuiltinModule?.("node:stream");
  if (nodeStreams === undefined) return stream;
  // The same class, which Node declares once for its module and once for the global scope.
  const source = stream as Parameters<typeof nodeStreams.Readable.fromWeb>[0];
  // The types of browsers do not know that the `fetch` of Node and its relatives take such a stream as a body.
  const body: unknown = nodeStreams.Readable.fromWeb(source);
  return body as NonNullable<RequestInit["body"]>;
}

/** Keeps a stream of Node that fails before it is read from ending the process. Its reader still receives the error. */
export function keepFailure(data: unknown): void {
  const on: unknown = isRecord(data) ? data["on"] : undefined;
  if (typeof on === "function") Reflect.apply(on, data, ["error", () => undefined]);
}
