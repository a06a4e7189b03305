import { describe, expect, test } from "@jest/globals";
import { moduleFunction } from "../helpers/module-thread.js";

interface Change {
  readonly breaking: boolean;
  readonly text: string;
}

/** A document with one operation, which sends `Sent` and answers with `Read`. */
const DOCUMENT = {
  paths: {
    "/things/{id}": {
      parameters: [{ in: "path", name: "id", required: true, schema: { type: "string" } }],
      post: {
        operationId: "makeThing",
        parameters: [{ in: "query", name: "limit", schema: { type: "integer" } }],
        requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/Sent" } } } },
        responses: {
          "200": { content: { "application/json": { schema: { $ref: "#/components/schemas/Read" } } } },
          "404": {},
        },
      },
    },
  },
  components: {
    schemas: {
      Sent: {
        type: "object",
        required: ["name"],
        properties: { name: { type: "string" }, size: { type: "integer" } },
      },
      Read: {
        type: "object",
        required: ["id"],
        properties: { id: { type: "string" }, state: { type: "string", enum: ["on", "off"] } },
      },
    },
  },
};

type Document = typeof DOCUMENT;

/** Compares the document with a changed copy. */
async function changesOf(change: (document: Document) => unknown): Promise<Change[]> {
  const after = structuredClone(DOCUMENT);
  change(after);
  return await compare(DOCUMENT, after);
}

const compare = moduleFunction<Change[]>("scripts/lib/contract-changes.mjs", "contractChanges");

const breaking = (text: string): Change => ({ breaking: true, text });
const harmless = (text: string): Change => ({ breaking: false, text });
const OPERATION = "POST /things/{id}";

describe("what a changed document means for users:", () => {
  test.each<[string, (document: Document) => unknown, Change[]]>([
    ["nothing", () => undefined, []],
    [
      "an operation is removed",
      ({ paths }) => Reflect.deleteProperty(paths["/things/{id}"], "post"),
      [breaking(`${OPERATION}: removed`)],
    ],
    [
      "an operation is added",
      ({ paths }) => Object.assign(paths["/things/{id}"], { get: { responses: {} } }),
      [harmless("GET /things/{id}: added")],
    ],
    [
      "a parameter becomes required",
      ({ paths }) => Object.assign(paths["/things/{id}"].post.parameters[0] ?? {}, { required: true }),
      [breaking(`${OPERATION}: query parameter limit: required now`)],
    ],
    [
      "a parameter has another type",
      ({ paths }) =>
        Object.assign(paths["/things/{id}"].post.parameters[0] ?? {}, { schema: { type: "string" } }),
      [breaking(`${OPERATION}: query parameter limit: integer → string`)],
    ],
    [
      "an optional parameter is added",
      ({ paths }) =>
        paths["/things/{id}"].post.parameters.push({
          in: "query",
          name: "order",
          schema: { type: "string" },
        }),
      [harmless(`${OPERATION}: query parameter order added`)],
    ],
    [
      "a success response is removed",
      ({ paths }) => Reflect.deleteProperty(paths["/things/{id}"].post.responses, "200"),
      [breaking(`${OPERATION}: response 200 removed`)],
    ],
    [
      "an error response is removed",
      ({ paths }) => Reflect.deleteProperty(paths["/things/{id}"].post.responses, "404"),
      [harmless(`${OPERATION}: response 404 removed`)],
    ],
    [
      "a sent field becomes required",
      ({ components }) => components.schemas.Sent.required.push("size"),
      [breaking("schema Sent: field size: required now")],
    ],
    [
      "a sent field that servers do without is required by the contract",
      ({
        components: {
          schemas: { Sent },
        },
      }) => {
        Object.assign(Sent.properties.size, { "x-may-be-absent": true });
        Sent.required.push("size");
      },
      [],
    ],
    [
      "a sent field becomes optional",
      ({ components }) => components.schemas.Sent.required.pop(),
      [harmless("schema Sent: field name: optional now")],
    ],
    [
      "a field of a response may be absent",
      ({ components }) => components.schemas.Read.required.pop(),
      [breaking("schema Read: field id: optional now")],
    ],
    [
      "a field of a response is always there",
      ({ components }) => components.schemas.Read.required.push("state"),
      [harmless("schema Read: field state: required now")],
    ],
    [
      "a field is removed",
      ({ components }) => Reflect.deleteProperty(components.schemas.Read.properties, "state"),
      [breaking("schema Read: field state removed")],
    ],
    [
      "a field is added",
      ({ components }) => Object.assign(components.schemas.Read.properties, { size: { type: "integer" } }),
      [harmless("schema Read: field size added")],
    ],
    [
      "a required field is added to what is sent",
      ({
        components: {
          schemas: { Sent },
        },
      }) => {
        Object.assign(Sent.properties, { kind: { type: "string" } });
        Sent.required.push("kind");
      },
      [breaking("schema Sent: field kind added, and required")],
    ],
    [
      "a field has another type",
      ({ components }) => Object.assign(components.schemas.Read.properties.id, { type: "integer" }),
      [breaking("schema Read: field id: string → integer")],
    ],
    [
      "a value of an enum is removed",
      ({ components }) => components.schemas.Read.properties.state.enum.pop(),
      [breaking("schema Read: field state: string of on | off → string of on")],
    ],
    [
      "a schema is removed",
      ({ components }) => Reflect.deleteProperty(components.schemas, "Sent"),
      [breaking("schema Sent: removed")],
    ],
  ])("%s", async (_, change, expected) => {
    expect(await changesOf(change)).toEqual(expected);
  });

  test("a new document is not a breaking change, a removed one is", async () => {
    expect(await compare(null, DOCUMENT)).toEqual([harmless("the document is new")]);
    expect(await compare(DOCUMENT, null)).toEqual([breaking("the document is gone")]);
  });
});
