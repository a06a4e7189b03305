import { InvalidArgumentException } from "../../../errors.js";

/**
 * Faults of a sandbox of the local server, to test how a program handles them. Each one was observed on a real server
 * or network. All are off by default.
 */
export interface Faults {
  /** Code runs report `execution_complete` before their output, as the real server usually does. */
  readonly earlyCompletion?: boolean | undefined;
  /**
   * Milliseconds between the last event of a run and the end of its response. The real server takes 1000 for commands.
   */
  readonly closingDelayMillis?: number | undefined;
  /** Code runs lose their results and execution counts. */
  readonly lostResult?: boolean | undefined;
  /**
   * Code runs are rejected as if another run were in progress in their context: an error in the stream, after status
   * 200.
   */
  readonly busy?: boolean | undefined;
  /** Runs fail after their `init` event with this error in the stream, after status 200. */
  readonly inBandError?: { readonly code: string; readonly message: string } | undefined;
  /** The connection breaks after this number of bytes of an event stream or a download. */
  readonly cutAtByte?: number | undefined;
  /** With {@link cutAtByte}: the body ends there as if it were complete, instead of breaking. */
  readonly cutCleanly?: boolean | undefined;
  /** Nothing follows after this number of bytes of an event stream or a download, and the connection stays open. */
  readonly stallAtByte?: number | undefined;
  /** A run whose kernel dies never ends, and its context stays busy until it is deleted. */
  readonly hangAfterKernelDeath?: boolean | undefined;
  /** The share of requests to a sandbox that fail with 502, from 0 to 1. With 0.25, exactly every fourth fails. */
  readonly badGatewayRate?: number | undefined;
  /** A new sandbox responds with 502 for this many milliseconds. */
  readonly slowStartMillis?: number | undefined;
  /** A sandbox expires after this number of milliseconds, regardless of its timeout. */
  readonly expiresInMillis?: number | undefined;
}

type FaultName = keyof Faults;

/** Fails to compile if a fault is added without a check. */
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

/** The faults of a server: those of single sandboxes override those of all. */
export class FaultRegistry {
  #ofAll: Faults = {};
  readonly #ofSandbox = new Map<string, Faults>();

  /** Replaces the faults of a sandbox, or of `"all"`. @throws {InvalidArgumentException} */
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

/** Validates faults. @throws {InvalidArgumentException} if a fault is unknown or its value is invalid */
export function checkFaults(faults: Faults): Faults {
  for (const [name, value] of Object.entries(faults)) {
    if (!isFaultName(name)) {
      throw new InvalidArgumentException(
        `faults has no "${name}". Known faults: ${Object.keys(CHECKS).join(", ")}`,
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
  return Number.isSafeInteger(value) && Number(value) >= 0 ? undefined : "a whole number of at least 0";
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
