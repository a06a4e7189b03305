import { InvalidArgumentException } from "./errors.js";
import { isRecord } from "./json.js";

/** Options of every asynchronous method. */
export interface CallOptions {
  /** Aborts the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Option names of other SDKs. Without an error, a handler or a time limit would be ignored silently. */
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
/** The names of the handlers of runs. */
export const HANDLER_NAME = /^on(Init|Stdout|Stderr|Result|Error|ExecutionComplete|Event|Input)$/;

/**
 * Asserts that a value is an object and contains no option names of other SDKs, and returns it. A string, as in
 * `run(code, "go")`, would otherwise be taken for empty options.
 */
export function checkOptions<Options extends object>(options: Options, name = "options"): Options {
  // Callers in plain JavaScript can pass any value.
  const given: unknown = options;
  // Do not show the value: it may be a credential.
  if (!isRecord(given)) {
    throw new InvalidArgumentException(`${name} must be an object; got ${kindOf(given)}.`);
  }
  if (name !== "options") return options;
  // Other unknown properties are ignored, as usual in JavaScript.
  for (const key of Object.keys(given)) {
    const right = HANDLER_NAME.test(key) ? `handlers: { ${key} }` : FOREIGN_OPTIONS.get(key);
    if (right === undefined || given[key] === undefined) continue;
    throw new InvalidArgumentException(`${key} is not an option of this SDK; use ${right}.`);
  }
  return options;
}

/** Asserts that a value is a string that is not blank. */
export function assertText(value: unknown, name: string): asserts value is string {
  if (typeof value !== "string") refuse(name, "a string", value);
  if (value.trim() === "") throw new InvalidArgumentException(`${name} must not be blank.`);
}

/** Like {@link assertText}, but accepts `undefined`. */
export function assertOptionalText(value: unknown, name: string): asserts value is string | undefined {
  if (value !== undefined) assertText(value, name);
}

/** Asserts that a text has no lone surrogates. UTF-8 cannot encode them, so that the server would receive another text. */
export function assertWellFormed(text: string, name: string): void {
  if (/\p{Surrogate}/u.test(text)) {
    throw new InvalidArgumentException(`${name} must be well-formed Unicode.`);
  }
}

/** Asserts that a value is a positive number of seconds or `undefined`. */
export function assertSeconds(value: unknown, name: string): asserts value is number | undefined {
  if (value === undefined) return;
  if (typeof value !== "number" || !Number.isFinite(value) || value <= 0) {
    refuse(name, "a positive number of seconds", value);
  }
}

/** Asserts that a value is an integer from `minimum` to `maximum` or `undefined`. */
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

/** Asserts that a value is a boolean or `undefined`. */
export function assertBoolean(value: unknown, name: string): asserts value is boolean | undefined {
  if (value !== undefined && typeof value !== "boolean") refuse(name, "true or false", value);
}

/** Asserts that a value is a user or group id of Linux or `undefined`. */
export function assertUnixId(value: unknown, name: string): asserts value is number | undefined {
  assertInteger(value, name, 0, 2 ** 32 - 1);
}

/** Asserts that a value is a function or `undefined`. */
export function assertFunction(value: unknown, name: string): void {
  if (value !== undefined && typeof value !== "function") refuse(name, "a function", value);
}

/** Asserts that a value is a list. */
export function assertList(value: unknown, name: string): asserts value is readonly unknown[] {
  if (!Array.isArray(value)) refuse(name, "a list", value);
}

/** Asserts that a value is a program and its arguments. */
export function assertProgram(value: unknown, name: string): void {
  assertList(value, name);
  if (value.length === 0 || value.some((word) => typeof word !== "string")) {
    throw new InvalidArgumentException(`${name} must be a list of at least one string.`);
  }
}

/** Asserts that a value is one of the allowed strings. */
export function assertOneOf(value: unknown, name: string, allowed: readonly string[]): void {
  if (allowed.some((each) => each === value)) return;
  refuse(name, `one of ${allowed.map((each) => JSON.stringify(each)).join(", ")}`, value);
}

/** Asserts that a value is an object with non-empty keys and strings as values, or `undefined`. */
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

/** Asserts that a value is a map of environment variables or `undefined`. */
export function assertEnvironment(
  value: unknown,
  name: string,
): asserts value is Readonly<Record<string, string>> | undefined {
  assertStringMap(value, name);
  for (const [key, entry] of Object.entries(value ?? {})) {
    if (/[=\0]/.test(key)) {
      throw new InvalidArgumentException(`${name}: ${shown(key)} is not a valid variable name.`);
    }
    if (entry.includes("\0")) throw new InvalidArgumentException(`${name}.${key} must not contain NUL.`);
  }
}

/** @throws {InvalidArgumentException} "name must be expected; got value." */
export function refuse(name: string, expected: string, value: unknown): never {
  throw new InvalidArgumentException(`${name} must be ${expected}; got ${shown(value)}.`);
}

/** Formats a value for a message. For most values other than strings, numbers and booleans, returns the type. */
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
