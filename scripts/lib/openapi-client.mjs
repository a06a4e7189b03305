// Makes a typed client, as the text of a TypeScript file, of an OpenAPI document.
import redocly from "@redocly/openapi-core";
import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";

/** By this a file is known to be generated. */
export const HEADER_MARK = "Do not edit: change the document, and run `npm run generate`.";

// The document has been looked at already.
const noRules = await redocly.createConfig({ rules: {} });

/**
 * @param {object} document as `loadDocument` gives it
 * @param {string} name of the document, in kebab-case
 * @returns {Promise<string>} the file, the same to the byte for the same document
 */
export async function renderClient(document, name) {
  const types = astToString(
    await openapiTS(withObservedOptionality(document), {
      redocly: noRules,
      silent: true,
      // A default is what the server takes without a value, so a request need not have one.
      defaultNonNullable: false,
      emptyObjectsUnknown: true,
      transform: binaryAsBlob,
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

/** Makes a client; its calls are named by their paths, as in \`client.GET("/path", { params, … })\`. */
export function create${subject}Client(options: ClientOptions): ${subject}Client {
  return createClient<paths>(options);
}

${types}`;
}

/**
 * The document as servers keep it: what it marks with `x-may-be-absent` is optional, although the contract requires
 * it. Types must not promise what does not come, nor demand what need not be sent.
 */
function withObservedOptionality(node) {
  if (Array.isArray(node)) return node.map(withObservedOptionality);
  if (node === null || typeof node !== "object") return node;
  const copy = Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, withObservedOptionality(value)]),
  );
  if (typeof copy.in === "string" && copy["x-may-be-absent"] === true) copy.required = false;
  if (Array.isArray(copy.required)) {
    copy.required = copy.required.filter((name) => copy.properties?.[name]?.["x-may-be-absent"] !== true);
  }
  return copy;
}

function binaryAsBlob(schema) {
  return schema.format === "binary" ? ts.factory.createTypeReferenceNode("Blob") : undefined;
}

function pascalCase(name) {
  return name.replaceAll(/(?:^|-)(\w)/g, (_, letter) => letter.toUpperCase());
}
