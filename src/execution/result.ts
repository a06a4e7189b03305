/**
 * A value that the run showed, in one or more formats.
 *
 * `data` maps MIME types to what the kernel gave: strings for text types, base64 strings for binary ones (as Jupyter
 * sends them), any JSON value for `application/json`.
 *
 * @example
 * ```ts
 * const { results } = await interpreter.codes.run("1 + 1");
 * results[0]?.text; // "2"
 * ```
 */
export class ExecutionResult {
  /** Every format that was sent, by MIME type; nothing is dropped. */
  readonly data: Readonly<Record<string, unknown>>;
  /** When it was shown, in milliseconds since 1970 (UTC). */
  readonly timestamp: number;

  constructor(data: Readonly<Record<string, unknown>>, timestamp: number) {
    this.data = data;
    this.timestamp = timestamp;
  }

  /** The MIME types in which the value came. */
  get mimeTypes(): string[] {
    return Object.keys(this.data);
  }

  /** The `text/plain` form: for Python what `repr` gives; `undefined` where there is none. */
  get text(): string | undefined {
    const text = this.data["text/plain"];
    return typeof text === "string" ? text : undefined;
  }
}
