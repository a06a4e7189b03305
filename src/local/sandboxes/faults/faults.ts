import { InvalidArgumentException } from "../../../errors.js";

/**
 * How a sandbox of the local server is to misbehave, so that a program's handling of it can be tested. Each of these
 * has been seen of a real server, or of a network. Nothing is on by default.
 */
export interface Faults {
  /** Code runs report `execution_complete` before their output, as the real server mostly does. */
  readonly earlyCompletion?: boolean | undefined;
  /** The answer to a run ends only so many milliseconds after its last event; the real server takes 1000 for commands. */
  readonly closingDelayMillis?: number | undefined;
  /** Code runs lose their results, and the execution counts with them. */
  readonly lostResult?: boolean | undefined;
  /** Code runs are refused as if another one were under way in their context: in the stream, after status 200. */
  readonly busy?: boolean | undefined;
  /** Runs fail after their `init` event with this error in the stream, after status 200. */
  readonly inBandError?: { readonly code: string; readonly message: string } | undefined;
  /** The connection breaks when so many bytes of an event stream or a download have been sent. */
  readonly cutAtByte?: number | undefined;
  /** With {@link cutAtByte}: the body ends there as if it were complete, instead of breaking. */
  readonly cutCleanly?: boolean | undefined;
  /** Nothing follows when so many bytes of an event stream or a download have been sent, and the connection stays open. */
  readonly stallAtByte?: number | undefined;
  /** A run whose kernel dies never ends, and its context stays busy until it is deleted. */
  readonly hangAfterKernelDeath?: boolean | undefined;
  /** The part of the requests to a sandbox that is answered with 502, from 0 to 1; 0.25 is exactly every fourth. */
  readonly badGatewayRate?: number | undefined;
  /** A sandbox answers with 502 in its first so many milliseconds. */
  readonly slowStartMillis?: number | undefined;
  /** A sandbox is gone after so many milliseconds, whatever its timeout says. */
  readonly expiresInMillis?: number | undefined;
}

type FaultName = keyof Faults;

/** Fails to compile when a fault is added that nobody checks. */
const CHECKS: Readonly<Record<FaultName, (value: unknown) => string | undefined>> = {
  earlyCompletion: expectBoolean,
  closingDelayMillis: expectCount,
  lostResult: expectBoolean,
  busy: expectBoolean,
  inBandError: expectInBandError,
  cutAtByte: expectCount,
  cutCleanly: expectBoolean,
  stallAtByte: expectCount,
  hangAfterKernelDeath: expectBoolean,
  badGatewayRate: expectRate,
  slowStartMillis: expectCount,
  expiresInMillis: expectCount,
};

/** The faults of a server: those of every sandbox, and over them those of single ones. */
export class FaultRegistry {
  #ofAll: Faults = {};
  readonly #ofSandbox = new Map<string, Faults>();

  /** Replaces what was set for a sandbox, or for `"all"`. @throws {InvalidArgumentException} */
  set(target: string, faults: Faults): void {
    const checked = checkFaults(faults);
    if (target === "all") this.#ofAll = checked;
    else this.#ofSandbox.set(target, checked);
  }

  get(sandboxId: string): Faults {
    return { ...this.#ofAll, ...this.#ofSandbox.get(sandboxId) };
  }

  forget(sandboxId: string): void {
    this.#ofSandbox.delete(sandboxId);
  }
}

/** @throws {InvalidArgumentException} if a fault is unknown or its value is invalid */
export function checkFaults(faults: Faults): Faults {
  for (const [name, value] of Object.entries(faults)) {
    if (!isFaultName(name)) {
      throw new InvalidArgumentException(
        `faults has no "${name}"; there are ${Object.keys(CHECKS).join(", ")}`,
      );
    }
    const expected = value === undefined ? undefined : CHECKS[name](value);
    if (expected !== undefined) {
      throw new InvalidArgumentException(`faults.${name} must be ${expected}; got ${JSON.stringify(value)}`);
    }
  }
  return { ...faults };
}

function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(CHECKS, name);
}

function expectBoolean(value: unknown): string | undefined {
  return typeof value === "boolean" ? undefined : "true or false";
}

function expectCount(value: unknown): string | undefined {
  return Number.isSafeInteger(value) && Number(value) >= 0 ? undefined : "a whole number from 0";
}

function expectRate(value: unknown): string | undefined {
  return typeof value === "number" && value >= 0 && value <= 1 ? undefined : "a number from 0 to 1";
}

function expectInBandError(value: unknown): string | undefined {
  const fits =
    typeof value === "object" &&
    value !== null &&
    "code" in value &&
    typeof value.code === "string" &&
    "message" in value &&
    typeof value.message === "string";
  return fits ? undefined : "{ code, message }, both of them strings";
}
