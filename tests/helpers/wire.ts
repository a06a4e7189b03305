import type { ExecutionEvent } from "../../src/execution/event.js";

/** Encodes an event as execd does: snake_case, `text/plain` renamed, empty and zero fields left out. */
export function toWire(event: ExecutionEvent): Record<string, unknown> {
  const { type, timestamp } = event;
  switch (event.type) {
    case "init":
      return compact({ type, text: event.id, timestamp });
    case "stdout":
    case "stderr":
    case "status":
      return compact({ type, text: event.text, timestamp });
    case "result": {
      const { "text/plain": text, ...others } = event.results;
      return compact({ type, timestamp, results: compact({ text, ...others }) });
    }
    case "error": {
      const { name: ename, value: evalue, traceback } = event.error;
      return compact({ type, timestamp, error: { ename, evalue, traceback } });
    }
    case "execution_count":
      return compact({ type, execution_count: event.executionCount, timestamp });
    case "execution_complete":
      return compact({ type, execution_time: event.executionTimeMs, timestamp });
    case "ping":
      return compact({ type, text: "pong", timestamp });
    default:
      return event.raw;
  }
}

/** Frames a value as execd does: a bare object and a blank line. */
export function bareFrame(value: unknown): string {
  return `${JSON.stringify(value)}\n\n`;
}

/** Frames a value in standard event-stream format. */
export function dataFrame(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

function compact(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).filter(([, value]) => value !== undefined && value !== "" && value !== 0),
  );
}
