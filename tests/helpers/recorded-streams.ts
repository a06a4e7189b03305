import { bodyOf, type Exchange } from "./fixtures.js";
import { parseEvents, type WireRecord } from "./local-sandbox.js";

/**
 * What matters of an event stream: what was written to each output, and how it began and ended. Pings, times and the
 * order of the two outputs among each other are accidents.
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
    // An event of execd has a time, an error that comes instead of one has not.
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

/** Where execd runs a script, bash names its file and a line of it. */
function withoutPaths(text: string): string {
  return text.replace(/^(\/tmp\/execd_bash_\d+\.sh|bash): line \d+: /, "(where): ");
}
