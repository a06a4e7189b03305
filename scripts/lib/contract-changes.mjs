// Describes how changes of an OpenAPI document affect users of the client: operations, parameters and fields that were
// added, removed, made required or given another type. Marks those that break callers.
//
// Written by hand: no maintained library on npm reads OpenAPI 3.1; `openapi-diff` supports 3.0 only.

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/**
 * @typedef {{ breaking: boolean, text: string }} Change
 * @param {object} before a parsed document, or `null` if it did not exist
 * @param {object} after a parsed document, or `null` if it was removed
 * @returns {Change[]} in the order of the documents; empty if nothing changed for users
 */
export function contractChanges(before, after) {
  if (before === null) return [{ breaking: false, text: "the document is new" }];
  if (after === null) return [{ breaking: true, text: "the document is gone" }];
  const [old, now] = [operationsOf(before), operationsOf(after)];
  return [
    ...compareMaps(old, now, {
      removed: (name) => [broken(`${name}: removed`)],
      added: (name) => [fine(`${name}: added`)],
      both: (name, one, other) => compareOperations(name, one, other),
    }),
    ...compareSchemas(before, after),
  ];
}

/** Returns the changes as lines of text, with the breaking ones marked. */
export function describeChanges(changes) {
  return changes.map(({ breaking, text }) => `  ${breaking ? "BREAKING" : "        "}  ${text}`);
}

const broken = (text) => ({ breaking: true, text });
const fine = (text) => ({ breaking: false, text });

function compareOperations(name, before, after) {
  const parameters = compareMaps(before.parameters, after.parameters, {
    removed: (parameter) => [broken(`${name}: ${parameter} removed`)],
    added: (parameter, { required }) => [
      { breaking: required, text: `${name}: ${parameter} added${required ? ", and required" : ""}` },
    ],
    both: (parameter, one, other) => [
      ...compareRequired(`${name}: ${parameter}`, one.required, other.required, "request"),
      ...compareTypes(`${name}: ${parameter}`, one.type, other.type),
    ],
  });
  const responses = compareMaps(before.responses, after.responses, {
    // Without a success response, callers would wait without end.
    removed: (status) => [{ breaking: status.startsWith("2"), text: `${name}: response ${status} removed` }],
    added: (status) => [fine(`${name}: response ${status} added`)],
    both: (status, one, other) => compareTypes(`${name}: response ${status}`, one, other),
  });
  const bodies = [
    ...compareTypes(`${name}: body`, before.body?.type, after.body?.type),
    ...(before.body !== undefined && after.body !== undefined
      ? compareRequired(`${name}: body`, before.body.required, after.body.required, "request")
      : []),
  ];
  const id =
    before.id === after.id ? [] : [fine(`${name}: operationId ${String(before.id)} → ${String(after.id)}`)];
  return [...id, ...parameters, ...bodies, ...responses];
}

function compareSchemas(before, after) {
  // A new requirement of a schema breaks those who send it, a removed guarantee those who read it.
  const uses = { before: usesOf(before), after: usesOf(after) };
  return compareMaps(schemasOf(before), schemasOf(after), {
    removed: (name) => [broken(`schema ${name}: removed`)],
    added: (name) => [fine(`schema ${name}: added`)],
    both: (name, one, other) => {
      const isSent = uses.before.sent.has(name) || uses.after.sent.has(name);
      const isRead = uses.before.read.has(name) || uses.after.read.has(name);
      return compareFields(`schema ${name}`, one, other, { isSent, isRead });
    },
  });
}

function compareFields(name, before, after, direction) {
  const type = compareTypes(name, typeOf(before), typeOf(after));
  const requiredOf = ({ required = [], properties }) =>
    new Set(required.filter((field) => properties?.[field]?.["x-may-be-absent"] !== true));
  const [wasRequired, isRequired] = [requiredOf(before), requiredOf(after)];
  const fields = compareMaps(
    new Map(Object.entries(before.properties ?? {})),
    new Map(Object.entries(after.properties ?? {})),
    {
      removed: (field) => [broken(`${name}: field ${field} removed`)],
      added: (field) => {
        const demanded = isRequired.has(field);
        return [
          {
            breaking: demanded && direction.isSent,
            text: `${name}: field ${field} added${demanded ? ", and required" : ""}`,
          },
        ];
      },
      both: (field, one, other) => [
        ...(direction.isSent
          ? compareRequired(
              `${name}: field ${field}`,
              wasRequired.has(field),
              isRequired.has(field),
              "request",
            )
          : []),
        ...(direction.isRead && !direction.isSent
          ? compareRequired(
              `${name}: field ${field}`,
              wasRequired.has(field),
              isRequired.has(field),
              "response",
            )
          : []),
        ...compareFields(`${name}: field ${field}`, one, other, direction),
      ],
    },
  );
  const items =
    before.items !== undefined && after.items !== undefined
      ? compareFields(`${name}[]`, before.items, after.items, direction)
      : [];
  return [...type, ...fields, ...items];
}

function compareRequired(name, was, is, side) {
  if (was === is) return [];
  const breaking = side === "request" ? is : was;
  return [{ breaking, text: `${name}: ${is ? "required now" : "optional now"}` }];
}

function compareTypes(name, before, after) {
  if (before === after) return [];
  if (before === undefined) return [fine(`${name}: added (${after})`)];
  if (after === undefined) return [broken(`${name}: removed`)];
  return [broken(`${name}: ${before} → ${after}`)];
}

function compareMaps(before, after, { removed, added, both }) {
  const changes = [];
  for (const [key, value] of before) {
    changes.push(...(after.has(key) ? both(key, value, after.get(key)) : removed(key, value)));
  }
  for (const [key, value] of after) if (!before.has(key)) changes.push(...added(key, value));
  return changes;
}

function operationsOf(document) {
  const operations = new Map();
  for (const [route, item] of Object.entries(document.paths ?? {})) {
    for (const method of METHODS.filter((each) => item[each] !== undefined)) {
      const operation = item[method];
      const body = resolve(document, operation.requestBody);
      operations.set(`${method.toUpperCase()} ${route}`, {
        id: operation.operationId,
        parameters: new Map(
          [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((reference) => {
            const { in: place, name, required = false, schema } = resolve(document, reference);
            return [`${place} parameter ${name}`, { required, type: typeOf(schema ?? {}) }];
          }),
        ),
        body: body && { required: body.required ?? false, type: contentOf(body) },
        responses: new Map(
          Object.entries(operation.responses ?? {}).map(([status, reference]) => [
            status,
            contentOf(resolve(document, reference)),
          ]),
        ),
      });
    }
  }
  return operations;
}

/** Returns which schemas occur in requests and which in responses, at any depth. */
function usesOf(document) {
  const uses = { sent: new Set(), read: new Set() };
  const walk = (node, found) => {
    if (node === null || typeof node !== "object") return;
    if (typeof node.$ref === "string") {
      const name = schemaName(node.$ref);
      if (name === undefined) return walk(resolve(document, node), found);
      if (found.has(name)) return;
      found.add(name);
      return walk(schemasOf(document).get(name), found);
    }
    for (const value of Object.values(node)) walk(value, found);
  };
  for (const item of Object.values(document.paths ?? {})) {
    for (const method of METHODS.filter((each) => item[each] !== undefined)) {
      const { requestBody, parameters, responses } = item[method];
      walk([requestBody, parameters, item.parameters], uses.sent);
      walk(responses, uses.read);
    }
  }
  return uses;
}

function schemasOf(document) {
  return new Map(Object.entries(document.components?.schemas ?? {}));
}

function contentOf(node) {
  const entries = Object.entries(node?.content ?? {});
  if (entries.length === 0) return "nothing";
  return entries.map(([media, { schema = {} }]) => `${media} ${typeOf(schema)}`).join(", ");
}

/** Describes a type in a few words. Types with the same description are the same for users. */
function typeOf(schema) {
  if (typeof schema.$ref === "string") return schemaName(schema.$ref) ?? schema.$ref;
  for (const union of ["oneOf", "anyOf", "allOf"]) {
    if (schema[union] !== undefined) return `${union}(${schema[union].map(typeOf).join(", ")})`;
  }
  const values = schema.enum === undefined ? "" : ` of ${schema.enum.map(String).join(" | ")}`;
  const base = Array.isArray(schema.type) ? [...schema.type].sort().join(" | ") : (schema.type ?? "any");
  const items = schema.items === undefined ? "" : ` of ${typeOf(schema.items)}`;
  const open =
    typeof schema.additionalProperties === "object" ? ` of ${typeOf(schema.additionalProperties)}` : "";
  const format = schema.format === undefined ? "" : ` (${schema.format})`;
  return `${base}${items}${open}${values}${format}`;
}

function schemaName(reference) {
  return /^#\/components\/schemas\/([^/]+)$/.exec(reference)?.[1];
}

function resolve(document, node) {
  if (typeof node?.$ref !== "string") return node;
  return node.$ref
    .slice(2)
    .split("/")
    .reduce((at, key) => at?.[key.replaceAll("~1", "/").replaceAll("~0", "~")], document);
}
