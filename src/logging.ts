/**
 * Where the SDK writes what it does. `console`, pino and winston fit as they are: every record is one string.
 *
 * `debug` gets one record per request, `warn` what the SDK got over (a retry, a stalled stream); `info` and `error` are
 * hardly used, since failures are thrown. No record holds a credential, a body or the output of a program.
 */
export interface Logger {
  /** Gets one record per request. */
  debug(message: string): void;
  /** Rarely called. */
  info(message: string): void;
  /** Gets problems that the SDK recovered from, such as a retry, and stalled streams. */
  warn(message: string): void;
  /** Rarely called: failures are thrown. */
  error(message: string): void;
}

const LEVELS = ["debug", "info", "warn", "error"] as const satisfies readonly (keyof Logger)[];
const HIDDEN = "***";
/** Parts of a query parameter's or header's name that speak of a credential. */
const SECRET_NAME =
  /(?:^|[^a-z])(?:sig|signature|token|secret|key|apikey|password|passwd|pwd|auth|authorization|credentials?|session|jwt)(?:[^a-z]|$)/i;
/** What a signed endpoint ends in: its expiry in base 36, then 8 hexadecimal digits and the id of the key. */
const SIGNED_ROUTE = /([-/]\d{1,5}[-/][0-9a-z]{1,13}[-/])[0-9a-f]{8}[0-9a-z](?=[./:?#]|$)/gi;

/** Tells whether a value has the four methods of a {@link Logger}. */
export function isLogger(value: unknown): value is Logger {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return false;
  const methods: Partial<Record<keyof Logger, unknown>> = value;
  return LEVELS.every((level) => typeof methods[level] === "function");
}

/** Wraps a logger so that it cannot break a call: what it throws, or rejects with, is dropped. */
export function guardLogger(logger: Logger): Logger {
  const guarded =
    (level: keyof Logger) =>
    (message: string): void => {
      try {
        // A logger that writes over the network may be an async function; its rejection would end the process.
        const write: (text: string) => unknown = logger[level].bind(logger);
        const outcome = write(message);
        if (outcome instanceof Promise) outcome.catch(() => undefined);
      } catch {
        // There is nowhere left to report it.
      }
    };
  return { debug: guarded("debug"), info: guarded("info"), warn: guarded("warn"), error: guarded("error") };
}

/** Hides the values of headers, since any header may be a credential. */
export function redactHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.keys(headers).map((name) => [name, HIDDEN]));
}

/**
 * A URL, or the path and query of one, without the credentials in it: user and password, query values whose name
 * speaks of one, the signature of a signed endpoint (in the host, the path or a query value).
 */
export function redactUrl(url: string): string {
  const [beforeQuery, query] = splitOnce(url, "?");
  const base = beforeQuery
    .replace(
      /^([a-z][a-z0-9+.-]*:)?\/\/[^/]*@/i,
      (_, scheme: string | undefined) => `${scheme ?? ""}//${HIDDEN}@`,
    )
    .replace(SIGNED_ROUTE, `$1${HIDDEN}`);
  return query === undefined ? base : `${base}?${redactQuery(query)}`;
}

function redactQuery(query: string): string {
  const [pairs, fragment] = splitOnce(query, "#");
  const shown = pairs
    .split("&")
    .map((pair) => {
      const [name, value] = splitOnce(pair, "=");
      if (value === undefined) return pair;
      // `accessToken` is two words as much as `access_token`.
      const words = name.replace(/([a-z])([A-Z])/g, "$1_$2");
      return SECRET_NAME.test(words)
        ? `${name}=${HIDDEN}`
        : `${name}=${value.replace(SIGNED_ROUTE, `$1${HIDDEN}`)}`;
    })
    .join("&");
  // A fragment is never sent; where one is, it may be a token of an implicit login.
  return fragment === undefined ? shown : `${shown}#${HIDDEN}`;
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}
