/** What every server reads from a field. */
type CommonType = "boolean" | "list" | "string";

/** The names and indexes that lead to a value in a body. */
export type Place = readonly (string | number)[];

/**
 * Reads a JSON object of a request field by field; `null` counts as absent. Each server has a subclass, which says what is
 * wrong with a value in the words of that server, and adds the types of fields that only that server has.
 */
export abstract class JsonFields<OwnType extends string> {
  protected readonly values: Readonly<Record<string, unknown>>;
  protected readonly place: Place;

  constructor(values: Readonly<Record<string, unknown>>, place: Place) {
    this.values = values;
    this.place = place;
  }

  /** Reports a value of another type: throws, or records it. */
  protected abstract mismatch(type: CommonType | OwnType, place: Place, value: unknown): void;

  has(name: string): boolean {
    return this.values[name] !== undefined && this.values[name] !== null;
  }

  boolean(name: string): boolean {
    return this.read(name, "boolean", isBoolean) ?? false;
  }

  /** Reads a list of strings. Other items are reported and left out. */
  strings(name: string): string[] | undefined {
    const list: unknown[] | undefined = this.read(name, "list", Array.isArray);
    return list?.filter((item, index): item is string => {
      if (typeof item === "string") return true;
      this.mismatch("string", [...this.place, name, index], item);
      return false;
    });
  }

  /** Returns a field of one type, or `undefined` if it is absent or was reported. */
  protected read<T>(
    name: string,
    type: CommonType | OwnType,
    matches: (value: unknown) => value is T,
  ): T | undefined {
    const value = this.values[name] ?? undefined;
    if (value === undefined || matches(value)) return value;
    this.mismatch(type, [...this.place, name], value);
    return undefined;
  }
}

export function isString(value: unknown): value is string {
  return typeof value === "string";
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === "boolean";
}
