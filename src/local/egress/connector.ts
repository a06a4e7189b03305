import { lookup as lookupName } from "node:dns/promises";
import { connect, type LookupFunction, type Socket } from "node:net";
import { errorCode, messageOf } from "../wire/problem.js";
import { parseAddress, parseHost, type Address, type Host } from "./addresses.js";
import type { Rules } from "./rules.js";

const CONNECT_TIMEOUT_MS = 30_000;

/** Looks up the addresses of a name. */
export type Resolver = (name: string) => Promise<readonly string[]>;

/** Why a connection was not made. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  /** `denied` by a rule; `invalid`: not a host or port; `unreachable`: allowed, but it failed. */
  readonly kind: "denied" | "invalid" | "unreachable";

  constructor(kind: Refusal["kind"], message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Makes the connections of one sandbox, from this machine to what its rules allow. */
export class Connector {
  readonly #resolve: Resolver;
  readonly #open = new Map<Socket, string | undefined>();
  #rules: Rules;

  /** @param resolve - by default this machine's resolver */
  constructor(rules: Rules, resolve: Resolver = resolveByMachine) {
    this.#rules = rules;
    this.#resolve = resolve;
  }

  get rules(): Rules {
    return this.#rules;
  }

  /** Applies to new connections at once. Open ones that the rules no longer allow are reset. */
  set rules(rules: Rules) {
    this.#rules = rules;
    for (const [socket, name] of this.#open) {
      const address = parseAddress(socket.remoteAddress ?? "");
      if (address === undefined || !this.#allows(address, name)) socket.resetAndDestroy();
    }
  }

  /**
   * Connects to a host. The rules decide about the very addresses that are connected to.
   *
   * @param signal - aborts the attempt; it has no effect on the connection
   * @throws {Refusal}
   */
  async connect(text: string, port: number, signal: AbortSignal): Promise<Socket> {
    const host = parseHost(text);
    if (host === undefined || !Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new Refusal("invalid", `${JSON.stringify(text)} and port ${port} are not a valid target.`);
    }
    const name = "name" in host ? host.name : undefined;
    const addresses = await this.#check(host, `${"name" in host ? host.name : host.address.text}:${port}`);
    signal.throwIfAborted();
    const socket = await open(addresses, port, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      throw new Refusal("unreachable", `Could not connect to ${text}:${port}: ${describe(error)}.`);
    });
    // The rules may have changed during the attempt.
    const address = parseAddress(socket.remoteAddress ?? "");
    if (address === undefined || !this.#allows(address, name)) {
      socket.destroy();
      throw denied(`${text}:${port}`, "the network policy was changed");
    }
    this.#open.set(socket, name);
    socket.once("close", () => this.#open.delete(socket));
    return socket;
  }

  /** Returns the addresses of a host that the rules allow: at least one. @throws {Refusal} */
  async #check(host: Host, target: string): Promise<Address[]> {
    if ("address" in host) {
      const decision = this.#rules.decide(host.address);
      if (!decision.isAllowed) throw denied(target, decision.reason);
      return [host.address];
    }
    const { name } = host;
    // Without this, a lookup would carry data of the sandbox to any name server.
    const ofName = isLocal(name) ? undefined : this.#rules.decideName(name);
    if (ofName?.isAllowed === false) throw denied(target, ofName.reason);
    const addresses = await this.#lookUp(name, target);
    const decisions = addresses.map((address) => this.#rules.decide(address, name));
    const allowed = addresses.filter((_address, index) => decisions[index]?.isAllowed);
    const [refused] = decisions.filter((decision) => !decision.isAllowed);
    if (allowed.length === 0 && refused !== undefined) throw denied(target, refused.reason);
    return allowed;
  }

  async #lookUp(name: string, target: string): Promise<Address[]> {
    try {
      const found = isLocal(name) ? ["127.0.0.1", "::1"] : await this.#resolve(name);
      const addresses = found.flatMap((text) => parseAddress(text) ?? []);
      if (addresses.length > 0) return addresses;
    } catch (error) {
      throw new Refusal("unreachable", `Could not look up the name in ${target}: ${describe(error)}.`);
    }
    throw new Refusal("unreachable", `Could not look up the name in ${target}: it has no address.`);
  }

  #allows(address: Address, name: string | undefined): boolean {
    return this.#rules.decide(address, name).isAllowed;
  }
}

function denied(target: string, reason: string): Refusal {
  return new Refusal("denied", `The network policy of this sandbox does not allow ${target}: ${reason}.`);
}

/** These names always mean this machine; they are never looked up (RFC 6761). */
function isLocal(name: string): boolean {
  return name === "localhost" || name.endsWith(".localhost");
}

async function resolveByMachine(name: string): Promise<string[]> {
  return (await lookupName(name, { all: true, verbatim: true })).map(({ address }) => address);
}

function open(addresses: readonly Address[], port: number, signal: AbortSignal): Promise<Socket> {
  // Answers with the addresses that were checked, so that no second lookup can lead elsewhere.
  const lookup: LookupFunction = (_hostname, _options, callback) =>
    callback(
      null,
      addresses.map(({ text }) => ({ address: text, family: text.includes(":") ? 6 : 4 })),
    );
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: "checked.invalid",
      port,
      lookup,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: 250,
      allowHalfOpen: true,
      noDelay: true,
    });
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => fail(new Error("timed out")), CONNECT_TIMEOUT_MS);
    const abort = () => fail(new Error("aborted"));
    signal.addEventListener("abort", abort, { once: true });
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    };
    socket.once("error", fail).once("close", settle);
    socket.once("connect", () => {
      settle();
      socket.off("error", fail).off("close", settle);
      // Reported by `close` as well.
      socket.on("error", () => undefined);
      resolve(socket);
    });
  });
}

function describe(error: unknown): string {
  return errorCode(error) || messageOf(error);
}
