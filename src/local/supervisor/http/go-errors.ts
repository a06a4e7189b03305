/** Formats system errors as Go, and so execd, does. */
import { errorCode, messageOf } from "../../wire/problem.js";

const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  E2BIG: "argument list too long",
  EACCES: "permission denied",
  EBUSY: "device or resource busy",
  EEXIST: "file exists",
  EFBIG: "file too large",
  EINVAL: "invalid argument",
  EISDIR: "is a directory",
  ELOOP: "too many levels of symbolic links",
  EMFILE: "too many open files",
  ENAMETOOLONG: "file name too long",
  ENOENT: "no such file or directory",
  ENOSPC: "no space left on device",
  ENOTDIR: "not a directory",
  ENOTEMPTY: "directory not empty",
  ENXIO: "no such device or address",
  EPERM: "operation not permitted",
  EROFS: "read-only file system",
  ETXTBSY: "text file busy",
  EXDEV: "invalid cross-device link",
};

/** Describes a system error, such as `stat /nope: no such file or directory`. */
export function describeSystemError(error: unknown): string {
  return SYSTEM_ERRORS[errorCode(error)] ?? messageOf(error);
}

const UNITS = [
  ["h", 3_600_000],
  ["m", 60_000],
] as const;

/** Formats a duration as Go does: `500ms`, `1.5s`, `1m30s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return milliseconds === 0 ? "0s" : `${milliseconds}ms`;
  let rest = milliseconds;
  let text = "";
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 || text !== "") text += `${count}${unit}`;
  }
  return `${text}${rest / 1000}s`;
}

/** Formats a time as Go's RFC3339Nano: in UTC, without trailing zeros in the fraction. */
export function formatNanoseconds(nanoseconds: bigint): string {
  const seconds = nanoseconds / 1_000_000_000n;
  const fraction = (nanoseconds % 1_000_000_000n).toString().padStart(9, "0").replace(/0+$/, "");
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${whole}${fraction === "" ? "" : `.${fraction}`}Z`;
}
