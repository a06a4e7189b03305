import { readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { isRecord } from "../../src/json.js";
import type { ServerKind } from "../../src/transport/endpoint.js";
import { FIXTURES, loadFixture, type Exchange, type FixtureName } from "./fixtures.js";

const DOCUMENTS = ["lifecycle", "execd", "diagnostics", "egress"] as const;
const METHODS = ["get", "put", "post", "delete", "patch"] as const;

export type DocumentName = (typeof DOCUMENTS)[number];
/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/** An operation of an API document. */
export interface Operation {
  readonly id: string;
  readonly document: DocumentName;
  readonly method: string;
  /** The path with its parameters in braces, relative to the document's base URL. */
  readonly template: string;
  /** The definition with unresolved references, and with the parameters of its path. */
  readonly definition: Json;
}

/** A recorded exchange with a documented operation. */
export interface RecordedOperation {
  readonly operation: Operation;
  readonly fixture: FixtureName;
  /** The label; the second with the same label is "label (2)". */
  readonly name: string;
  readonly exchange: Exchange;
}

/** Reads and parses a document of openapi/. */
export function readDocument(name: DocumentName): Json {
  // Jest runs the tests as CommonJS.
  const file = path.join(__dirname, "../../openapi", `${name}.yaml`);
  const document: unknown = parse(readFileSync(file, "utf8"));
  if (!isRecord(document)) throw new TypeError(`${file} is not a document.`);
  return document;
}

/** Returns every operation of the documents by its id. */
export function loadOperations(): ReadonlyMap<string, Operation> {
  const operations = new Map<string, Operation>();
  for (const document of DOCUMENTS) {
    for (const [template, item] of Object.entries(objectAt(readDocument(document), "paths"))) {
      for (const method of METHODS) {
        if (!isRecord(item)) continue;
        const definition = item[method];
        if (!isRecord(definition)) continue;
        const id = String(definition["operationId"]);
        if (operations.has(id)) throw new RangeError(`Two operations have the id ${id}.`);
        // Parameters of the path apply to each of its operations.
        const parameters = [item, definition].flatMap(parametersIn);
        operations.set(id, {
          id,
          document,
          method: method.toUpperCase(),
          template,
          definition: { ...definition, parameters },
        });
      }
    }
  }
  return operations;
}

/** Returns the operation of a request to a server; `undefined` if it is not documented. */
export function findOperation(
  operations: ReadonlyMap<string, Operation>,
  server: ServerKind,
  method: string,
  pathAndQuery: string,
): Operation | undefined {
  const { pathname } = new URL(pathAndQuery, "http://server.invalid");
  // The SDK sends all operations below /v1, older clients without it.
  const segments = (server === "lifecycle" ? pathname.replace(/^\/v1\//, "/") : pathname).split("/");
  const found = [...operations.values()].filter(
    ({ document, method: own, template }) =>
      (document === "diagnostics" ? "lifecycle" : document) === server &&
      own === method &&
      matches(template, segments),
  );
  // Prefer literal paths: `/code/contexts` is not the context "contexts".
  found.sort((one, other) => parametersOf(one.template) - parametersOf(other.template));
  return found[0];
}

/** Returns all recorded exchanges with a documented operation, and the number of others. */
export function loadRecordedOperations(operations: ReadonlyMap<string, Operation>): {
  readonly recorded: readonly RecordedOperation[];
  readonly total: number;
} {
  const recorded: RecordedOperation[] = [];
  let total = 0;
  for (const fixture of FIXTURES) {
    const counts = new Map<string, number>();
    for (const exchange of loadFixture(fixture)) {
      total += 1;
      const count = (counts.get(exchange.label) ?? 0) + 1;
      counts.set(exchange.label, count);
      const name = count === 1 ? exchange.label : `${exchange.label} (${count})`;
      const { method } = exchange.request;
      const proxied = exchange.request.path.replace(/^.*\/proxy\/44772(?=\/)/, "");
      const isLifecycle = fixture === "lifecycle-docker" && proxied === exchange.request.path;
      const server = isLifecycle ? "lifecycle" : "execd";
      const operation = findOperation(operations, server, method, proxied);
      if (operation !== undefined) recorded.push({ operation, fixture, name, exchange });
    }
  }
  return { recorded, total };
}

/** Returns the object with a key. @throws {TypeError} if there is none */
export function objectAt(value: Json, key: string): Json {
  const found = value[key];
  if (!isRecord(found)) throw new TypeError(`No object "${key}".`);
  return found;
}

function matches(template: string, segments: readonly string[]): boolean {
  const wanted = template.split("/");
  return (
    wanted.length === segments.length &&
    wanted.every((part, index) => (part.startsWith("{") ? segments[index] !== "" : part === segments[index]))
  );
}

function parametersIn({ parameters }: Json): readonly unknown[] {
  return Array.isArray(parameters) ? parameters : [];
}

function parametersOf(template: string): number {
  return template.split("{").length - 1;
}
