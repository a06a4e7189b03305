/** Which pages of other origins may use a server: all, or those of these origins. */
export type Cors = "*" | readonly string[];

/** Returns whether pages of an origin may use a server by its `cors`. */
export function isAllowedOrigin(origin: string, cors: Cors): boolean {
  return cors === "*" || cors.includes(origin);
}

/** Returns whether an origin is that of the server a request was sent to. A tunnel may have made HTTPS of it. */
export function isOwnOrigin(origin: string, url: URL): boolean {
  return URL.canParse(origin) && new URL(origin).host === url.host;
}
