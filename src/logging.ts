/**
 * Receives the SDK's log records, each as one string. You can pass `console` or a logger of pino or winston.
 *
 * `debug` receives one record per request, `warn` problems that the SDK recovered from (such as a retry) and stalled
 * streams. `info` and `error` are rarely called, since failures are thrown. Records contain no credentials, bodies or
 * output.
 */
export interface Logger {
  /** Receives one record per request. */
  debug(message: string): void;
  /** Rarely called. */
  info(message: string): void;
  /** Receives problems that the SDK recovered from, such as a retry, and stalled streams. */
  warn(message: string): void;
  /** Rarely called: failures are thrown. */
  error(message: string): void;
}

const LEVELS = ["debug", "info", "warn", "error"] as const satisfies readonly (keyof Logger)[];
const HIDDEN = "***";
/** Words in the name of a query parameter or header that indicate a credential. */
const SECRET_NAME =
  /(?:^|[^a-z])(?:sig|signature|token|secret|key|apikey|password|passwd|pwd|auth|authorization|credentials?|session|jwt)(?:[^a-z]|$)/i;
/** The end of a signed endpoint: its expiry in base 36, then 8 hexadecimal digits and the id of the key. */
const SIGNED_ROUTE = /([-/]\d{1,5}[-/][0-9a-z]{1,13}[-/])[0-9a-f]{8}[0-9a-z](?=[./:?#]|$)/gi;

/** Returns whether a value has the four methods of a {@link Logger}. */
export function isLogger(value: unknown): value is Logger {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return false;
  const methods: Partial<Record<keyof Logger, unknown>> = value;
  return LEVELS.every((level) => typeof methods[level] === "function");
}

/** Wraps a logger so that it cannot break a call: its errors are ignored. */
export function guardLogger(logger: Logger): Logger {
  const guarded =
    (level: keyof Logger) =>
    (message: string): void => {
      try {
        const write: (text: string) => unknown = logger[level].bind(logger);
        // A logger that writes over the network may be an async function; its rejection would end the process.
        Promise.resolve(write(message)).catch(() => undefined);
      } catch {
        // There is nowhere to report it.
      }
    };
  return { debug: guarded("debug"), info: guarded("info"), warn: guarded("warn"), error: guarded("error") };
}

/** Hides the values of headers, since any header may contain a credential. */
export function redactHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.keys(headers).map((name) => [name, HIDDEN]));
}

/**
 * Hides the credentials in a URL or in its path and query: user and password, query values whose name indicates a
 * credential, and the signature of a signed endpoint in the host, the path or a query value.
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
      // `accessToken` is two words, like `access_token`.
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
