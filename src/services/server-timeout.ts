/** How much later than the client's deadline the server ends a command that the client could not stop. In seconds. */
const SERVER_TIMEOUT_MARGIN_SECONDS = 2;

/** Converts a time limit to execd's; `undefined` for none. */
export function serverTimeoutMillis(
  timeoutSeconds: number | undefined,
  marginSeconds = SERVER_TIMEOUT_MARGIN_SECONDS,
): number | undefined {
  return timeoutSeconds && Math.ceil((timeoutSeconds + marginSeconds) * 1_000);
}
