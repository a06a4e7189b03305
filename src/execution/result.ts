import { type Chart, CHART_MIME_TYPE, readChart } from "./chart.js";

/** The types whose values are text. Those of all other types are base64. */
const TEXT_TYPE = /^text\/|[/+](?:json|xml|javascript)$/;

/**
 * A value that a run displayed, in one or more formats.
 *
 * The properties return the common formats; {@link getText} and {@link getBytes} return any format. Each of them is
 * `undefined` if the value does not have that format.
 *
 * @example
 * ```ts
 * const { results } = await interpreter.codes.run("1 + 1");
 * results[0]?.text; // "2"
 * await results[0]?.toFile("answer.txt");
 * ```
 */
export class ExecutionResult {
  /**
   * All formats as the server sent them, by MIME type: strings for text types, base64 strings for binary types, any JSON
   * value for `application/json`.
   */
  readonly data: Readonly<Record<string, unknown>>;
  /** When it was displayed, in milliseconds since 1970-01-01 UTC. */
  readonly timestamp: number;
  /** The sizes in bytes, by MIME type, of formats that `maxOutputBytes` left out of {@link data}. */
  readonly omitted: Readonly<Record<string, number>>;

  constructor(
    data: Readonly<Record<string, unknown>>,
    timestamp: number,
    omitted: Readonly<Record<string, number>> = {},
  ) {
    this.data = data;
    this.timestamp = timestamp;
    this.omitted = omitted;
  }

  /** The MIME types of the value. */
  get mimeTypes(): string[] {
    return Object.keys(this.data);
  }

  /** `text/plain`. For Python the result of `repr`. */
  get text(): string | undefined {
    return this.getText("text/plain");
  }

  /** `text/html`. */
  get html(): string | undefined {
    return this.getText("text/html");
  }

  /** `text/markdown`. */
  get markdown(): string | undefined {
    return this.getText("text/markdown");
  }

  /** `text/latex`. */
  get latex(): string | undefined {
    return this.getText("text/latex");
  }

  /** `image/svg+xml`, as text. */
  get svg(): string | undefined {
    return this.getText("image/svg+xml");
  }

  /** `application/javascript`, as text. */
  get javascript(): string | undefined {
    return this.getText("application/javascript");
  }

  /** `application/json`: any JSON value. */
  get json(): unknown {
    return this.data["application/json"];
  }

  /**
   * What a figure of matplotlib or plotly shows, as data: `application/vnd.opensandbox.chart.v1+json`, which the local
   * server sends, and other servers after a setup (docs/results.md). Checked at each access; `undefined` for what is not
   * a chart that this version knows.
   */
  get chart(): Chart | undefined {
    return readChart(this.data[CHART_MIME_TYPE]);
  }

  /** `image/png`. Decoded at each access. */
  get png(): Uint8Array | undefined {
    return this.getBytes("image/png");
  }

  /** `image/jpeg`. Decoded at each access. */
  get jpeg(): Uint8Array | undefined {
    return this.getBytes("image/jpeg");
  }

  /** `application/pdf`. Decoded at each access. */
  get pdf(): Uint8Array | undefined {
    return this.getBytes("application/pdf");
  }

  /**
   * Returns a format as text: binary formats as base64, values other than strings as JSON (`undefined` if they are nested
   * too deeply).
   */
  getText(mimeType: string): string | undefined {
    const value = this.data[mimeType];
    if (typeof value === "string" || value === undefined) return value;
    // In the notebook format, a text can be a list of lines.
    const isText = TEXT_TYPE.test(mimeType) && !mimeType.endsWith("json");
    if (isText && Array.isArray(value) && value.every((line) => typeof line === "string")) {
      return value.join("");
    }
    try {
      return JSON.stringify(value);
    } catch {
      return undefined;
    }
  }

  /** Returns a format as bytes: binary formats decoded from base64, text encoded as UTF-8. */
  getBytes(mimeType: string): Uint8Array | undefined {
    const text = this.getText(mimeType);
    if (text === undefined) return undefined;
    const isBase64 = typeof this.data[mimeType] === "string" && !TEXT_TYPE.test(mimeType);
    return (isBase64 ? decodeBase64(text) : undefined) ?? new TextEncoder().encode(text);
  }

  /**
   * Writes the format that matches the file's extension (`.png`, `.txt`, `.html`, `.svg`, …) to a file. Not in browsers.
   *
   * @throws {InvalidArgumentException} if the value does not have this format, if the file cannot be written, or in a
   * browser
   */
  async toFile(path: string): Promise<void> {
    await (await import("./result-file.js")).writeResult(this, path);
  }
}

/** Decodes base64, with line breaks as Python inserts them. Returns `undefined` if the text is not base64. */
function decodeBase64(text: string): Uint8Array | undefined {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    return undefined;
  }
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}
