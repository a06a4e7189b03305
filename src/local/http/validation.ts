import { isRecord } from "../../json.js";
import { readText } from "../wire/body.js";
import { isString, JsonFields, type Place } from "../wire/fields.js";
import { messageOf, problem } from "../wire/problem.js";
import { unprocessable, type Finding } from "./responses.js";

/** By the type of a field: pydantic's type and message for a value of another type. */
const MISMATCHES = {
  string: ["string_type", "Input should be a valid string"],
  boolean: ["bool_type", "Input should be a valid boolean"],
  integer: ["int_type", "Input should be a valid integer"],
  list: ["list_type", "Input should be a valid list"],
  map: ["dict_type", "Input should be a valid dictionary"],
  object: ["model_attributes_type", "Input should be a valid dictionary or object to extract fields from"],
} as const;

type FieldType = keyof typeof MISMATCHES;

/** Reads the fields of a request. Problems are collected, so that one response names them all. */
export class Fields extends JsonFields<FieldType> {
  readonly #findings: Finding[];

  constructor(values: Readonly<Record<string, unknown>>, place: Place = ["body"], findings: Finding[] = []) {
    super(values, place);
    this.#findings = findings;
  }

  protected override mismatch(type: FieldType, place: Place, value: unknown): void {
    this.#findings.push(mismatch(type, place, value));
  }

  /** @throws {Problem} 422 if any problem was reported so far */
  assertValid(): void {
    if (this.#findings.length > 0) throw unprocessable(this.#findings);
  }

  /** Reports a problem of the object as a whole. @throws {Problem} 422 */
  fail(reason: string): never {
    this.assertValid();
    this.reportWhole(reason);
    throw unprocessable(this.#findings);
  }

  string(name: string, options: { readonly required?: boolean } = {}): string | undefined {
    if (this.values[name] === undefined && options.required === true) {
      this.report("missing", name, "Field required");
    }
    return this.read(name, "string", isString);
  }

  /** Reads an integer. Like pydantic, it accepts one that is written as a string. */
  integer(name: string, { minimum }: { readonly minimum: number }): number | undefined {
    const given = this.values[name];
    const value = typeof given === "string" && INTEGER.test(given) ? Number(given) : given;
    if (!this.has(name)) return undefined;
    if (typeof value !== "number") {
      this.mismatch("integer", [...this.place, name], given);
    } else if (!Number.isInteger(value)) {
      const reason = "Input should be a valid integer, got a number with a fractional part";
      this.report("int_from_float", name, reason);
    } else if (value < minimum) {
      const reason = `Input should be greater than or equal to ${minimum}`;
      this.report("greater_than_equal", name, reason, { ge: minimum });
    } else {
      return value;
    }
    return undefined;
  }

  override strings(name: string): string[] | undefined {
    const given = this.values[name];
    if (Array.isArray(given) && given.length === 0) {
      const reason = "List should have at least 1 item after validation, not 0";
      this.report("too_short", name, reason, { field_type: "List", min_length: 1, actual_length: 0 });
    }
    return super.strings(name);
  }

  /** Reads a map of strings. With `nullable`, entries whose value is `null` are left out. */
  map(name: string, { nullable = false } = {}): Record<string, string> | undefined {
    const map = this.read(name, "map", isRecord);
    if (map === undefined) return undefined;
    const entries = Object.entries(map).filter((entry): entry is [string, string] => {
      const [key, item] = entry;
      if (typeof item !== "string" && !(item === null && nullable)) {
        this.mismatch("string", [...this.place, name, key], item);
      }
      return typeof item === "string";
    });
    return Object.fromEntries(entries);
  }

  object(name: string): Fields | undefined {
    const object = this.read(name, "object", isRecord);
    return object && new Fields(object, [...this.place, name], this.#findings);
  }

  /** Reads a list of objects. Items of another type are reported. */
  objects(name: string): Fields[] {
    const list: unknown[] = this.read(name, "list", Array.isArray) ?? [];
    return list.flatMap((item, index) => {
      const place = [...this.place, name, index];
      if (isRecord(item)) return [new Fields(item, place, this.#findings)];
      this.mismatch("object", place, item);
      return [];
    });
  }

  /** Reports a problem of the object as a whole, in addition to those of its fields. */
  reportWhole(reason: string): void {
    this.#findings.push({
      type: "value_error",
      loc: this.place,
      msg: `Value error, ${reason}`,
      input: this.values,
      ctx: { error: {} },
    });
  }

  /** Reads a string that must match a pattern. @param source - the pattern as the response shows it */
  pattern(
    name: string,
    source: string,
    { longest = Infinity, ...options }: { readonly required?: boolean; readonly longest?: number } = {},
  ): string | undefined {
    const value = this.string(name, options);
    if (value !== undefined && value.length > longest) {
      const reason = `String should have at most ${longest} characters`;
      this.report("string_too_long", name, reason, { max_length: longest });
      return undefined;
    }
    if (value === undefined || new RegExp(source).test(value)) return value;
    this.report("string_pattern_mismatch", name, `String should match pattern '${source}'`, {
      pattern: source,
    });
    return undefined;
  }

  raw(name: string): unknown {
    return this.values[name];
  }

  entries(): [string, unknown][] {
    return Object.entries(this.values);
  }

  /** Reports a problem of a field. */
  report(type: string, name: string, msg: string, ctx?: Readonly<Record<string, unknown>>): void {
    const input = this.values[name] === undefined ? this.values : this.values[name];
    this.#findings.push({ type, loc: [...this.place, name], msg, input, ...(ctx && { ctx }) });
  }
}

const INTEGER = /^\s*[+-]?\d+\s*$/;

function mismatch(type: FieldType, loc: Place, input: unknown): Finding {
  const [name, msg] = MISMATCHES[type];
  return { type: name, loc, msg, input };
}

/** In bytes; far more than any request of the lifecycle API needs. */
const LARGEST_BODY = 2 ** 20;

/**
 * Reads a JSON object from the body. @throws {Problem} 422 if the body is missing, not declared as JSON or not a JSON
 * object; 413
 */
export async function readFields(request: Request): Promise<Fields> {
  return parseFields(await readBody(request), request.headers);
}

/** Like {@link readFields}, for a body that is already read. @throws {Problem} 422 */
export function parseFields(text: string, headers: Headers): Fields {
  if (text === "")
    throw unprocessable([{ type: "missing", loc: ["body"], msg: "Field required", input: null }]);
  const isJson = /^application\/(.+\+)?json\s*(;|$)/i.test(headers.get("content-type") ?? "");
  const value = isJson ? parseBody(text) : text;
  if (isRecord(value)) return new Fields(value);
  throw unprocessable([mismatch("object", ["body"], value)]);
}

/** Reads the body of a request up to the maximum size. @throws {Problem} 413 */
export async function readBody({ body }: Request): Promise<string> {
  if (body === null) return "";
  const tooLarge = () =>
    problem(413, "GENERAL::UNKNOWN_ERROR", `The body is larger than ${LARGEST_BODY} bytes.`);
  // The type of `body` declares no async iteration, but Node.js implements it.
  return readText(body as AsyncIterable<Uint8Array>, { bytes: LARGEST_BODY, tooLarge });
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = messageOf(error);
    const position = Number(/at position (\d+)/.exec(reason)?.[1] ?? text.length);
    const [loc, ctx] = [["body", position], { error: reason }];
    throw unprocessable([{ type: "json_invalid", loc, msg: "JSON decode error", input: {}, ctx }]);
  }
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
  if (!INTEGER.test(given)) {
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
