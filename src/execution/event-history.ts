import { InvalidArgumentException } from "../errors.js";
import type { ExecutionEvent } from "./event.js";

/** Where a loop over a run's events is. */
export interface Reader {
  /** The number of the next event, from 0. */
  next: number;
}

/**
 * The events of a run, for the loops over them. It keeps all, so that a later loop begins with the first; or, where
 * output is bounded, only what a loop has still to see.
 */
export class EventHistory {
  readonly #keepsAll: boolean;
  readonly #readers = new Set<Reader>();
  // By reference: the execution's messages are these same objects.
  #events: ExecutionEvent[] = [];
  #dropped = 0;

  constructor(keepsAll: boolean) {
    this.#keepsAll = keepsAll;
  }

  push(event: ExecutionEvent): void {
    if (!this.#keepsAll && this.#readers.size === 0) this.#dropped += 1;
    else this.#events.push(event);
  }

  /** @throws {InvalidArgumentException} where the first events are gone */
  join(): Reader {
    if (this.#dropped > 0) {
      throw new InvalidArgumentException(
        "With maxOutputBytes the events of a run are not kept: begin the loop before the first of them.",
      );
    }
    const reader = { next: 0 };
    if (!this.#keepsAll) this.#readers.add(reader);
    return reader;
  }

  leave(reader: Reader): void {
    this.#readers.delete(reader);
    if (!this.#keepsAll) this.#drop();
  }

  /** Returns the reader's next event; `undefined` until there is one. */
  take(reader: Reader): ExecutionEvent | undefined {
    const event = this.#events[reader.next - this.#dropped];
    if (event === undefined) return undefined;
    reader.next += 1;
    // When half of the list is seen, so that each event is moved once.
    if (!this.#keepsAll && (reader.next - this.#dropped) * 2 > this.#events.length) this.#drop();
    return event;
  }

  #drop(): void {
    const total = this.#dropped + this.#events.length;
    const seen = Math.min(total, ...[...this.#readers].map(({ next }) => next)) - this.#dropped;
    if (seen === 0) return;
    this.#events = this.#events.slice(seen);
    this.#dropped += seen;
  }
}
