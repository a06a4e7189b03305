import { readFileSync } from "node:fs";
import os from "node:os";

const FRESH_MS = 1000;

/** Looks up names of users and groups. Node.js knows only their numbers. */
class Names {
  readonly #file: string;
  readonly #idField: number;
  #known: readonly string[][] = [];
  #readAt = -Infinity;

  constructor(file: string, idField: number) {
    this.#file = file;
    this.#idField = idField;
  }

  /** Returns the name of an id, or the id itself if it has none. */
  nameOf(id: number): string {
    const found = this.#entries().find((fields) => fields[this.#idField] === String(id));
    return found?.[0] ?? String(id);
  }

  idOf(name: string): number | undefined {
    const found = this.#entries().find(([given]) => given === name)?.[this.#idField];
    if (found !== undefined) return Number(found);
    return /^\d+$/.test(name) ? Number(name) : undefined;
  }

  /** Returns one field of an id's entry. */
  field(id: number, index: number): string | undefined {
    return this.#entries().find((fields) => fields[this.#idField] === String(id))?.[index];
  }

  // Cached for a second: a listing looks up every file, but the entries may change.
  #entries(): readonly string[][] {
    if (performance.now() - this.#readAt < FRESH_MS) return this.#known;
    this.#readAt = performance.now();
    try {
      const lines = readFileSync(this.#file, "utf8").split("\n");
      this.#known = lines.map((line) => line.split(":"));
    } catch {
      this.#known = [];
    }
    return this.#known;
  }
}

export const users = new Names("/etc/passwd", 2);
export const groups = new Names("/etc/group", 2);

/** Returns the group of a user's processes: for an unknown user, the group with the same number. */
export function primaryGroupOf(uid: number): number {
  const known = users.field(uid, 3);
  if (known !== undefined) return Number(known);
  const own = os.userInfo();
  return own.uid === uid ? own.gid : uid;
}
