import { isIPv4, isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";

/** An IP address in its only form here: an IPv6 address that stands for an IPv4 address counts as that one. */
export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
  /** What to connect to. */
  readonly text: string;
}

/** A range of addresses (CIDR); a single address is a range with all bits. */
export interface Range {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly bits: number;
}

/** A range that is never reachable unless a rule names the address or a part of the range. */
export interface SpecialRange {
  /** What it is, with its article. */
  readonly what: string;
  readonly range: Range;
}

/** ::ffff:0:0/96 (IPv4-mapped) and 64:ff9b::/96 (NAT64): the last 32 bits are an IPv4 address. */
const IPV4_PREFIXES = [0xffffn, 0x64_ff9bn << 64n];

/** Parses an address; `undefined` for anything else, zone ids included. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { family: 4, value: join(text.split(".").map(Number), 8n), text };
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const canonical = new URL(`http://[${text}]`).hostname.slice(1, -1);
  const value = join(groupsOf(canonical), 16n);
  if (!IPV4_PREFIXES.includes(value >> 32n)) return { family: 6, value, text: canonical };
  const isMapped = value >> 32n === IPV4_PREFIXES[0];
  const embedded = value & 0xffff_ffffn;
  return { family: 4, value: embedded, text: isMapped ? dotted(embedded) : canonical };
}

/** Parses an address, or a range such as `10.0.0.0/8`; `undefined` for anything else. */
export function parseRange(text: string): Range | undefined {
  const [, base = "", given] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = parseAddress(base);
  if (address === undefined) return undefined;
  const written = isIPv4(base) ? 32 : 128;
  const most = address.family === 4 ? 32 : 128;
  const bits = (given === undefined ? written : Number(given)) - (written - most);
  if (bits < 0 || bits > most) return undefined;
  return { family: address.family, first: network(address, bits), bits };
}

/** Returns whether an address is in a range. */
export function contains(range: Range, address: Pick<Address, "family" | "value">): boolean {
  return range.family === address.family && network(address, range.bits) === range.first;
}

/** Returns whether a range is the other one or a part of it. */
export function isPart(range: Range, of: Range): boolean {
  return range.bits >= of.bits && contains(of, { family: range.family, value: range.first });
}

/** The first one that contains an address says what it is. Clouds serve credentials at the metadata addresses. */
const SPECIAL_RANGES: readonly SpecialRange[] = [
  special("a metadata address", "169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16"),
  special("a metadata address", "fd00:ec2::254", "fd20:ce::254"),
  special("an unspecified address", "0.0.0.0/8", "::"),
  special("a loopback address", "127.0.0.0/8", "::1"),
  special("a private address", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"),
  special("an address of a carrier's network", "100.64.0.0/10"),
  special("a link-local address", "169.254.0.0/16", "fe80::/10"),
  special("a multicast address", "224.0.0.0/4", "ff00::/8"),
  special("a reserved address", "192.0.0.0/24", "240.0.0.0/4"),
  // They lead to an IPv4 address that cannot be seen in them, or only to one of this machine's choice.
  special("an address of a tunnel", "::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "192.88.99.0/24"),
  // Everything but 2000::/3, the only global addresses.
  special("a reserved address", "::/3", "4000::/2", "8000::/1"),
].flat();

function special(what: string, ...ranges: readonly string[]): SpecialRange[] {
  return ranges.flatMap((text) => {
    const range = parseRange(text);
    return range === undefined ? [] : [{ what, range }];
  });
}

/** Returns the range that makes an address special, or `undefined`. An own address of this machine is one. */
export function specialRangeOf(address: Address): SpecialRange | undefined {
  return (
    SPECIAL_RANGES.find(({ range }) => contains(range, address)) ??
    ownRanges().find(({ range }) => contains(range, address))
  );
}

function ownRanges(): SpecialRange[] {
  const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return special("an address of this machine", ...addresses.map(({ address }) => address));
}

/** Returns the first address of the network with this many bits that contains an address. */
function network({ family, value }: Pick<Address, "family" | "value">, bits: number): bigint {
  const rest = BigInt((family === 4 ? 32 : 128) - bits);
  return (value >> rest) << rest;
}

function groupsOf(canonical: string): number[] {
  const [head = "", tail] = canonical.split("::");
  const parse = (part: string) =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  if (tail === undefined) return parse(head);
  const zeros = 8 - parse(head).length - parse(tail).length;
  return [...parse(head), ...Array<number>(zeros).fill(0), ...parse(tail)];
}

function join(parts: readonly number[], width: bigint): bigint {
  return parts.reduce((value, part) => (value << width) | BigInt(part), 0n);
}

function dotted(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join(".");
}

/** A host as a client or a rule names it. */
export type Host = { readonly address: Address } | { readonly name: string };

/**
 * Parses a host in any spelling that a resolver or a browser accepts: decimal, octal and hexadecimal addresses, upper
 * case, international names, a final dot. Names are returned in lower case and ASCII. `undefined` if it is not a host.
 */
export function parseHost(text: string): Host | undefined {
  const bare = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  if (bare.includes(":") || bare !== text) {
    const address = bare.includes(":") ? parseAddress(bare) : undefined;
    return address && { address };
  }
  // What has a meaning in a URL is not part of a host.
  if (text === "" || /[\s/?#@\\%*[\]]/.test(text)) return undefined;
  let hostname: string;
  try {
    ({ hostname } = new URL(`http://${text}`));
  } catch {
    return undefined;
  }
  const name = hostname.replace(/\.$/, "");
  const address = parseAddress(name);
  if (address !== undefined) return { address };
  return name === "" || name.length > 253 || name.split(".").includes("") ? undefined : { name };
}
