/** Points in time as the lifecycle server writes them: RFC 3339 in UTC, in microseconds since 1970 inside. */

/** Now, in microseconds since 1970. */
export function now(): number {
  return Date.now() * 1000;
}

/** The year 9999 ends here: what is later has no place in RFC 3339. To the millisecond, as a number has no digits for more. */
export const LATEST = (Date.UTC(10_000, 0) - 1) * 1000;

/** `2026-11-23T17:02:20.207151Z`; without a fraction where that is zero. */
export function formatTime(micros: number): string {
  const seconds = new Date(Math.floor(micros / 1_000_000) * 1000).toISOString().slice(0, 19);
  const fraction = micros % 1_000_000;
  return fraction === 0 ? `${seconds}Z` : `${seconds}.${String(fraction).padStart(6, "0")}Z`;
}

const DATE_TIME =
  /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,9})\d*)?\s*([Zz]|[+-]\d{2}:?\d{2})?$/;

/**
 * Reads a point in time as the lifecycle server does: with an offset, without one (then it is UTC), or as a number of
 * seconds since 1970.
 *
 * @returns microseconds since 1970; `undefined` if the value is not a point in time, or lies after the year 9999
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
