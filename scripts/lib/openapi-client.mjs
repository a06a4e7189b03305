// Generates TypeScript source with a typed client from an OpenAPI document.
import redocly from "@redocly/openapi-core";

/** Marks a file as generated. */
export const HEADER_MARK = "Do not edit: change the document, and run `npm run generate`.";

// `loadDocument` has checked the document.
const noRules = await redocly.createConfig({ rules: {} });

/**
 * @param {object} document as `loadDocument` returns it
 * @param {string} name of the document, in kebab-case
 * @returns {Promise<string>} the file, identical for identical documents
 */
export async function renderClient(document, name) {
  // Loading the compiler takes most of a second, which an invalid document does not need.
  const [{ default: openapiTS, astToString }, { default: ts }] = await Promise.all([
    import("openapi-typescript"),
    import("typescript"),
  ]);
  const types = astToString(
    await openapiTS(asObserved(document), {
      redocly: noRules,
      silent: true,
      // A property with a default may be absent from a request.
      defaultNonNullable: false,
      emptyObjectsUnknown: true,
      transform: (schema) =>
        schema.format === "binary" ? ts.factory.createTypeReferenceNode("Blob") : undefined,
    }),
  );
  const subject = pascalCase(name);
  const title = document.info.title;
  return `/**
 * ${title}: types and client.
 *
 * Made from openapi/${name}.yaml. ${HEADER_MARK}
 */
import createClient, { type Client, type ClientOptions } from "openapi-fetch";

/** A typed \`fetch\` client of ${title}. */
export type ${subject}Client = Client<paths>;

/** Creates a client; its methods take the path of an operation, as in \`client.GET("/path", { params, … })\`. */
export function create${subject}Client(options: ClientOptions): ${subject}Client {
  return createClient<paths>(options);
}

${types}`;
}

/**
 * Returns the document as servers implement it: what it marks with `x-may-be-absent` is optional, although the contract
 * requires it, and what it marks with `x-since` says in its description which servers have it.
 */
function asObserved(node) {
  if (Array.isArray(node)) return node.map(asObserved);
  if (node === null || typeof node !== "object") return node;
  const copy = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, asObserved(value)]));
  if (typeof copy.in === "string" && copy["x-may-be-absent"] === true) copy.required = false;
  if (Array.isArray(copy.required)) {
    copy.required = copy.required.filter((name) => copy.properties?.[name]?.["x-may-be-absent"] !== true);
  }
  const since = copy["x-since"];
  if (typeof since === "string")
    copy.description = `${copy.description.trimEnd()}\n\nNeeds a server of ${since} or later.`;
  return copy;
}

function pascalCase(name) {
  return name.replaceAll(/(?:^|-)(\w)/g, (_, letter) => letter.toUpperCase());
}
