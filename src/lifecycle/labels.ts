import { assertStringMap } from "../arguments.js";
import { InvalidArgumentException } from "../errors.js";

/** What a value of a label that is not empty looks like, and the name of its key. */
export const LABEL_VALUE = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const PREFIX = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const RESERVED_PREFIX = "opensandbox.io";

/**
 * Asserts that metadata conforms to the rules of Kubernetes labels, which all servers apply. Accepts `undefined`, and
 * `null` for a value that a patch deletes.
 */
export function assertLabels(
  value: unknown,
  field: string,
  { isPatch = false }: { readonly isPatch?: boolean } = {},
): asserts value is Readonly<Record<string, string>> | undefined {
  const set: unknown = isPatch ? withoutDeletions(value) : value;
  assertStringMap(set, field);
  for (const [key, label] of Object.entries(set ?? {})) {
    const [name = "", prefix, ...more] = key.split("/").reverse();
    const at = `${field}[${JSON.stringify(key)}]`;
    if (!LABEL_VALUE.test(name) || (prefix !== undefined && !PREFIX.test(prefix)) || more.length > 0) {
      throw new InvalidArgumentException(`${at} must have a valid label key of Kubernetes.`);
    }
    if (prefix === RESERVED_PREFIX) throw new InvalidArgumentException(`${at}: ${prefix}/ is reserved.`);
    if (label !== "" && !LABEL_VALUE.test(label)) {
      throw new InvalidArgumentException(`${at} must be a valid label value of Kubernetes.`);
    }
  }
}

/** Checks the labels of a filter and encodes them: the query parameter is a query string itself. */
export function toLabelQuery(metadata: Readonly<Record<string, string>> = {}): string | undefined {
  assertStringMap(metadata, "metadata");
  return new URLSearchParams(metadata).toString() || undefined;
}

function withoutDeletions(patch: unknown): unknown {
  // `undefined` would mean that no map was passed.
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch ?? null;
  return Object.fromEntries(
    Object.entries(patch).map(([key, value]: [string, unknown]) => [key, value ?? ""]),
  );
}
