import { readFileSync } from "node:fs";
import os from "node:os";

const FRESH_MS = 1000;

/** The names of users and groups: Node knows only numbers. */
class Names {
  readonly #file: string;
  readonly #idField: number;
  #known: readonly string[][] = [];
  #readAt = -Infinity;

  constructor(file: string, idField: number) {
    this.#file = file;
    this.#idField = idField;
  }

  /** The name of an id, or the id where it has none. */
  nameOf(id: number): string {
    const found = this.#entries().find((fields) => fields[this.#idField] === String(id));
    return found?.[0] ?? String(id);
  }

  idOf(name: string): number | undefined {
    const found = this.#entries().find(([given]) => given === name)?.[this.#idField];
    if (found !== undefined) return Number(found);
    return /^\d+$/.test(name) ? Number(name) : undefined;
  }

  /** One field of an id's entry. */
  field(id: number, index: number): string | undefined {
    return this.#entries().find((fields) => fields[this.#idField] === String(id))?.[index];
  }

  // Read anew every second: a listing asks for each of its files, and the file may change.
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

/** The group that a user's processes have: a user that nobody knows has the group of the same number. */
export function primaryGroupOf(uid: number): number {
  const known = users.field(uid, 3);
  if (known !== undefined) return Number(known);
  const own = os.userInfo();
  return own.uid === uid ? own.gid : uid;
}
