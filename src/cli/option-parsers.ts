import { InvalidArgumentError } from "commander";
import type { NetworkPolicy } from "../index.js";

const DURATION = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?$/;

/** Parses `90`, `90s`, `10m` or `1h30m`. Returns seconds. @throws {InvalidArgumentError} */
export function parseDuration(text: string): number {
  const [, hours = 0, minutes = 0, seconds = 0] = DURATION.exec(text.trim()) ?? [];
  const total = Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds);
  if (total > 0) return total;
  throw new InvalidArgumentError('Expected a duration such as "90", "90s", "10m" or "1h30m".');
}

/** Like {@link parseDuration}, but `none` means no limit. */
export function parseOptionalDuration(text: string): number | null {
  return text.trim().toLowerCase() === "none" ? null : parseDuration(text);
}

/** Parses a TCP port. @throws {InvalidArgumentError} */
export function parsePort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError("Expected a number from 0 to 65535.");
}

/** What `--network` gives a sandbox. */
export type Network = "allow" | "deny" | NetworkPolicy;

/** Parses `allow`, `deny`, or the only hosts to reach, as `pypi.org,*.npmjs.org`. @throws {InvalidArgumentError} */
export function parseNetwork(text: string): Network {
  if (text === "allow" || text === "deny") return text;
  const hosts = text.split(",").map((host) => host.trim());
  // A single word is a misspelt mode rather than a host.
  if (hosts.every((host) => /[.:]/.test(host))) {
    return { defaultAction: "deny", egress: hosts.map((target) => ({ action: "allow", target })) };
  }
  throw new InvalidArgumentError(
    'Expected allow, deny, or hosts separated by commas, such as "pypi.org,*.npmjs.org".',
  );
}

/** Returns the network policy of a sandbox that gets this network. */
export function networkPolicyOf(network: Network | undefined): NetworkPolicy | undefined {
  return typeof network === "string" ? { defaultAction: network } : network;
}

/** Describes a network in a few words. */
export function describeNetwork(network: Network): string {
  if (typeof network === "string") return network === "allow" ? "network allowed" : "no network";
  const { egress = [] } = network;
  return `network only to ${egress.map(({ target }) => target).join(", ")}`;
}

/** Collects `NAME=VALUE` options into a record. @throws {InvalidArgumentError} */
export function collectPairs(text: string, before: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("Expected NAME=VALUE.");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** Collects the values of an option that can be repeated. */
export function collect(text: string, before: string[] = []): string[] {
  return [...before, text];
}

/** A transfer between this machine and a sandbox: `FROM` or `FROM:TO`. */
export interface Transfer {
  readonly from: string;
  readonly to: string | undefined;
}

/** Collects `FROM[:TO]` options. The colon of a Windows drive does not separate. */
export function collectTransfers(text: string, before: Transfer[] = []): Transfer[] {
  const [, from = text, to] = /^((?:[A-Za-z]:[\\/])?[^:]+):(.+)$/.exec(text) ?? [];
  if (from === "") throw new InvalidArgumentError("Expected a path, or FROM:TO.");
  return [...before, { from, to }];
}
