import { buffer } from "node:stream/consumers";
import type { Readable } from "node:stream";
import { invalid, messageOf, Problem } from "./problem.js";

type FieldType = "string" | "integer" | "boolean" | "object";

const GO_TYPES: Record<FieldType, string> = {
  string: "string",
  integer: "int64",
  boolean: "bool",
  object: "map[string]string",
};

/**
 * A request body, read as execd's Go reads it: unknown fields do not matter, `null` is an absent field, a wrong type is
 * an error in Go's words.
 */
export class Body {
  readonly #model: string;
  readonly #fields: Readonly<Record<string, unknown>>;

  private constructor(model: string, fields: Readonly<Record<string, unknown>>) {
    this.#model = model;
    this.#fields = fields;
  }

  /** @throws {Problem} 400 for what is no JSON object */
  static async read(stream: Readable, model: string): Promise<Body> {
    return Body.parse((await buffer(stream)).toString("utf8"), model);
  }

  /** @throws {Problem} 400 for what is no JSON object */
  static parse(text: string, model: string): Body {
    if (text.trim() === "") throw unreadable("EOF");
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw unreadable(isCutShort(error, text) ? "unexpected EOF" : `invalid JSON: ${messageOf(error)}`);
    }
    if (value === null) return new Body(model, {});
    if (typeof value !== "object" || Array.isArray(value)) {
      throw unreadable(`json: cannot unmarshal ${goKind(value)} into Go value of type model.${model}`);
    }
    return new Body(model, Object.fromEntries(Object.entries(value)));
  }

  string(field: string): string {
    const value = this.#read(field, "string", (given) => typeof given === "string");
    return typeof value === "string" ? value : "";
  }

  boolean(field: string): boolean {
    return this.#read(field, "boolean", (given) => typeof given === "boolean") === true;
  }

  /** A whole number, not negative, or `undefined` where there is none. */
  count(field: string, goName: string): number | undefined {
    const value = this.#read(field, "integer", (given) => Number.isInteger(given));
    if (typeof value !== "number") return undefined;
    if (value < 0) throw this.#failed(goName, "gte");
    return value;
  }

  strings(field: string): Record<string, string> {
    const body = this.object(field, "object");
    return Object.fromEntries(Object.keys(body.#fields).map((name) => [name, body.string(name)]));
  }

  /** The object in a field; an empty one where there is none. */
  object(field: string, type: FieldType = "object"): Body {
    const value = this.#read(field, type, (given) => typeof given === "object" && !Array.isArray(given));
    const fields =
      typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
    return new Body(`${this.#model}.${field}`, fields);
  }

  /** A string that must not be empty. */
  required(field: string, goName: string): string {
    const value = this.string(field);
    if (value === "") throw this.#failed(goName, "required");
    return value;
  }

  #failed(goName: string, tag: string): Problem {
    const name = `${this.#model}.${goName}`;
    return invalid(`Key: '${name}' Error:Field validation for '${goName}' failed on the '${tag}' tag`);
  }

  #read(field: string, type: FieldType, matches: (given: unknown) => boolean): unknown {
    const value = this.#fields[field];
    if (value === undefined || value === null || matches(value)) return value;
    const where = `Go struct field ${this.#model}.${field} of type ${GO_TYPES[type]}`;
    throw unreadable(`json: cannot unmarshal ${goKind(value)} into ${where}`);
  }
}

function unreadable(reason: string): Problem {
  const message = `error parsing request, MAYBE invalid body format. ${reason}`;
  return new Problem(400, "INVALID_REQUEST_BODY", message);
}

function goKind(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
}

// V8 says at which position it failed, or that the input ended.
function isCutShort(error: unknown, text: string): boolean {
  const message = messageOf(error);
  if (/Unexpected end|Unterminated/.test(message)) return true;
  const position = /at position (\d+)/.exec(message)?.[1];
  return position !== undefined && Number(position) >= text.trimEnd().length;
}
