import addFormats from "ajv-formats";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { isRecord } from "../../src/json.js";
import { readDocument, type DocumentName, type Json, type Operation } from "./operations.js";

/** Validates values against the schemas of a document. */
export class Schemas {
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  readonly #documents = new Map<DocumentName, Json>();
  readonly #validators = new Map<string, ValidateFunction>();

  constructor() {
    // ajv-formats is CommonJS: at run time, its default export is the `default` of Node's default import.
    addFormats.default(this.#ajv);
    // Formats of OpenAPI, not of JSON Schema. The type beside them is checked.
    for (const format of ["int32", "int64", "float", "double", "binary", "password"]) {
      this.#ajv.addFormat(format, true);
    }
  }

  /** Returns the documented response of an operation; `undefined` if there is none. */
  answer(operation: Operation, status: number): Json | undefined {
    return this.#follow(operation.document, childOf(operation.definition, "responses", String(status)));
  }

  /**
   * Returns how a response or request body breaks the schema of its media type; `[]` if it matches or there is no
   * schema.
   */
  faults(operation: Operation, part: Json, mediaType: string, value: unknown): readonly string[] {
    const schema = childOf(part, "content", mediaType, "schema");
    if (schema === undefined) return [`${mediaType} is not expected`];
    return this.#check(operation.document, schema, value);
  }

  #check(document: DocumentName, schema: Json, value: unknown): readonly string[] {
    const validate = this.#validator(document, schema);
    if (validate(value)) return [];
    // The index in a list and the key in a map do not matter.
    const errors = validate.errors ?? [];
    return [
      ...new Set(
        errors.map(({ instancePath, message, params }) =>
          `${shapeOf(instancePath)} ${message ?? ""} ${String(params["additionalProperty"] ?? "")}`.trimEnd(),
        ),
      ),
    ];
  }

  /** Returns how a value breaks a schema of a document's components. */
  componentFaults(document: DocumentName, component: string, value: unknown): readonly string[] {
    return this.#check(document, { $ref: `#/components/schemas/${component}` }, value);
  }

  /** Returns the documented request body of an operation. */
  requestBody(operation: Operation): Json | undefined {
    return this.#follow(operation.document, operation.definition["requestBody"]);
  }

  /** Returns the names of an operation's query parameters. */
  queryNames(operation: Operation): readonly string[] {
    const { parameters } = operation.definition;
    if (!Array.isArray(parameters)) return [];
    return parameters
      .map((parameter) => this.#follow(operation.document, parameter))
      .flatMap((parameter) => (parameter?.["in"] === "query" ? [String(parameter["name"])] : []));
  }

  /** Returns the validators of all schemas of a document, by reference. */
  #validator(document: DocumentName, schema: Json): ValidateFunction {
    const key = `${document} ${JSON.stringify(schema)}`;
    const known = this.#validators.get(key);
    if (known !== undefined) return known;
    const { components } = this.#document(document);
    // References start at the root of the document.
    const closed = exact(schema);
    const validate = this.#ajv.compile({ ...(isRecord(closed) ? closed : {}), components });
    this.#validators.set(key, validate);
    return validate;
  }

  #document(name: DocumentName): Json {
    const known = this.#documents.get(name);
    if (known !== undefined) return known;
    const document = exact(readDocument(name));
    if (!isRecord(document)) throw new TypeError(`${name} is not a document.`);
    this.#documents.set(name, document);
    return document;
  }

  #follow(document: DocumentName, node: unknown): Json | undefined {
    if (!isRecord(node)) return undefined;
    const { $ref } = node;
    if (typeof $ref !== "string") return node;
    return this.#follow(document, childOf(this.#document(document), ...$ref.replace("#/", "").split("/")));
  }
}

/**
 * Returns a document's schemas, stricter: fields marked `x-may-be-absent` become optional, and unknown fields are
 * errors, so that undocumented and misspelt fields are found.
 */
function exact(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(exact);
  if (!isRecord(node)) return node;
  const copy: Record<string, unknown> = Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, exact(value)]),
  );
  const { type, properties, required, additionalProperties } = copy;
  if (Array.isArray(required)) {
    copy["required"] = required.filter(
      (name) => childOf(properties, String(name))?.["x-may-be-absent"] !== true,
    );
  }
  if (type === "object" && isRecord(properties) && additionalProperties === undefined) {
    copy["additionalProperties"] = false;
  }
  return copy;
}

function childOf(node: unknown, ...keys: readonly string[]): Json | undefined {
  let child = node;
  for (const key of keys) child = isRecord(child) ? child[key] : undefined;
  return isRecord(child) ? child : undefined;
}

function shapeOf(instancePath: string): string {
  return instancePath.replaceAll(/\/\d+(?=\/|$)/g, "/*").replaceAll(/\/~1[^/]*/g, "/*") || "/";
}
