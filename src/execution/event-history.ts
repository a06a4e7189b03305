import { InvalidArgumentException } from "../errors.js";
import type { ExecutionEvent } from "./event.js";

/** The position of a loop over a run's events. */
export interface Reader {
  /** The number of the next event, from 0. */
  next: number;
}

/**
 * The events of a run, for the loops over them. Keeps all events, so that a later loop starts with the first one. If the
 * output is bounded, keeps only the events that a loop has not read yet.
 */
export class EventHistory {
  readonly #keepsAll: boolean;
  readonly #readers = new Set<Reader>();
  // The execution's messages are the same objects.
  #events: ExecutionEvent[] = [];
  #dropped = 0;

  constructor(keepsAll: boolean) {
    this.#keepsAll = keepsAll;
  }

  push(event: ExecutionEvent): void {
    if (!this.#keepsAll && this.#readers.size === 0) this.#dropped += 1;
    else this.#events.push(event);
  }

  /** @throws {InvalidArgumentException} if the first events have been dropped */
  join(): Reader {
    if (this.#dropped > 0) {
      throw new InvalidArgumentException(
        "With maxOutputBytes events are not kept: start the loop before the first one.",
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
    // Only when half of the list has been read, so that each event is moved at most once.
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
