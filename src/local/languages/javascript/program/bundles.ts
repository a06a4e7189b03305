import { inspect } from "node:util";

const MIME_TYPE = /^[a-z]+\/[\w.+-]+$/;
/** The symbol that Deno's notebooks use. */
const DISPLAY = Symbol.for("Jupyter.display");

type Bundle = Readonly<Record<string, unknown>>;

/**
 * Returns the representations of a value by MIME type. A value provides them by a method `toMimeBundle()` or
 * `[Symbol.for("Jupyter.display")]()`, or by being an object whose keys are all MIME types.
 */
export function bundleOf(value: unknown): Bundle {
  const own = ownBundle(value);
  const encoded = Object.entries(own ?? {}).map(([mime, data]) => [mime, encode(data)] as const);
  return { "text/plain": inspect(value), ...Object.fromEntries(encoded) };
}

function ownBundle(value: unknown): Bundle | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  for (const name of [DISPLAY, "toMimeBundle"]) {
    const method: unknown = Reflect.get(value, name);
    if (typeof method !== "function") continue;
    const bundle: unknown = Reflect.apply(method, value, []);
    if (isPlain(bundle)) return bundle;
  }
  const isBundle = isPlain(value) && Object.keys(value).length > 0;
  return isBundle && Object.keys(value).every((key) => MIME_TYPE.test(key)) ? value : undefined;
}

function isPlain(value: unknown): value is Bundle {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function encode(data: unknown): unknown {
  if (data instanceof Uint8Array) return Buffer.from(data).toString("base64");
  return typeof data === "bigint" || typeof data === "function" || data === undefined ? String(data) : data;
}
