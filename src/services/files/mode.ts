import { refuse } from "../../arguments.js";
import { InvalidArgumentException } from "../../errors.js";

/**
 * The permissions of a file for its owner, its group and all others.
 *
 * - A **number** is the permission bits, such as `0o644` or the mode from `fs.stat`.
 * - A **string** is the octal digits, as for `chmod`: `"644"`, `"0644"` or `"0o644"`.
 *
 * Numbers above `0o777` are rejected, since servers ignore the bits for setuid, setgid and sticky. This includes `644`
 * without `0o`, which is `0o1204`. The numbers `400`, `440`, `444` and `500` are rejected, too, since they could be meant
 * either way: write `0o620`, `0o670`, `0o674` and `0o764`, which are the same numbers, as strings. 0 is rejected because
 * servers then leave the mode unchanged.
 */
export type FileMode = number | string;

/** A mode on the wire: a number whose decimal digits are the octal digits of the mode. */
export type WireMode = number;

const AMBIGUOUS: readonly number[] = [400, 440, 444, 500];

/** Converts a mode to its wire format. @throws {InvalidArgumentException} if it is invalid or ambiguous */
export function toWireMode(mode: unknown, name: string): WireMode {
  const bits = bitsOf(mode, name);
  if (bits === 0)
    throw new InvalidArgumentException(`${name} must not be 0: servers leave a file as it is then.`);
  return Number(bits.toString(8));
}

/** Returns the octal digits of a mode, at least three of them. */
export function fromWireMode(mode: WireMode): string {
  return String(mode).padStart(3, "0");
}

/** Returns whether a directory with this mode can be entered by everyone who has any permission for it. */
export function isSearchable(mode: WireMode): boolean {
  const bits = Number.parseInt(String(mode), 8);
  return (bits & 0o100) !== 0 && (((bits >> 1) | (bits >> 2)) & ~bits & 0o111) === 0;
}

function bitsOf(mode: unknown, name: string): number {
  if (typeof mode === "string") {
    const digits = /^0?o?([0-7]{3})$/.exec(mode)?.[1];
    if (digits !== undefined) return Number.parseInt(digits, 8);
  }
  if (typeof mode === "number" && Number.isInteger(mode) && mode >= 0) {
    const octal = `0o${mode.toString(8)}`;
    const isOctalLooking = /^[0-7]{3}$/.test(String(mode));
    if (AMBIGUOUS.includes(mode) || (mode > 0o777 && isOctalLooking)) {
      throw new InvalidArgumentException(
        `${name} ${mode} is ${octal}; write 0o${mode} or "${mode}"${mode > 0o777 ? "" : `, or "${octal.slice(2)}"`}.`,
      );
    }
    if (mode <= 0o777) return mode;
    throw new InvalidArgumentException(`${name} must not be above 0o777, and ${mode} is ${octal}.`);
  }
  return refuse(name, 'a number such as 0o644 or a string such as "644"', mode);
}
