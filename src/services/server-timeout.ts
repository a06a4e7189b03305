/** The server's time limit is this much later than the client's, for a command that the client cannot stop. In seconds. */
export const SERVER_TIMEOUT_MARGIN_SECONDS = 2;

/** Converts a time limit to execd's milliseconds. `undefined` means no limit. */
export function serverTimeoutMillis(
  timeoutSeconds: number | undefined,
  marginSeconds = SERVER_TIMEOUT_MARGIN_SECONDS,
): number | undefined {
  return timeoutSeconds && Math.ceil((timeoutSeconds + marginSeconds) * 1_000);
}
