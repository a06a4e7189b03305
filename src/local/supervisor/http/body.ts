import { buffer } from "node:stream/consumers";
import type { Readable } from "node:stream";
import { scanJson } from "./go-json.js";
import { invalid, messageOf, Problem } from "./problem.js";

type FieldType = "string" | "int" | "int64" | "bool" | "map[string]string" | "[]string";

/** The name of a body's type in execd, and its error messages where they differ from the usual ones. */
export interface BodyModel {
  readonly name: string;
  readonly unreadable?: (reason: string) => Problem;
  readonly invalid?: (reason: string) => Problem;
}

/** Reads the whole body of a request as text. */
export async function readText(stream: Readable): Promise<string> {
  return (await buffer(stream)).toString("utf8");
}

/**
 * Reads a request body as execd's Go code does: unknown fields and text after the value are ignored, `null` counts as
 * absent, and a wrong type is an error in Go's words.
 */
export class Body {
  readonly #model: BodyModel;
  readonly #fields: Readonly<Record<string, unknown>>;

  private constructor(model: BodyModel, fields: Readonly<Record<string, unknown>>) {
    this.#model = model;
    this.#fields = fields;
  }

  /** @throws {Problem} 400 if the body is not a JSON object */
  static async read(stream: Readable, model: string | BodyModel): Promise<Body> {
    return Body.parse(await readText(stream), model);
  }

  /** @throws {Problem} 400 if the body is not a JSON object */
  static parse(text: string, given: string | BodyModel): Body {
    const model = typeof given === "string" ? { name: given } : given;
    return new Body(model, toFields(parseValue(text, model), `model.${model.name}`, model));
  }

  /** Reads an object that maps names to objects of one model. @throws {Problem} 400 */
  static async readMap(stream: Readable, given: string): Promise<[string, Body][]> {
    const model = { name: given };
    const fields = toFields(parseValue(await readText(stream), model), `map[string]model.${given}`, model);
    return Object.entries(fields).map(([key, value]) => [
      key,
      new Body(model, toFields(value, `model.${given}`, model)),
    ]);
  }

  /** Reads a list of objects of one model. @throws {Problem} 400 */
  static async readList(stream: Readable, given: string): Promise<Body[]> {
    const model = { name: given };
    const value = parseValue(await readText(stream), model) ?? [];
    if (!Array.isArray(value)) throw mismatch(value, `Go value of type []model.${given}`, model);
    return value.map((item: unknown) => new Body(model, toFields(item, `model.${given}`, model)));
  }

  has(field: string): boolean {
    return this.#fields[field] !== undefined && this.#fields[field] !== null;
  }

  string(field: string): string {
    const value = this.#read(field, "string", (given) => typeof given === "string");
    // Like Go, replaces lone surrogates.
    return typeof value === "string" ? value.replace(/\p{Surrogate}/gu, "\ufffd") : "";
  }

  boolean(field: string): boolean {
    return this.#read(field, "bool", (given) => typeof given === "boolean") === true;
  }

  /** An integer, or 0 if the field is absent. */
  integer(field: string, type: "int" | "int64" = "int"): number {
    const value = this.#read(field, type, (given) => Number.isInteger(given));
    return typeof value === "number" ? value : 0;
  }

  /** A non-negative integer, or `undefined` if the field is absent. */
  count(field: string, goName: string): number | undefined {
    if (!this.has(field)) return undefined;
    const value = this.integer(field, "int64");
    if (value < 0) throw this.#failed(goName, "gte");
    return value;
  }

  strings(field: string): Record<string, string> {
    const body = this.object(field);
    return Object.fromEntries(Object.keys(body.#fields).map((name) => [name, body.string(name)]));
  }

  /** A list of strings, or `undefined` if the field is absent. */
  list(field: string): string[] | undefined {
    const value = this.#read(field, "[]string", Array.isArray);
    if (!Array.isArray(value)) return undefined;
    return value.map((item: unknown) => {
      if (typeof item === "string") return item;
      throw mismatch(item, `Go struct field ${this.#model.name}.${field} of type string`, this.#model);
    });
  }

  /** The object in a field, or an empty one if the field is absent. */
  object(field: string): Body {
    const isObject = (given: unknown) => typeof given === "object" && !Array.isArray(given);
    const value = this.#read(field, "map[string]string", isObject);
    const fields =
      typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
    return new Body({ ...this.#model, name: `${this.#model.name}.${field}` }, fields);
  }

  /** A non-empty string. */
  required(field: string, goName: string): string {
    const value = this.string(field);
    if (value === "") throw this.#failed(goName, "required");
    return value;
  }

  #failed(goName: string, tag: string): Problem {
    const name = `${this.#model.name}.${goName}`;
    const reason = `Key: '${name}' Error:Field validation for '${goName}' failed on the '${tag}' tag`;
    return (this.#model.invalid ?? invalid)(reason);
  }

  #read(field: string, type: FieldType, matches: (given: unknown) => boolean): unknown {
    const value = this.#fields[field];
    if (value === undefined || value === null || matches(value)) return value;
    throw mismatch(value, `Go struct field ${this.#model.name}.${field} of type ${type}`, this.#model);
  }
}

function parseValue(text: string, model: BodyModel): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const scan = scanJson(text);
    if ("end" in scan) return JSON.parse(text.slice(0, scan.end));
    throw unreadable(scan.complaint === "" ? messageOf(error) : scan.complaint, model);
  }
}

function toFields(value: unknown, goType: string, model: BodyModel): Record<string, unknown> {
  if (value === null) return {};
  if (typeof value === "object" && !Array.isArray(value)) return Object.fromEntries(Object.entries(value));
  throw mismatch(value, `Go value of type ${goType}`, model);
}

function mismatch(value: unknown, target: string, model: BodyModel): Problem {
  return unreadable(`json: cannot unmarshal ${goKind(value)} into ${target}`, model);
}

function unreadable(reason: string, model: BodyModel): Problem {
  if (model.unreadable !== undefined) return model.unreadable(reason);
  const message = `error parsing request, MAYBE invalid body format. ${reason}`;
  return new Problem(400, "INVALID_REQUEST_BODY", message);
}

function goKind(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  // For a fractional number, Go's message contains its text.
  return typeof value === "number" && !Number.isInteger(value) ? `number ${value}` : typeof value;
}
