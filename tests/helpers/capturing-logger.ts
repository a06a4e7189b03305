import type { Logger } from "../../src/logging.js";

/** A logger that keeps every record as `level message`. */
export class CapturingLogger implements Logger {
  readonly records: string[] = [];

  debug(message: string): void {
    this.records.push(`debug ${message}`);
  }
  info(message: string): void {
    this.records.push(`info ${message}`);
  }
  warn(message: string): void {
    this.records.push(`warn ${message}`);
  }
  error(message: string): void {
    this.records.push(`error ${message}`);
  }
}
