import type { Readable } from "node:stream";
import { isRecord } from "../../../json.js";
import { readText } from "../../wire/body.js";
import { isString, JsonFields, type Place } from "../../wire/fields.js";
import { messageOf, type Problem } from "../../wire/problem.js";
import { scanJson } from "./go-json.js";
import { badRequest, invalid } from "./problems.js";

/** By the type of a field: its name in Go. */
const GO_TYPES = {
  boolean: "bool",
  int: "int",
  int64: "int64",
  list: "[]string",
  map: "map[string]string",
  string: "string",
} as const;

type FieldType = keyof typeof GO_TYPES;

/** The name of a body's type in execd, and its error messages where they differ from the usual ones. */
export interface BodyModel {
  readonly name: string;
  readonly unreadable?: (reason: string) => Problem;
  readonly invalid?: (reason: string) => Problem;
}

/**
 * Reads a request body as execd's Go code does: unknown fields and text after the value are ignored, `null` counts as
 * absent, and a wrong type is an error in Go's words.
 */
export class Body extends JsonFields<FieldType> {
  readonly #model: BodyModel;

  private constructor(model: BodyModel, values: Readonly<Record<string, unknown>>, place: Place = []) {
    super(values, place);
    this.#model = model;
  }

  protected override mismatch(type: FieldType, place: Place, value: unknown): never {
    // Go names a list's field for its items too.
    const field = [this.#model.name, ...place.filter((part) => typeof part === "string")].join(".");
    throw mismatch(value, `Go struct field ${field} of type ${GO_TYPES[type]}`, this.#model);
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

  string(field: string): string {
    // Like Go, replaces lone surrogates.
    return (this.read(field, "string", isString) ?? "").replace(/\p{Surrogate}/gu, "\ufffd");
  }

  /** An integer, or 0 if the field is absent. */
  integer(field: string): number {
    return this.read(field, "int", isInteger) ?? 0;
  }

  /** A non-negative integer, or `undefined` if the field is absent. */
  count(field: string, goName: string): number | undefined {
    const value = this.read(field, "int64", isInteger);
    if (value !== undefined && value < 0) throw this.#failed(goName, "gte");
    return value;
  }

  map(field: string): Record<string, string> {
    const body = this.object(field);
    return Object.fromEntries(Object.keys(body.values).map((name) => [name, body.string(name)]));
  }

  /** The object in a field, or an empty one if the field is absent. */
  object(field: string): Body {
    return new Body(this.#model, this.read(field, "map", isRecord) ?? {}, [...this.place, field]);
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
  if (isRecord(value)) return value;
  throw mismatch(value, `Go value of type ${goType}`, model);
}

function mismatch(value: unknown, target: string, model: BodyModel): Problem {
  return unreadable(`json: cannot unmarshal ${goKind(value)} into ${target}`, model);
}

function unreadable(reason: string, model: BodyModel): Problem {
  if (model.unreadable !== undefined) return model.unreadable(reason);
  return badRequest(`error parsing request, MAYBE invalid body format. ${reason}`);
}

function isInteger(value: unknown): value is number {
  return Number.isInteger(value);
}

function goKind(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  // For a fractional number, Go's message contains its text.
  return typeof value === "number" && !Number.isInteger(value) ? `number ${value}` : typeof value;
}
