import { InvalidArgumentException } from "../errors.js";

/**
 * The same options. Refuses what cannot hold any: `null`, and a value that was to be in them, as the language in
 * `run(code, "go")`, which would pass for options that say nothing.
 */
export function checkOptions<Options extends object>(options: Options, name = "options"): Options {
  // Callers in plain JavaScript may give anything, whatever the type says.
  const given: unknown = options;
  if (typeof given === "object" && given !== null && !Array.isArray(given)) return options;
  throw new InvalidArgumentException(`${name} must be an object, not ${kindOf(given)}.`);
}

/** What sort of value it is, for messages. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : typeof value;
}

/** A value for messages; of most others than numbers and texts its kind alone, since an object may have no text. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  return typeof value === "number" || typeof value === "boolean" ? String(value) : kindOf(value);
}
