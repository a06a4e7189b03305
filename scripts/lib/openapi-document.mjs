// Reads an OpenAPI document and rejects one that no client can be generated from.
import path from "node:path";
import redocly from "@redocly/openapi-core";

const { BaseResolver, createConfig, getLineColLocation, lintDocument } = redocly;

const config = await createConfig({
  rules: {
    struct: "error",
    "no-unresolved-refs": "error",
    "spec-components-invalid-map-name": "error",
    "path-parameters-defined": "error",
    "path-declaration-must-exist": "error",
    "no-identical-paths": "error",
    "security-defined": "error",
    "operation-parameters-unique": "error",
    "operation-operationId": "error",
    "operation-operationId-unique": "error",
    "operation-description": "error",
    "operation-tag-defined": "error",
    "parameter-description": "error",
    "no-enum-type-mismatch": "error",
    "no-required-schema-properties-undefined": "error",
    "no-invalid-media-type-examples": "error",
    "no-invalid-parameter-examples": "error",
    "no-invalid-schema-examples": "error",
    "rule/operation-operationId-camel-case": {
      subject: { type: "Operation", property: "operationId" },
      assertions: { casing: "camelCase" },
      message: "Operation ids are written in camelCase.",
      severity: "error",
    },
  },
});

/** A document that no client can be generated from. `faults` are lines of `file:line:column: what (rule)`. */
export class InvalidDocumentError extends Error {
  constructor(faults) {
    super(faults.join("\n"));
    this.faults = faults;
  }
}

/**
 * Reads a document and gives it parsed, as plain data.
 *
 * @param {string} file
 * @throws {InvalidDocumentError}
 */
export async function loadDocument(file) {
  const shown = showPath(file);
  const resolver = new BaseResolver(config.resolve);
  const document = await resolver.resolveDocument(null, path.resolve(file), true).catch((error) => error);
  if (document instanceof Error) {
    const { line, col, originalError = document } = document;
    const place = line === undefined ? shown : `${shown}:${line}:${col}`;
    throw new InvalidDocumentError([`${place}: ${originalError.message.split("\n", 1)[0]}`]);
  }
  const { parsed } = document;
  if (!/^3\.1\.\d+$/.test(parsed?.openapi ?? "")) {
    throw new InvalidDocumentError([
      `${shown}: openapi must be 3.1.x, and is ${parsed?.openapi ?? "missing"}.`,
    ]);
  }
  const problems = await lintDocument({ document, config: config.styleguide, externalRefResolver: resolver });
  const faults = problems
    .filter(({ severity }) => severity === "error")
    .map(({ message, ruleId, location: [at] }) => {
      const { source, start } = getLineColLocation(at);
      const where = showPath(source.absoluteRef);
      return `${where}:${start.line}:${start.col}: ${message.replaceAll(/\s+/g, " ").trim()} (${ruleId})`;
    });
  if (faults.length > 0) throw new InvalidDocumentError(faults);
  return parsed;
}

/** Shortens a path that is below the current directory. */
export function showPath(file) {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith("..") ? file : relative || ".";
}
