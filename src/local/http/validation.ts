import { isRecord } from "../../json.js";
import { problem, unprocessable, type Finding, type LifecycleProblem } from "./responses.js";

type Location = readonly (string | number)[];

/** Reads a JSON object of a request field by field. Problems are collected, so that one response names them all. */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #location: Location;
  readonly #findings: Finding[];

  constructor(
    values: Readonly<Record<string, unknown>>,
    location: Location = ["body"],
    findings: Finding[] = [],
  ) {
    this.#values = values;
    this.#location = location;
    this.#findings = findings;
  }

  /** @throws {LifecycleProblem} 422 if any problem was reported so far */
  assertValid(): void {
    if (this.#findings.length > 0) throw unprocessable(this.#findings);
  }

  /** Reports a problem of the object as a whole. @throws {LifecycleProblem} 422 */
  fail(reason: string): never {
    this.assertValid();
    this.reportWhole(reason);
    throw unprocessable(this.#findings);
  }

  string(name: string, options: { readonly required?: boolean } = {}): string | undefined {
    const value = this.#values[name];
    if (value === undefined && options.required === true) {
      this.#report("missing", name, "Field required", this.#values);
    }
    if (value === undefined || value === null) return undefined;
    if (typeof value === "string") return value;
    this.#report("string_type", name, "Input should be a valid string", value);
    return undefined;
  }

  boolean(name: string): boolean {
    const value = this.#values[name] ?? false;
    if (typeof value === "boolean") return value;
    this.#report("bool_type", name, "Input should be a valid boolean", value);
    return false;
  }

  /** Reads an integer. Like pydantic, it accepts one that is written as a string. */
  integer(name: string, { minimum }: { readonly minimum: number }): number | undefined {
    const given = this.#values[name];
    if (given === undefined || given === null) return undefined;
    const value = typeof given === "string" && /^\s*[+-]?\d+\s*$/.test(given) ? Number(given) : given;
    if (typeof value !== "number") {
      this.#report("int_type", name, "Input should be a valid integer", given);
    } else if (!Number.isInteger(value)) {
      const reason = "Input should be a valid integer, got a number with a fractional part";
      this.#report("int_from_float", name, reason, given);
    } else if (value < minimum) {
      const reason = `Input should be greater than or equal to ${minimum}`;
      this.#report("greater_than_equal", name, reason, given, { ge: minimum });
    } else {
      return value;
    }
    return undefined;
  }

  strings(name: string): string[] | undefined {
    const value = this.#values[name];
    if (value === undefined || value === null) return undefined;
    if (!Array.isArray(value)) {
      this.#report("list_type", name, "Input should be a valid list", value);
      return undefined;
    }
    if (value.length === 0) {
      const reason = "List should have at least 1 item after validation, not 0";
      this.#report("too_short", name, reason, value, { field_type: "List", min_length: 1, actual_length: 0 });
    }
    return value.filter((item: unknown, index): item is string => {
      if (typeof item === "string") return true;
      this.#report("string_type", name, "Input should be a valid string", item, undefined, index);
      return false;
    });
  }

  /** Reads a map of strings. With `nullable`, entries whose value is `null` are left out. */
  map(name: string, { nullable = false } = {}): Record<string, string> | undefined {
    const value = this.#values[name];
    if (value === undefined || value === null) return undefined;
    if (!isRecord(value)) {
      this.#report("dict_type", name, "Input should be a valid dictionary", value);
      return undefined;
    }
    const entries: [string, string][] = [];
    for (const [key, item] of Object.entries(value)) {
      if (typeof item === "string") entries.push([key, item]);
      else if (item !== null || !nullable) {
        this.#report("string_type", name, "Input should be a valid string", item, undefined, key);
      }
    }
    return Object.fromEntries(entries);
  }

  object(name: string): Fields | undefined {
    const value = this.#values[name];
    if (value === undefined || value === null) return undefined;
    if (isRecord(value)) return new Fields(value, [...this.#location, name], this.#findings);
    const reason = "Input should be a valid dictionary or object to extract fields from";
    this.#report("model_attributes_type", name, reason, value);
    return undefined;
  }

  /** Reads a list of objects, each with its location. Items of another type are reported. */
  objects(name: string): Fields[] {
    const value = this.#values[name];
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) {
      this.#report("list_type", name, "Input should be a valid list", value);
      return [];
    }
    return value.flatMap((item: unknown, index) => {
      if (isRecord(item)) return [new Fields(item, [...this.#location, name, index], this.#findings)];
      const reason = "Input should be a valid dictionary or object to extract fields from";
      this.#report("model_attributes_type", name, reason, item, undefined, index);
      return [];
    });
  }

  /** Reports a problem of the object as a whole, in addition to those of its fields. */
  reportWhole(reason: string): void {
    this.#findings.push({
      type: "value_error",
      loc: this.#location,
      msg: `Value error, ${reason}`,
      input: this.#values,
      ctx: { error: {} },
    });
  }

  /** Reads a string that must match a pattern. @param source - the pattern as the response shows it */
  pattern(name: string, source: string, options: { readonly required?: boolean } = {}): string | undefined {
    const value = this.string(name, options);
    if (value === undefined || new RegExp(source).test(value)) return value;
    const reason = `String should match pattern '${source}'`;
    this.#report("string_pattern_mismatch", name, reason, value, { pattern: source });
    return undefined;
  }

  has(name: string): boolean {
    const value = this.#values[name];
    return value !== undefined && value !== null;
  }

  raw(name: string): unknown {
    return this.#values[name];
  }

  entries(): [string, unknown][] {
    return Object.entries(this.#values);
  }

  report(type: string, name: string, msg: string, ctx?: Readonly<Record<string, unknown>>): void {
    const missing = this.#values[name] === undefined;
    this.#report(type, name, msg, missing ? this.#values : this.#values[name], ctx);
  }

  #report(
    type: string,
    name: string,
    msg: string,
    input: unknown,
    ctx?: Readonly<Record<string, unknown>>,
    within?: string | number,
  ): void {
    const loc = [...this.#location, name, ...(within === undefined ? [] : [within])];
    this.#findings.push({ type, loc, msg, input, ...(ctx && { ctx }) });
  }
}

/** In bytes; far more than any request of the lifecycle API needs. */
const LARGEST_BODY = 2 ** 20;

/**
 * Reads a JSON object from the body. @throws {LifecycleProblem} 422 if the body is missing, not declared as JSON or not
 * a JSON object; 413
 */
export async function readFields(request: Request): Promise<Fields> {
  return parseFields(await readText(request), request.headers);
}

/** Like {@link readFields}, for a body that is already read. @throws {LifecycleProblem} 422 */
export function parseFields(text: string, headers: Headers): Fields {
  if (text === "") throw bodyProblem("missing", "Field required", null);
  const isJson = /^application\/(.+\+)?json\s*(;|$)/i.test(headers.get("content-type") ?? "");
  const value = isJson ? parseBody(text) : text;
  if (isRecord(value)) return new Fields(value);
  const reason = "Input should be a valid dictionary or object to extract fields from";
  throw bodyProblem("model_attributes_type", reason, value);
}

/** Reads the body of a request up to the maximum size. @throws {LifecycleProblem} 413 */
export async function readText(request: Request): Promise<string> {
  const tooLarge = problem(413, "GENERAL::UNKNOWN_ERROR", `The body is larger than ${LARGEST_BODY} bytes.`);
  const chunks: Uint8Array[] = [];
  let left = LARGEST_BODY;
  // The type of `body` declares no async iteration, but Node.js implements it.
  const body = request.body as AsyncIterable<Uint8Array> | null;
  for await (const chunk of body ?? []) {
    left -= chunk.byteLength;
    if (left < 0) throw tooLarge;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const position = Number(/at position (\d+)/.exec(reason)?.[1] ?? text.length);
    throw unprocessable([
      {
        type: "json_invalid",
        loc: ["body", position],
        msg: "JSON decode error",
        input: {},
        ctx: { error: reason },
      },
    ]);
  }
}

function bodyProblem(type: string, msg: string, input: unknown): LifecycleProblem {
  return unprocessable([{ type, loc: ["body"], msg, input }]);
}

/** Reads a number from the query, for parameters that the real server validates. */
export function readCount(
  query: URLSearchParams,
  name: string,
  { fallback, maximum = Infinity }: { readonly fallback: number; readonly maximum?: number },
): number {
  const given = query.get(name);
  if (given === null) return fallback;
  const loc = ["query", name];
  if (!/^\s*[+-]?\d+\s*$/.test(given)) {
    const msg = "Input should be a valid integer, unable to parse string as an integer";
    throw unprocessable([{ type: "int_parsing", loc, msg, input: given }]);
  }
  const value = Number(given);
  if (value < 1) {
    const msg = "Input should be greater than or equal to 1";
    throw unprocessable([{ type: "greater_than_equal", loc, msg, input: given, ctx: { ge: 1 } }]);
  }
  if (value > maximum) {
    const msg = `Input should be less than or equal to ${maximum}`;
    throw unprocessable([{ type: "less_than_equal", loc, msg, input: given, ctx: { le: maximum } }]);
  }
  return value;
}

const LABEL_NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const LABEL_PREFIX = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const RESERVED_PREFIX = "opensandbox.io/";

/**
 * Requires metadata to be valid as Kubernetes labels, as the real server does on every runtime. @throws
 * {LifecycleProblem} 400
 */
export function assertLabels(metadata: Readonly<Record<string, string>>, reservedCode?: string): void {
  for (const [key, value] of Object.entries(metadata)) assertLabel(key, value, reservedCode);
}

function assertLabel(key: string, value: string, reservedCode = "SANDBOX::INVALID_METADATA_LABEL"): void {
  if (key.startsWith(RESERVED_PREFIX)) {
    throw problem(
      400,
      reservedCode,
      `Metadata key '${key}' uses the reserved prefix '${RESERVED_PREFIX}'. Keys under this prefix are managed by the system and cannot be set via metadata.`,
    );
  }
  const [name = "", prefix] = key.split("/").reverse();
  if (
    !LABEL_NAME.test(name) ||
    key.split("/").length > 2 ||
    (prefix !== undefined && !LABEL_PREFIX.test(prefix))
  ) {
    throw problem(
      400,
      "SANDBOX::INVALID_METADATA_LABEL",
      `Metadata key '${key}' is invalid: must be either a name or a DNS-subdomain prefix and name separated by /, where the name is up to 63 characters and matches [A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?, and the optional prefix is a valid DNS subdomain up to 253 characters.`,
    );
  }
  if (value !== "" && !LABEL_NAME.test(value)) {
    throw problem(
      400,
      "SANDBOX::INVALID_METADATA_LABEL",
      `Metadata value '${value}' is invalid: must be 63 characters or less, start/end with an alphanumeric character, and contain only alphanumeric, '-', '_', or '.' characters.`,
    );
  }
}
