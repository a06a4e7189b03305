/** Encodes event streams byte for byte as execd does: Go's JSON, one object per event, a blank line after each. */

/** An error of user code or of a command, on the wire. */
export interface WireError {
  readonly ename: string;
  readonly evalue: string;
  readonly traceback: readonly string[];
}

/** One event on the wire. Fields that are `undefined`, empty or zero are omitted, as with Go's `omitempty`. */
export interface WireEvent {
  readonly type:
    | "init"
    | "ping"
    | "stdout"
    | "stderr"
    | "status"
    | "execution_count"
    | "result"
    | "execution_complete"
    | "error"
    /** Only of this server, and only if the client has asked for it. */
    | "input_request";
  readonly text?: string | undefined;
  readonly execution_count?: number | undefined;
  /** Milliseconds. */
  readonly execution_time?: number | undefined;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  /** Values by MIME type; `text/plain` has the key `text`. */
  readonly results?: Readonly<Record<string, unknown>> | undefined;
  readonly error?: WireError | undefined;
  readonly input?: Readonly<Record<string, unknown>> | undefined;
}

/** Encodes one event and its blank line, with the keys in execd's order. */
export function encodeWireEvent(event: WireEvent): string {
  let json = `{"type":${encodeString(event.type)}`;
  if (event.text) json += `,"text":${encodeString(event.text)}`;
  if (event.execution_count) json += `,"execution_count":${String(event.execution_count)}`;
  if (event.execution_time) json += `,"execution_time":${String(event.execution_time)}`;
  if (event.timestamp) json += `,"timestamp":${String(event.timestamp)}`;
  if (event.results && Object.keys(event.results).length > 0) {
    json += `,"results":${encodeJson(event.results)}`;
  }
  if (event.error) {
    const { ename, evalue, traceback } = event.error;
    const lines = traceback.map(encodeString).join(",");
    json += `,"error":{"ename":${encodeString(ename)},"evalue":${encodeString(evalue)},"traceback":[${lines}]}`;
  }
  if (event.input) json += `,"input":${encodeJson(event.input)}`;
  return `${json}}\n\n`;
}

/** Encodes an error that is sent after status 200: the last bytes of a stream, without a newline. */
export function encodeInBandError(code: string, message: string): string {
  return encodeJson({ code, message }, { keepKeyOrder: true });
}

/**
 * Encodes any JSON value as Go does: escapes HTML characters and line separators, sorts the keys of maps.
 *
 * @param options.keepKeyOrder - for values that are structs in Go, whose fields keep their order
 */
export function encodeJson(value: unknown, options: { readonly keepKeyOrder?: boolean } = {}): string {
  if (typeof value === "string") return encodeString(value);
  if (Array.isArray(value)) {
    return `[${value.map((item: unknown) => encodeJson(item, options)).join(",")}]`;
  }
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    if (options.keepKeyOrder !== true) entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${encodeString(key)}:${encodeJson(item, options)}`).join(",")}}`;
  }
  return JSON.stringify(value ?? null);
}

const SPECIAL = /[<>&\u2028\u2029\ufffd\ud800-\udfff]/;

function encodeString(text: string): string {
  if (!SPECIAL.test(text)) return JSON.stringify(text);
  // With the flag `u` a surrogate pair is one character, so `Surrogate` matches only lone ones. Go replaces each
  // invalid byte with `\ufffd`; here each lone surrogate becomes one.
  const wellFormed = text.replace(/\p{Surrogate}/gu, "\ufffd");
  return JSON.stringify(wellFormed).replace(/[<>&\u2028\u2029\ufffd]/g, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
