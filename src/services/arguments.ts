import { InvalidArgumentException } from "../errors.js";
import type { ExecutionHandlers } from "../execution/handlers.js";
import { kindOf, shown } from "../transport/options.js";

/** What every method that waits for something takes. */
export interface CallOptions {
  /** Ends the call when it fires; the call then rejects with the signal's own reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Refuses anything but a string with more than blanks in it. */
export function assertText(value: unknown, name: string): asserts value is string {
  if (typeof value !== "string")
    throw new InvalidArgumentException(`${name} must be a string, not ${kindOf(value)}.`);
  if (value.trim() === "") throw new InvalidArgumentException(`${name} must not be blank.`);
}

/** As {@link assertText}; `undefined` passes. */
export function assertOptionalText(value: unknown, name: string): asserts value is string | undefined {
  if (value !== undefined) assertText(value, name);
}

/** Refuses a duration that is not a number of seconds above 0; `undefined` passes. */
export function assertSeconds(value: unknown, name: string): asserts value is number | undefined {
  if (value === undefined) return;
  if (typeof value !== "number" || !Number.isFinite(value) || value <= 0) {
    throw new InvalidArgumentException(`${name} must be a number of seconds above 0, not ${shown(value)}.`);
  }
}

/** Refuses what is not a whole number from `minimum` to `maximum`; `undefined` passes. */
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
    throw new InvalidArgumentException(`${name} must be a whole number ${range}, not ${shown(value)}.`);
  }
}

/** Refuses anything but `true` and `false`; `undefined` passes. */
export function assertBoolean(value: unknown, name: string): asserts value is boolean | undefined {
  if (value !== undefined && typeof value !== "boolean") {
    throw new InvalidArgumentException(`${name} must be true or false, not ${kindOf(value)}.`);
  }
}

/** Refuses what cannot be called; `undefined` passes. */
export function assertFunction(value: unknown, name: string): void {
  if (value !== undefined && typeof value !== "function") {
    throw new InvalidArgumentException(`${name} must be a function, not ${kindOf(value)}.`);
  }
}

/** Refuses what is not a map from non-empty strings to strings; `undefined` passes. */
export function assertStringMap(
  value: unknown,
  name: string,
): asserts value is Readonly<Record<string, string>> | undefined {
  if (value === undefined) return;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new InvalidArgumentException(`${name} must be an object of strings, not ${kindOf(value)}.`);
  }
  for (const [key, entry] of Object.entries(value)) {
    if (key === "") throw new InvalidArgumentException(`${name} must not have an empty key.`);
    if (typeof entry !== "string") {
      throw new InvalidArgumentException(`${name}.${key} must be a string, not ${kindOf(entry)}.`);
    }
  }
}

/** As {@link assertStringMap}, for names that an operating system can hold. */
export function assertEnvironment(
  value: unknown,
  name: string,
): asserts value is Readonly<Record<string, string>> | undefined {
  assertStringMap(value, name);
  for (const [key, entry] of Object.entries(value ?? {})) {
    if (/[=\0]/.test(key))
      throw new InvalidArgumentException(`${name}: ${shown(key)} is no variable's name.`);
    if (entry.includes("\0")) throw new InvalidArgumentException(`${name}.${key} must not contain NUL.`);
  }
}

const HANDLER_NAMES = [
  "onEvent",
  "onInit",
  "onStdout",
  "onStderr",
  "onResult",
  "onError",
  "onExecutionComplete",
] as const satisfies readonly (keyof ExecutionHandlers)[];

/** Refuses handlers that cannot be called. Other properties are the caller's own affair. */
export function assertHandlers(value: unknown): asserts value is ExecutionHandlers | undefined {
  if (value === undefined) return;
  if (typeof value !== "object" || value === null) {
    throw new InvalidArgumentException(`handlers must be an object of functions, not ${kindOf(value)}.`);
  }
  const handlers: Readonly<Record<string, unknown>> = { ...value };
  for (const name of HANDLER_NAMES) {
    assertFunction(handlers[name], `handlers.${name}`);
  }
}
