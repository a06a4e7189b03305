import { InvalidArgumentException } from "../errors.js";
import { isRecord } from "../json.js";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** The characters that HTTP/1.1 allows in a value: visible Latin-1 characters, blanks and tabs. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Headers that describe how a message is framed; the HTTP client sets them. */
const FRAMING = /^(connection|content-length|expect|keep-alive|te|trailer|transfer-encoding|upgrade)$/;

/** Asserts that a header value is valid. The message does not repeat it, since it may be a credential. */
export function assertHeaderValue(value: unknown, source: string): asserts value is string {
  if (typeof value === "string" && VALUE.test(value) && value.trim() === value) return;
  throw new InvalidArgumentException(
    `${source} must be a string without line breaks, other control characters, characters beyond Latin-1, and ` +
      "whitespace at its ends.",
  );
}

/** Returns a frozen copy of a map of headers. @throws {InvalidArgumentException} if a name or a value is not valid */
export function assertHeaders(headers: unknown, source: string): Readonly<Record<string, string>> {
  if (!isRecord(headers) || headers instanceof Headers) {
    throw new InvalidArgumentException(`${source} must be an object of names and values.`);
  }
  const copy = new Map<string, [name: string, value: string]>();
  for (const [name, value] of Object.entries(headers)) {
    const shown = `${source}[${JSON.stringify(name)}]`;
    if (!TOKEN.test(name)) throw new InvalidArgumentException(`${shown} is not a valid header name.`);
    assertHeaderValue(value, shown);
    const key = name.toLowerCase();
    if (FRAMING.test(key))
      throw new InvalidArgumentException(`${shown}: the HTTP client sets this header itself.`);
    if (copy.has(key)) throw new InvalidArgumentException(`${shown} is given twice.`);
    copy.set(key, [name, value]);
  }
  // Not by assignment, which would take `__proto__` for something else than a name.
  return Object.freeze(Object.fromEntries(copy.values()));
}
