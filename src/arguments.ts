import { InvalidArgumentException } from "./errors.js";
import { isRecord } from "./json.js";

/** Options of every method that waits for something. */
export interface CallOptions {
  /** Ends the call when it aborts; the call then rejects with the signal's own reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Names that other SDKs have for our options: without an error, a handler or a time limit would be ignored silently. */
const FOREIGN_OPTIONS: ReadonlyMap<string, string> = new Map([
  ["timeout", "timeoutSeconds, or signal: AbortSignal.timeout(milliseconds)"],
  ["timeoutMs", "timeoutSeconds, or signal: AbortSignal.timeout(milliseconds)"],
  ["envs", "env"],
  ["envVars", "env"],
  ["workingDirectory", "cwd"],
  ["apiKey", "connectionConfig.apiKey"],
  ["domain", "connectionConfig.domain"],
  ["healthCheckPollingInterval", "healthCheckPollingIntervalMillis"],
]);
const HANDLER_NAME = /^on(Init|Stdout|Stderr|Result|Error|ExecutionComplete|Event)$/;

/**
 * Returns the options. Refuses `null`, and a value that belongs into them, such as the language in `run(code, "go")`,
 * which would pass for options that say nothing.
 */
export function checkOptions<Options extends object>(options: Options, name = "options"): Options {
  // Callers in plain JavaScript may pass anything, whatever its type.
  const given: unknown = options;
  // Not the value itself: it may be a credential in the wrong place.
  if (!isRecord(given)) {
    throw new InvalidArgumentException(`${name} must be an object; got ${kindOf(given)}.`);
  }
  if (name !== "options") return options;
  // Other unknown properties are ignored, as everywhere in JavaScript.
  for (const key of Object.keys(given)) {
    const right = HANDLER_NAME.test(key) ? `handlers: { ${key} }` : FOREIGN_OPTIONS.get(key);
    if (right === undefined || given[key] === undefined) continue;
    throw new InvalidArgumentException(`${key} is not an option of this SDK; use ${right}.`);
  }
  return options;
}

/** Refuses anything but a string that is not blank. */
export function assertText(value: unknown, name: string): asserts value is string {
  if (typeof value !== "string") refuse(name, "a string", value);
  if (value.trim() === "") throw new InvalidArgumentException(`${name} must not be blank.`);
}

/** Does the same as {@link assertText}; `undefined` passes. */
export function assertOptionalText(value: unknown, name: string): asserts value is string | undefined {
  if (value !== undefined) assertText(value, name);
}

/** Refuses text with half of a surrogate pair in it: JSON in UTF-8 would turn it into another character. */
export function assertWellFormed(text: string, name: string): void {
  if (/\p{Surrogate}/u.test(text)) {
    throw new InvalidArgumentException(
      `${name} must be well-formed Unicode; it has half of a surrogate pair.`,
    );
  }
}

/** Refuses a duration that is not a positive number of seconds; `undefined` passes. */
export function assertSeconds(value: unknown, name: string): asserts value is number | undefined {
  if (value === undefined) return;
  if (typeof value !== "number" || !Number.isFinite(value) || value <= 0) {
    refuse(name, "a positive number of seconds", value);
  }
}

/** Refuses what is not an integer from `minimum` to `maximum`; `undefined` passes. */
export function assertInteger(
  value: unknown,
  name: string,
  minimum = 0,
  maximum = Number.MAX_SAFE_INTEGER,
): asserts value is number | undefined {
  if (value === undefined) return;
  if (typeof value !== "number" || !Number.isInteger(value) || value < minimum || value > maximum) {
    const range =
      maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
    refuse(name, `an integer ${range}`, value);
  }
}

/** Refuses anything but `true` and `false`; `undefined` passes. */
export function assertBoolean(value: unknown, name: string): asserts value is boolean | undefined {
  if (value !== undefined && typeof value !== "boolean") refuse(name, "true or false", value);
}

/** Refuses what cannot be called; `undefined` passes. */
export function assertFunction(value: unknown, name: string): void {
  if (value !== undefined && typeof value !== "function") refuse(name, "a function", value);
}

/** Refuses what is not one of a few strings. */
export function assertOneOf(value: unknown, name: string, allowed: readonly string[]): void {
  if (allowed.some((each) => each === value)) return;
  refuse(name, `one of ${allowed.map((each) => JSON.stringify(each)).join(", ")}`, value);
}

/** Refuses what is not an object whose keys are not empty and whose values are strings; `undefined` passes. */
export function assertStringMap(
  value: unknown,
  name: string,
): asserts value is Readonly<Record<string, string>> | undefined {
  if (value === undefined) return;
  if (!isRecord(value)) refuse(name, "an object of strings", value);
  for (const [key, entry] of Object.entries(value)) {
    if (key === "") throw new InvalidArgumentException(`${name} must not have an empty key.`);
    if (typeof entry !== "string") refuse(`${name}.${key}`, "a string", entry);
  }
}

/** Does the same as {@link assertStringMap}, for environment variables. */
export function assertEnvironment(
  value: unknown,
  name: string,
): asserts value is Readonly<Record<string, string>> | undefined {
  assertStringMap(value, name);
  for (const [key, entry] of Object.entries(value ?? {})) {
    if (/[=\0]/.test(key)) {
      throw new InvalidArgumentException(`${name}: ${shown(key)} is not a valid name of a variable.`);
    }
    if (entry.includes("\0")) throw new InvalidArgumentException(`${name}.${key} must not contain NUL.`);
  }
}

/** @throws {InvalidArgumentException} "name must be expected; got value." */
export function refuse(name: string, expected: string, value: unknown): never {
  throw new InvalidArgumentException(`${name} must be ${expected}; got ${shown(value)}.`);
}

/** Shows a value in a message; for most values other than strings and numbers only its type, since an object may have no text. */
export function shown(value: unknown): string {
  if (typeof value === "string")
    return JSON.stringify(value.length > 100 ? `${value.slice(0, 100)}…` : value);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return kindOf(value);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "string" ? "a string" : typeof value;
}
