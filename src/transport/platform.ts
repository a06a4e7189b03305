interface NodeLike {
  readonly process?: {
    readonly env?: Readonly<Record<string, string | undefined>>;
    readonly versions?: Readonly<Record<string, string | undefined>>;
    readonly getBuiltinModule?: NodeJS.Process["getBuiltinModule"];
  };
}

// What the types of Node take for granted is not there in browsers.
const platform: NodeLike = globalThis;

/** The value of an environment variable; an empty one, and one of a browser, is none. */
export function environmentVariable(name: string): string | undefined {
  const value = platform.process?.env?.[name];
  return value === "" ? undefined : value;
}

/** Whether a request's body may be a stream. Browsers allow it over HTTP/2 alone, and most not at all. */
export const streamsRequests = platform.process?.versions?.["node"] !== undefined;

/** Whether this is a page: the browser names itself to servers then, and would ask them for leave to say otherwise. */
export const isPage = "document" in globalThis;

/** Node's file system, `undefined` in browsers. Not an import, which bundlers for browsers would stumble over. */
export const fileSystem = () => platform.process?.getBuiltinModule?.("node:fs/promises");

/** A channel of Node's diagnostics, `undefined` in browsers. Its subscribers come and go: ask it each time. */
export const diagnosticsChannel = (name: string) =>
  platform.process?.getBuiltinModule?.("node:diagnostics_channel").channel(name);
