import { InvalidArgumentException } from "../../errors.js";

/**
 * Permissions of a file: what its owner, its group and all others may do.
 *
 * - A **number** is the bits themselves, as everywhere in JavaScript: `0o644`, or the mode that `fs.stat` returns.
 * - A **string** is the octal digits, as `chmod` takes them: `"644"`, `"0644"` or `"0o644"`.
 *
 * `644` without `0o` is another number (`0o1204`) and refused, as is every number above `0o777`: servers ignore the bits
 * for setuid, setgid and sticky. Below that only `400`, `440`, `444` and `500` could be meant either way; they are
 * refused too, so that `0o620`, `0o670`, `0o674` and `0o764`, which are the same numbers, must be written as strings.
 * So is 0, which servers take for "leave it as it is".
 */
export type FileMode = number | string;

/** A mode in a form that one server and no person would write: decimal digits that are the octal ones. */
export type WireMode = number;

const AMBIGUOUS: readonly number[] = [400, 440, 444, 500];

/** Reads a mode. @throws {InvalidArgumentException} for anything that is not clearly one */
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

/** Tells whether a directory of that mode can be entered by everyone who has any permission on it. */
export function isSearchable(mode: WireMode): boolean {
  const bits = Number.parseInt(String(mode), 8);
  return (bits & 0o100) !== 0 && (((bits >> 1) | (bits >> 2)) & ~bits & 0o111) === 0;
}

function bitsOf(mode: unknown, name: string): number {
  if (typeof mode === "string") {
    const digits = /^0?o?([0-7]{3})$/.exec(mode)?.[1];
    if (digits !== undefined) return Number.parseInt(digits, 8);
    throw new InvalidArgumentException(
      `${name} must be three octal digits, such as "644", not ${JSON.stringify(mode)}.`,
    );
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
  throw new InvalidArgumentException(`${name} must be a number such as 0o644, or its digits as a string.`);
}
