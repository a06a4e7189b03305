import { InvalidArgumentException } from "../errors.js";

/** Where a server is, without the `/v1` of its API. */
export interface Address {
  readonly protocol: "http" | "https";
  /** Authority and path prefix, without a trailing slash. */
  readonly domain: string;
}

/**
 * Parses the address of a server: `host`, `host:port`, an IPv6 address with or without brackets, or a URL.
 *
 * @throws {InvalidArgumentException} that begins with `source`
 */
export function parseDomain(
  text: string,
  { source, protocol }: { readonly source: string; readonly protocol: "http" | "https" },
): Address {
  const refuse = (rule: string): never => {
    // The text itself stays out: it may hold a password.
    throw new InvalidArgumentException(`${source} ${rule}.`);
  };
  // `URL` drops some of these in silence.
  if (/[\s\u0000-\u001f\u007f]/.test(text))
    return refuse("must not contain whitespace or control characters");
  const [, scheme, rest = ""] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*)$/i.exec(text) ?? [];
  const used = scheme?.toLowerCase() ?? protocol;
  if (used !== "http" && used !== "https") {
    return refuse(`has the scheme ${JSON.stringify(scheme)}; only http and https are known`);
  }
  if (rest.includes("@")) return refuse("must not contain a user or password; use apiKey or headers");
  if (/[?#]/.test(rest)) return refuse("must not contain a query or a fragment");
  const [authority = ""] = rest.split("/", 1);
  // More than one colon cannot be a port: a bare IPv6 address.
  const host = /^[^[].*:.*:/.test(authority) || authority.startsWith("::") ? `[${authority}]` : authority;
  const url = /^$|^\/|\\|:\/\//.test(rest)
    ? undefined
    : parseUrl(`${used}://${host}${rest.slice(authority.length)}`);
  if (url === undefined) return refuse("is not a valid host, host:port or URL");
  const path = url.pathname.replace(/\/+$/, "").replace(/\/v1$/, "").replace(/\/+$/, "");
  return { protocol: used, domain: url.host + path };
}

/** Parses the endpoint of a sandbox's port as the server sent it; `undefined` if it is not a valid address. */
export function parseEndpoint(endpoint: unknown, protocol: "http" | "https"): URL | undefined {
  if (typeof endpoint !== "string" || endpoint === "" || /[\s\\?#@]/.test(endpoint)) return undefined;
  const hasScheme = endpoint.includes("://");
  if (hasScheme && !/^https?:\/\//i.test(endpoint)) return undefined;
  return parseUrl(hasScheme ? endpoint : `${protocol}://${endpoint}`);
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
