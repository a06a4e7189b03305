import {
  assertBoolean,
  assertInteger,
  assertList,
  assertOneOf,
  assertText,
  assertUnixId,
  type CallOptions,
  checkOptions,
  refuse,
} from "../../arguments.js";
import type { components } from "../../../generated/execd.js";
import { InvalidArgumentException } from "../../errors.js";
import { isRecord } from "../../json.js";
import { defined } from "../../transport/request.js";
import { expectDate, expectText, type ResponseInfo } from "../../transport/response.js";

/** The directory that an isolated session works in. */
export interface IsolatedWorkspace {
  /** Created if it does not exist. */
  readonly path: string;
  /**
   * `rw` writes to the directory itself, `ro` not at all. `overlay` keeps what the session writes apart, and throws it away
   * with the session.
   * @default "overlay"
   */
  readonly mode?: "overlay" | "rw" | "ro" | undefined;
}

/** A path that is mounted into an isolated session. */
export interface IsolatedBind {
  /** An absolute path that exists, where the server allows it. */
  readonly source: string;
  /** An absolute path. @default the same as `source` */
  readonly dest?: string | undefined;
  /** @default false */
  readonly readOnly?: boolean | undefined;
}

/** Which environment variables of the sandbox a session gets. */
export interface EnvPassthrough {
  /**
   * `allow` passes only `keys`. `deny` passes all but `keys` or, without `keys`, all but those whose names look like
   * secrets, such as `*_TOKEN`.
   */
  readonly mode: "allow" | "deny";
  /** Names of variables. */
  readonly keys?: readonly string[] | undefined;
}

/** The box of an isolated session. */
export interface IsolatedBox {
  /** The working directory. */
  readonly workspace: IsolatedWorkspace;
  /** With `strict` it has its own `/tmp`; with `balanced` it shares the sandbox's. @default "strict" */
  readonly profile?: "strict" | "balanced" | undefined;
  /** Further paths that it may write to. They must exist, where the server allows it. */
  readonly extraWritable?: readonly string[] | undefined;
  /** Paths to mount into it. */
  readonly binds?: readonly IsolatedBind[] | undefined;
  /** Whether it shares the sandbox's network. Otherwise it has none. @default true */
  readonly shareNet?: boolean | undefined;
  /** @default all variables but those whose names look like secrets */
  readonly envPassthrough?: EnvPassthrough | undefined;
  /** The user's id. @default the server's own */
  readonly uid?: number | undefined;
  /** The group's id. @default the server's own */
  readonly gid?: number | undefined;
  /** How the user is changed. @default "setpriv" */
  readonly uidMode?: "setpriv" | "userns" | undefined;
  /** Seconds without a run after which the server deletes it, give or take a minute; 0 disables. @default 0 */
  readonly idleTimeoutSeconds?: number | undefined;
}

/** Options of `isolated.create`. */
export interface CreateIsolatedSessionOptions extends CallOptions, IsolatedBox {}

/** An isolated session, with the options of its creation where the server repeats them. */
export interface IsolatedSessionInfo extends Partial<IsolatedBox> {
  readonly id: string;
  /** A session is `dead` when its shell has ended. It runs nothing any more. */
  readonly status: "active" | "dead" | "destroyed";
  readonly createdAt: Date;
  /** When its last run ended that was not cut short. */
  readonly lastRunAt: Date;
  /** Seconds until it is deleted for being idle; `undefined` if that never happens. */
  readonly idleRemainingSeconds: number | undefined;
}

/** What a sandbox can isolate. */
export interface IsolationCapabilities {
  readonly available: boolean;
  /** Why it is not available. */
  readonly message: string | undefined;
  /** What isolates, such as `bwrap`. */
  readonly isolator: string | undefined;
  readonly version: string | undefined;
  /** Whether `uidMode` may be `setpriv`. */
  readonly setprivAvailable: boolean;
  /** Whether `uidMode` may be `userns`. */
  readonly usernsAvailable: boolean;
  /** The further protections, as the server describes them; `undefined` for older servers. */
  readonly hardening: Readonly<Record<string, unknown>> | undefined;
}

type Wire = components["schemas"];

/** Checks a box and converts it. */
export function toWireBox(options: CreateIsolatedSessionOptions): Wire["CreateIsolatedSessionRequest"] {
  const { workspace, profile, extraWritable, binds, shareNet, envPassthrough } = checkOptions(options);
  const { uid, gid, uidMode, idleTimeoutSeconds } = options;
  if (!isRecord(workspace)) refuse("workspace", "an object", workspace);
  assertText(workspace.path, "workspace.path");
  assertOptional(workspace.mode, "workspace.mode", ["overlay", "rw", "ro"]);
  assertOptional(profile, "profile", ["strict", "balanced"]);
  assertTexts(extraWritable, "extraWritable");
  assertBoolean(shareNet, "shareNet");
  assertUnixId(uid, "uid");
  assertUnixId(gid, "gid");
  assertOptional(uidMode, "uidMode", ["setpriv", "userns"]);
  assertInteger(idleTimeoutSeconds, "idleTimeoutSeconds");
  return defined({
    workspace: defined({ path: workspace.path, mode: workspace.mode }),
    profile,
    extra_writable: extraWritable && [...extraWritable],
    binds: binds === undefined ? undefined : toWireBinds(binds),
    share_net: shareNet,
    env_passthrough: envPassthrough === undefined ? undefined : toWireEnv(envPassthrough),
    uid,
    gid,
    uid_mode: uidMode,
    idle_timeout_seconds: idleTimeoutSeconds,
  });
}

function toWireBinds(binds: readonly IsolatedBind[]): Wire["BindMount"][] {
  assertList(binds, "binds");
  return binds.map((bind, index) => {
    const name = `binds[${index}]`;
    if (!isRecord(bind)) refuse(name, "an object", bind);
    const { source, dest, readOnly } = bind;
    assertAbsolute(source, `${name}.source`);
    if (dest !== undefined) assertAbsolute(dest, `${name}.dest`);
    assertBoolean(readOnly, `${name}.readOnly`);
    // Otherwise a mistake in a name would let the session write.
    if ("readonly" in bind)
      throw new InvalidArgumentException(`${name}.readonly is not an option; use readOnly.`);
    return defined({ source, dest, readonly: readOnly });
  });
}

function toWireEnv(passthrough: EnvPassthrough): Wire["EnvPassthroughSpec"] {
  if (!isRecord(passthrough)) refuse("envPassthrough", "an object", passthrough);
  const { mode, keys } = passthrough;
  // Servers ignore keys without a mode.
  assertOneOf(mode, "envPassthrough.mode", ["allow", "deny"]);
  assertTexts(keys, "envPassthrough.keys");
  return defined({ mode, keys: keys && [...keys] });
}

function assertOptional(value: unknown, name: string, allowed: readonly string[]): void {
  if (value !== undefined) assertOneOf(value, name, allowed);
}

function assertTexts(value: unknown, name: string): void {
  if (value === undefined) return;
  assertList(value, name);
  for (const [index, text] of value.entries()) assertText(text, `${name}[${index}]`);
}

function assertAbsolute(value: unknown, name: string): asserts value is string {
  assertText(value, name);
  if (!value.startsWith("/")) throw new InvalidArgumentException(`${name} must be an absolute path.`);
}

/** Converts what a server says about a session. */
export function toSessionInfo(
  id: string,
  state: Wire["SessionState"],
  call: ResponseInfo,
): IsolatedSessionInfo {
  const { workspace, binds, env_passthrough: passthrough } = state;
  const keys = passthrough?.keys;
  return {
    id,
    status: expectText(state.status, "status", call) as IsolatedSessionInfo["status"],
    createdAt: expectDate(state.created_at, "created_at", call),
    lastRunAt: expectDate(state.last_run_at, "last_run_at", call),
    idleRemainingSeconds: state.idle_remaining_seconds ?? undefined,
    ...defined({
      workspace,
      profile: state.profile,
      extraWritable: state.extra_writable,
      binds: binds?.map(({ source, dest, readonly }) => defined({ source, dest, readOnly: readonly })),
      shareNet: state.share_net,
      envPassthrough: passthrough?.mode === undefined ? undefined : { mode: passthrough.mode, keys },
      uid: state.uid,
      gid: state.gid,
      uidMode: state.uid_mode,
      idleTimeoutSeconds: state.idle_timeout_seconds,
    }),
  };
}

function textOf(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}

/** Converts what a server says about isolation. */
export function toCapabilities(wire: Wire["CapabilitiesResponse"]): IsolationCapabilities {
  return {
    available: wire.available === true,
    message: textOf(wire.message),
    isolator: textOf(wire.isolator),
    version: textOf(wire.version),
    setprivAvailable: wire.setpriv_available === true,
    usernsAvailable: wire.userns_available === true,
    hardening: wire.hardening,
  };
}
