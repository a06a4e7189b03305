import { CHART_MIME_TYPE, type Execution, type ExecutionError, type ExecutionResult } from "../index.js";
import { userTraceback, plainText } from "./traceback.js";
import type { CodeToolResult, ToolFile, ToolImage } from "./types.js";

/** What Anthropic's API takes of one picture is 5 MB of base64; other APIs take more. */
const MAX_IMAGE_BYTES = 3_750_000;
const IMAGE_TYPES = ["image/png", "image/jpeg", "image/gif", "image/webp"] as const;
/** A `repr` that says less than the other formats of the same value: `<Figure size 640x480 with 1 Axes>`. */
const OPAQUE_REPR = /^<[^\n]*>$/;

/** Collects the parts of a tool's result. */
export class Report {
  readonly #sections: string[] = [];
  readonly #images: ToolImage[] = [];
  readonly #maxImages: number;
  #files: readonly ToolFile[] | undefined;
  #omittedImages = 0;
  #isError = false;

  constructor(maxImages: number) {
    this.#maxImages = maxImages;
  }

  /** Adds a section of text; nothing if it is blank. */
  add(text: string, title?: string): void {
    const body = text.replace(/^\n+|\s+$/g, "");
    if (body !== "") this.#sections.push(title === undefined ? body : `[${title}]\n${body}`);
  }

  /** Adds a line about the call, in brackets as everything that the program did not print. */
  note(text: string): void {
    this.#sections.push(`[${text}]`);
  }

  fail(): void {
    this.#isError = true;
  }

  addImage(mediaType: ToolImage["mediaType"], base64: string): void {
    const data = base64.replace(/\s+/g, "");
    const bytes = Math.floor((data.length * 3) / 4);
    if (bytes > MAX_IMAGE_BYTES) {
      this.note(
        `${mediaType} of ${formatSize(bytes)} not shown: too large (limit ${formatSize(MAX_IMAGE_BYTES)}); make it smaller`,
      );
    } else if (this.#images.length >= this.#maxImages) {
      this.#omittedImages += 1;
    } else {
      this.#images.push({ mediaType, data });
      this.note(`image ${this.#images.length}: ${mediaType}, ${formatSize(bytes)}`);
    }
  }

  set files(files: readonly ToolFile[]) {
    this.#files = files;
  }

  finish(): CodeToolResult {
    if (this.#omittedImages > 0) {
      this.note(
        `${this.#omittedImages} more ${this.#omittedImages === 1 ? "image" : "images"} not shown: a call returns at most ${this.#maxImages}`,
      );
    }
    return {
      text: this.#sections.join("\n") || "[no output]",
      images: this.#images,
      ...(this.#files !== undefined && this.#files.length > 0 && { files: this.#files }),
      isError: this.#isError,
    };
  }
}

/** Returns a result of text alone that tells the model what went wrong. */
export function errorResult(text: string): CodeToolResult {
  return { text, images: [], isError: true };
}

/** The pictures of a displayed value, and its most telling text. */
export function readResult(result: ExecutionResult): {
  readonly images: readonly Pick<ToolImage, "mediaType" | "data">[];
  readonly text: string;
} {
  const images = IMAGE_TYPES.flatMap((mediaType) => {
    const data = result.getText(mediaType);
    // Some libraries give the same picture in two formats.
    return data === undefined ? [] : [{ mediaType, data }];
  }).slice(0, 1);
  const plain = result.text ?? "";
  if (plain !== "" && !OPAQUE_REPR.test(plain)) return { images, text: plain };
  if (images.length > 0) return { images, text: "" };
  // A chart without a picture, as of plotly, is shorter as data than as HTML.
  const rich = [
    CHART_MIME_TYPE,
    "text/markdown",
    "image/svg+xml",
    "text/latex",
    "text/html",
    "application/json",
  ]
    .map((type) => result.getText(type))
    .find((text) => text !== undefined);
  return { images, text: rich ?? plain };
}

/** An error as a model needs it: the user's own frames, without colours. */
export function describeError(error: ExecutionError): string {
  const summary = [error.name, error.value].filter((part) => part !== "").join(": ");
  const traceback = userTraceback(error.traceback);
  return traceback === "" ? plainText(summary) : traceback;
}

/** How a command ended, unless it ended well. */
export function describeExit({ exitCode, signal }: Execution): string | undefined {
  if (exitCode === 0 || exitCode === undefined) return undefined;
  if (signal !== undefined) return `ended by a signal: ${signal}`;
  return exitCode === null ? "exit code unknown" : `exit code ${exitCode}`;
}

/** A number of bytes for reading: `812 B`, `12.3 kB`, `4.0 MB`. */
export function formatSize(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes / 1_000;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${value.toFixed(1)} ${units[unit] ?? ""}`;
}
