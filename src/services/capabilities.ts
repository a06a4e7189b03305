import { assertOneOf, type CallOptions, checkOptions } from "../arguments.js";
import { CAPABILITIES, type CapabilityName, isUnknownRoute, notSupported } from "../capabilities.js";
import { SandboxApiException } from "../errors.js";
import { raceAbort, throwIfAborted } from "../transport/abort.js";
import { isWithoutPort, NEEDS_PORT } from "../transport/web-socket.js";
import { isMissingCommand } from "./command-line.js";
import { explainAbsence, findSidecar } from "./egress/sidecar.js";
import type { SandboxLink } from "./link.js";

/** Whether a server has something. */
export interface Capability {
  readonly isAvailable: boolean;
  /** The servers that have it, in words. */
  readonly since: string;
  /** Why it is not available, if the server knows it and says so. */
  readonly reason: string | undefined;
}

/** What the servers of a sandbox can do. */
export class Capabilities {
  /** Every capability by its name. */
  readonly all: Readonly<Record<CapabilityName, Capability>>;
  readonly #sandboxId: string;

  /** @internal */
  constructor(all: Readonly<Record<CapabilityName, Capability>>, sandboxId: string) {
    this.all = all;
    this.#sandboxId = sandboxId;
  }

  /** Returns whether something is available. @throws {InvalidArgumentException} if the name is unknown */
  has(name: CapabilityName): boolean {
    return this.#get(name).isAvailable;
  }

  /** Asserts that something is available. @throws {SandboxException} `NOT_SUPPORTED`, which names the servers that have it */
  assert(name: CapabilityName): void {
    const { isAvailable, reason } = this.#get(name);
    if (!isAvailable) throw notSupported(name, { sandboxId: this.#sandboxId, reason });
  }

  #get(name: CapabilityName): Capability {
    assertOneOf(name, "name", Object.keys(this.all));
    return this.all[name];
  }
}

/** An id that no terminal and no session has. */
const NO_ID = "00000000-0000-4000-8000-000000000000";

/**
 * The request that finds out about a capability. Resolves if it is available, but to an {@link Unavailable} if it is not;
 * rejects with the response that says that it is not.
 */
type Probe = (link: SandboxLink) => Promise<unknown>;

/** How each capability is found out. None of these requests changes anything. */
const PROBES: Readonly<Record<CapabilityName, Probe>> = {
  // Not valid on any server: newer ones miss the program, older ones the command.
  argv: ({ execd }) =>
    execd.client.POST("/command", { body: { argv: [""] }, fetch: once(execd) }).catch((error: unknown) => {
      if (!(error instanceof SandboxApiException && error.statusCode === 400)) throw error;
      return isMissingCommand(error) ? new Unavailable(undefined) : undefined;
    }),
  readiness: ({ execd }) =>
    expectingRefusal(
      execd.client.GET("/ready", { fetch: once(execd) }),
      ({ statusCode, rawBody = "" }) => statusCode === 503 && rawBody.includes("initialized"),
    ),
  terminals: ({ execd, config }) =>
    config.webSocket === undefined && isWithoutPort(execd.endpoint)
      ? Promise.resolve(new Unavailable(NEEDS_PORT))
      : expectingRefusal(
          execd.client.GET("/pty/{terminalId}", {
            params: { path: { terminalId: NO_ID } },
            fetch: once(execd),
          }),
          isUnknownId,
        ),
  isolatedSessions: async ({ execd }) => {
    const { data } = await execd.client.GET("/v1/isolated/capabilities", { fetch: once(execd) });
    return data?.available === true ? undefined : new Unavailable(data?.message);
  },
  isolatedBackgroundRuns: ({ execd }) =>
    expectingRefusal(
      execd.client.GET("/v1/isolated/session/{sessionId}/runs/{runId}", {
        params: { path: { sessionId: NO_ID, runId: NO_ID } },
        fetch: once(execd),
      }),
      isUnknownId,
    ),
  networkPolicy: async (link) => {
    const sidecar = await findSidecar(link, undefined);
    if (sidecar !== undefined) {
      return await sidecar.client.GET("/policy", { fetch: once(sidecar) }).catch(toAbsence);
    }
    const params = { path: { sandboxId: link.sandboxId } };
    const { client } = link.lifecycle;
    return await client.GET("/sandboxes/{sandboxId}/networkpolicy", { params, fetch: once(link.lifecycle) });
  },
  credentialVault: async (link) => {
    const sidecar = await findSidecar(link, undefined);
    if (sidecar === undefined) return new Unavailable("a sandbox from a template has no egress sidecar");
    return await expectingRefusal(
      sidecar.client.GET("/credential-vault", { fetch: once(sidecar) }),
      // A 404 means that there is no vault. Go's router sends "page not found" for an unknown route.
      ({ statusCode, message }) => statusCode === 404 && !message.includes("page not found"),
    ).catch(toAbsence);
  },
  snapshots: ({ lifecycle }) =>
    lifecycle.client.GET("/snapshots", { params: { query: { pageSize: 1 } }, fetch: once(lifecycle) }),
  templates: ({ lifecycle }) =>
    lifecycle.client.GET("/templates", { params: { query: { pageSize: 1 } }, fetch: once(lifecycle) }),
};

/** A server says that it does not have something now. */
class Unavailable {
  readonly reason: string | undefined;

  constructor(reason: string | undefined) {
    this.reason = reason;
  }
}

/** The capabilities of each sandbox instance, or the requests that find them out. */
const known = new WeakMap<SandboxLink, Promise<Capabilities>>();

/** Finds out what the servers of a sandbox can do, once for each instance. */
export async function findCapabilities(link: SandboxLink, options: CallOptions): Promise<Capabilities> {
  const { signal } = checkOptions(options);
  throwIfAborted(signal);
  link.execd.assertOpen();
  let asking = known.get(link);
  if (asking === undefined) {
    asking = askAll(link);
    known.set(link, asking);
    // A later call asks again.
    asking.catch(() => known.delete(link));
  }
  // Several callers may wait for the same requests, so that an abort ends the wait and not the requests.
  return await raceAbort(signal, asking);
}

async function askAll(link: SandboxLink): Promise<Capabilities> {
  const names = Object.keys(CAPABILITIES) as CapabilityName[];
  const found = await Promise.all(names.map((name) => ask(name, link)));
  const all = Object.fromEntries(names.map((name, index) => [name, found[index]]));
  // Every name of the table has been asked for.
  return new Capabilities(all as Record<CapabilityName, Capability>, link.sandboxId);
}

async function ask(name: CapabilityName, link: SandboxLink): Promise<Capability> {
  const { since } = CAPABILITIES[name];
  try {
    const outcome = await PROBES[name](link);
    const isAvailable = !(outcome instanceof Unavailable);
    return { isAvailable, since, reason: isAvailable ? undefined : outcome.reason };
  } catch (error) {
    if (isUnknownRoute(error)) return { isAvailable: false, since, reason: undefined };
    if (isUnavailable(error)) return { isAvailable: false, since, reason: error.message };
    throw error;
  }
}

/** Sends a request once: a response that says "not here" is what is asked for. */
function once(transport: SandboxLink["execd" | "lifecycle"] | Sidecar) {
  return transport.json({ retry: false }).fetch;
}

type Sidecar = NonNullable<Awaited<ReturnType<typeof findSidecar>>>;

/** Takes some refusals for a success. */
async function expectingRefusal(
  request: Promise<unknown>,
  isExpected: (error: SandboxApiException) => boolean,
): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (!(error instanceof SandboxApiException && isExpected(error))) throw error;
  }
}

/** Returns whether a server knows the route, and not the id. */
function isUnknownId(error: SandboxApiException): boolean {
  return error.statusCode === 404 && !isUnknownRoute(error);
}

/** Returns whether a server knows the route, but cannot do it here. */
function isUnavailable(error: unknown): error is SandboxApiException {
  if (!(error instanceof SandboxApiException)) return false;
  const { statusCode, code } = error;
  return (
    statusCode === 412 ||
    statusCode === 501 ||
    (statusCode === 503 && (code === "SERVICE_UNAVAILABLE" || code === "NOT_SUPPORTED"))
  );
}

/** Nothing responds at the address of a sandbox that has no sidecar. */
function toAbsence(error: unknown): Unavailable {
  const explained = explainAbsence(error);
  if (explained === error || !(explained instanceof Error)) throw error;
  return new Unavailable(explained.message);
}
