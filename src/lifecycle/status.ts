import { expectDate, expectText, type ResponseInfo } from "../transport/response.js";

/** Where a sandbox or a snapshot is in its life, and why. */
export interface Status<State extends string> {
  readonly state: State;
  /** A word for programs, such as `CONTAINER_RUNNING`. */
  readonly reason: string | undefined;
  /** A sentence for people. */
  readonly message: string | undefined;
  /** When it came to be in this state. */
  readonly lastTransitionAt: Date | undefined;
}

/** Converts a status; accepts any state. @throws {SandboxApiException} `UNEXPECTED_RESPONSE` if the state is missing */
export function toStatus(
  wire:
    | {
        readonly state?: string;
        readonly reason?: string;
        readonly message?: string;
        readonly lastTransitionAt?: string;
      }
    | undefined,
  call: ResponseInfo,
): Status<string> {
  return {
    state: expectText(wire?.state, "status.state", call),
    reason: wire?.reason ?? undefined,
    message: wire?.message ?? undefined,
    lastTransitionAt: optionalDate(wire?.lastTransitionAt, "status.lastTransitionAt", call),
  };
}

/** Converts an optional timestamp. @throws {SandboxApiException} `UNEXPECTED_RESPONSE` if it is not a valid timestamp */
export function optionalDate(value: unknown, field: string, call: ResponseInfo): Date | undefined {
  // Real servers omit null fields; others may send null.
  return value === undefined || value === null ? undefined : expectDate(value, field, call);
}
