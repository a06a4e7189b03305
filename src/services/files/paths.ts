import { assertList, assertText, assertWellFormed } from "../../arguments.js";
import { InvalidArgumentException } from "../../errors.js";

/** The total length of the encoded paths in one URL. Many gateways accept URLs of up to 8 KiB. */
const LONGEST_QUERY = 6_000;

/** Asserts that a value is a valid path. */
export function assertPath(path: unknown, name = "path"): asserts path is string {
  assertText(path, name);
  if (path.includes("\0")) throw new InvalidArgumentException(`${name} must not contain NUL.`);
  assertWellFormed(path, name);
}

/**
 * Asserts that a list has valid and distinct paths, and returns its entries. Servers do not define an order, and most would
 * handle only one of two entries with the same path.
 */
export function assertDistinct<Entry>(
  list: readonly Entry[],
  name: string,
  pathOf: (entry: Entry) => string,
  field?: string,
): [path: string, entry: Entry][] {
  // A string would be iterated as a list of its characters.
  assertList(list, name);
  const seen = new Set<string>();
  return list.map((entry: Entry, index) => {
    if (entry === null || entry === undefined)
      throw new InvalidArgumentException(`${name}[${index}] is missing.`);
    const path = pathOf(entry);
    const where = `${name}[${index}]${field === undefined ? "" : `.${field}`}`;
    assertPath(path, where);
    if (seen.has(path))
      throw new InvalidArgumentException(`${where}: ${JSON.stringify(path)} is given twice.`);
    seen.add(path);
    return [path, entry];
  });
}

/** Groups paths into requests whose URLs are not too long. */
export function inBatches(paths: readonly string[]): string[][] {
  const batches: string[][] = [];
  let room = 0;
  for (const path of paths) {
    const length = encodeURIComponent(path).length + "&path=".length;
    if (length > room || batches.length === 0) {
      batches.push([]);
      room = LONGEST_QUERY;
    }
    batches.at(-1)?.push(path);
    room -= length;
  }
  return batches;
}

/** Returns the parent directory in a path, if there is one. */
export function parentOf(path: string): string | undefined {
  const end = path.replace(/\/+$/, "").lastIndexOf("/");
  const parent = path.slice(0, Math.max(end, 0)).replace(/\/+$/, "");
  return parent === "" ? undefined : parent;
}
