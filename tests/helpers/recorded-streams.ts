import { bodyOf, type Exchange } from "./fixtures.js";
import { parseEvents, type WireRecord } from "./local-sandbox.js";

/**
 * Returns the parts of an event stream that are reproducible: the text of each output, the beginning and the end.
 * Pings, times and the order between the two outputs vary.
 */
export function essence(text: string): Record<string, unknown> {
  const events = parseEvents(text).filter(({ type }) => type !== "ping");
  const isOutput = ({ type }: WireRecord) => type === "stdout" || type === "stderr";
  const written = (wanted: string) =>
    events.filter(({ type }) => type === wanted).map((event) => withoutPaths(String(event["text"])));
  const [first, ...rest] = events.filter((event) => !isOutput(event));
  return {
    first: first?.type,
    stdout: written("stdout"),
    stderr: written("stderr"),
    // Events of execd have a timestamp; an error in place of one has none.
    rest: rest.map((event) => ({
      ...event,
      ...("timestamp" in event && { timestamp: 0 }),
      execution_time: 0,
    })),
  };
}

export function recordedEssence(exchange: Exchange): Record<string, unknown> {
  return essence(bodyOf(exchange));
}

export function isStream({ response }: Exchange): boolean {
  const type = Object.entries(response.headers).find(([name]) => name.toLowerCase() === "content-type")?.[1];
  return type === "text/event-stream";
}

/** Removes the file name and line that bash prints for a script of execd. */
function withoutPaths(text: string): string {
  return text.replace(/^(\/tmp\/execd_bash_\d+\.sh|bash): line \d+: /, "(where): ");
}
