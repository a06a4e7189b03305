import { assertInteger, refuse } from "../../arguments.js";

const LARGEST = 65_535;

/** Refuses what is not the size of a terminal. */
export function assertSize(cols: unknown, rows: unknown): void {
  for (const [name, value] of Object.entries({ cols, rows })) {
    if (value === undefined) refuse(name, `an integer from 1 to ${LARGEST}`, value);
    assertInteger(value, name, 1, LARGEST);
  }
}
