import { isIP, isIPv6 } from "node:net";
import { InvalidArgumentException } from "../../errors.js";

const LOOPBACK = ["127.0.0.1", "localhost", "[::1]"];
const EVERY_ADDRESS = ["0.0.0.0", "::"];
/** A host name, an IPv4 address, or an IPv6 address in brackets; with or without a port. */
const HOST = /^(?:[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/;

/** Which clients reach a server, and by which names. */
export interface HostOptions {
  /** The address to listen on. */
  readonly host: string;
  /** Further names of the server, each with or without a port. */
  readonly allowedHosts: readonly string[];
}

/**
 * The names of a server, as clients send them in the `Host` header. Other names are refused, which prevents DNS
 * rebinding: a browser that a hostile page's domain resolves to this server sends that domain.
 */
export class OwnHosts {
  /** The address to listen on. */
  readonly address: string;
  readonly #allowed: ReadonlySet<string>;

  /** @throws {InvalidArgumentException} */
  constructor({ host, allowedHosts }: HostOptions) {
    if (host !== "localhost" && (typeof host !== "string" || isIP(host) === 0)) {
      throw new InvalidArgumentException(
        `host must be "localhost" or an IP address of this machine; got ${JSON.stringify(host)}`,
      );
    }
    if (!Array.isArray(allowedHosts) || !allowedHosts.every(isHost)) {
      throw new InvalidArgumentException(
        `allowedHosts must be a list of names such as "host.docker.internal" or "box.example:8080"; got ${JSON.stringify(allowedHosts)}`,
      );
    }
    this.address = host === "localhost" ? "127.0.0.1" : host;
    this.#allowed = new Set(allowedHosts.map((name) => name.toLowerCase()));
  }

  /** Whether only programs of this machine reach the server, as far as it knows. */
  get areLocal(): boolean {
    return (this.address.startsWith("127.") || this.address === "::1") && this.#allowed.size === 0;
  }

  /** Returns the address for a client on this machine, as `host:port`. */
  reach(port: number): string {
    const address = EVERY_ADDRESS.includes(this.address) ? "127.0.0.1" : this.address;
    return `${bracketed(address)}:${port}`;
  }

  /**
   * Returns whether a `Host` header names this server.
   *
   * @param local - the address and port on this machine that the client is connected to
   */
  includes(host: string | undefined, local: { readonly address: string; readonly port: number }): boolean {
    const given = host?.toLowerCase() ?? "";
    if (this.#allowed.has(given) || this.#allowed.has(given.replace(/:\d+$/, ""))) return true;
    // No foreign domain has the address itself as its name.
    const address = bracketed(local.address.replace(/^::ffff:(?=\d+\.)/i, ""));
    // Clients leave out the default port of HTTP.
    return [...LOOPBACK, address].some(
      (name) => given === `${name}:${local.port}` || (local.port === 80 && given === name),
    );
  }
}

function isHost(value: unknown): value is string {
  return typeof value === "string" && HOST.test(value.toLowerCase());
}

function bracketed(address: string): string {
  return isIPv6(address) ? `[${address}]` : address;
}
