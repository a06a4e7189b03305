// oxlint-disable-next-line import/no-cycle -- see errors.ts
import { InvalidArgumentException } from "../errors.js";
import { fileSystem } from "../transport/platform.js";

/** Extensions that are not the end of their MIME type, as those of `image/png` and `application/json` are. */
const TYPES_BY_EXTENSION: Readonly<Record<string, string>> = {
  txt: "text/plain",
  htm: "text/html",
  md: "text/markdown",
  svg: "image/svg+xml",
  jpg: "image/jpeg",
  tex: "text/latex",
  js: "application/javascript",
};
/** Types that are text; values of all others are base64. */
const TEXT_TYPE = /^text\/|[/+](?:json|xml|javascript)$/;

/**
 * A value that the run showed, in one or more formats.
 *
 * The getters return the usual formats, {@link getText} and {@link getBytes} any; each is `undefined` if the value did
 * not come in that format.
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
   * Every format that was sent, by MIME type, unchanged: strings for text types, base64 strings for binary ones, any
   * JSON value for `application/json`. Nothing is dropped.
   */
  readonly data: Readonly<Record<string, unknown>>;
  /** When it was shown, in milliseconds since 1970 (UTC). */
  readonly timestamp: number;
  /** Formats that `maxOutputBytes` left out of {@link data}: their sizes in bytes, by MIME type. Empty without it. */
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

  /** `text/plain`: for Python the result of `repr`. */
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

  /** `image/png`; decoded anew at each reading. */
  get png(): Uint8Array | undefined {
    return this.getBytes("image/png");
  }

  /** `image/jpeg`; decoded anew at each reading. */
  get jpeg(): Uint8Array | undefined {
    return this.getBytes("image/jpeg");
  }

  /** `application/pdf`; decoded anew at each reading. */
  get pdf(): Uint8Array | undefined {
    return this.getBytes("application/pdf");
  }

  /**
   * Returns a format as text: binary ones in base64, unchanged; values that are not strings as JSON, `undefined` if they are
   * nested too deeply for it.
   */
  getText(mimeType: string): string | undefined {
    const value = this.data[mimeType];
    if (typeof value === "string" || value === undefined) return value;
    // In notebooks, a text may be a list of its lines.
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

  /** Returns a format as bytes: binary ones decoded from base64, text in UTF-8. */
  getBytes(mimeType: string): Uint8Array | undefined {
    const text = this.getText(mimeType);
    if (text === undefined) return undefined;
    const isBase64 = typeof this.data[mimeType] === "string" && !TEXT_TYPE.test(mimeType);
    return (isBase64 ? decodeBase64(text) : undefined) ?? new TextEncoder().encode(text);
  }

  /**
   * Writes one format to a file, in Node only: the one that the extension names (`.png`, `.txt`, `.html`, `.svg`, …).
   *
   * @throws {InvalidArgumentException} for an extension in whose format the value did not come, a path that cannot be
   * written to, and outside of Node
   */
  async toFile(path: string): Promise<void> {
    const extension = /\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
    const mimeType =
      TYPES_BY_EXTENSION[extension] ?? this.mimeTypes.find((type) => type.endsWith(`/${extension}`)) ?? "";
    const bytes = this.getBytes(mimeType);
    if (bytes === undefined) {
      throw new InvalidArgumentException(
        `The result has no format for the extension "${extension}"; it has ${this.mimeTypes.join(", ")}.`,
      );
    }
    const files = fileSystem();
    if (files === undefined) throw new InvalidArgumentException("Only Node can write files; use getBytes.");
    try {
      await files.writeFile(path, bytes);
    } catch (cause) {
      throw new InvalidArgumentException(`The result cannot be written: ${String(cause)}`, { cause });
    }
  }
}

/** `undefined` for what is not base64. Line breaks are allowed, as Python puts them in. */
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
