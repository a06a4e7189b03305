/** Timestamps in the lifecycle server's format: RFC 3339 in UTC. Internally they are microseconds since 1970. */

/** Returns the current time in microseconds since 1970. */
export function now(): number {
  return Date.now() * 1000;
}

/**
 * The end of the year 9999, the latest time in RFC 3339. Rounded to milliseconds, as a number is not more precise
 * there.
 */
export const LATEST = (Date.UTC(10_000, 0) - 1) * 1000;

/** Formats a time, such as `2026-11-23T17:02:20.207151Z`. A fraction of zero is left out. */
export function formatTime(micros: number): string {
  const seconds = new Date(Math.floor(micros / 1_000_000) * 1000).toISOString().slice(0, 19);
  const fraction = micros % 1_000_000;
  return fraction === 0 ? `${seconds}Z` : `${seconds}.${String(fraction).padStart(6, "0")}Z`;
}

const DATE_TIME =
  /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,9})\d*)?\s*([Zz]|[+-]\d{2}:?\d{2})?$/;

/**
 * Parses a timestamp as the lifecycle server does: with an offset, without one (UTC), or as seconds since 1970.
 *
 * @returns microseconds since 1970, or `undefined` if the value is not a valid timestamp or is after the year 9999
 */
export function parseTime(value: unknown): number | undefined {
  const micros = parseMicros(value);
  return micros !== undefined && Math.abs(micros) <= LATEST ? micros : undefined;
}

function parseMicros(value: unknown): number | undefined {
  if (typeof value === "number") return Math.round(value * 1_000_000);
  if (typeof value !== "string") return undefined;
  const [, date, time, fraction = "", offset = "Z"] = DATE_TIME.exec(value) ?? [];
  if (date === undefined || time === undefined) return undefined;
  const zone = /^z$/i.test(offset) ? "Z" : offset.replace(/^(...)(\d\d)$/, "$1:$2");
  const milliseconds = Date.parse(`${date}T${time}${zone}`);
  if (Number.isNaN(milliseconds)) return undefined;
  return milliseconds * 1000 + Number(fraction.slice(0, 6).padEnd(6, "0"));
}
