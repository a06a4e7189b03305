import type { Files } from "../index.js";
import { formatSize } from "./report.js";

/** How much of one stream is kept for the file, in characters; the memory of this process bounds it. */
const MOST_KEPT = 16_000_000;
/** Hidden, so that it is not among the files that the model is told of. */
const DIRECTORY = ".output";

/** Collects the complete text of an output stream, for a file in the sandbox if the model gets only a part of it. */
export class KeptOutput {
  readonly #parts: string[] = [];
  #length = 0;
  #total = 0;

  push(text: string): void {
    this.#total += text.length;
    const room = MOST_KEPT - this.#length;
    if (room <= 0) return;
    const part = text.length <= room ? text : text.slice(0, room);
    this.#parts.push(part);
    this.#length += part.length;
  }

  /** Writes the text to a file in the sandbox; returns a sentence that says where. */
  async save(files: Files, name: string, signal: AbortSignal): Promise<string> {
    const path = `${DIRECTORY}/${uniqueName()}-${name}.txt`;
    await files.writeFiles([{ path, data: this.#parts.join("") }], { signal });
    const isComplete = this.#length === this.#total;
    return isComplete
      ? `${name} has ${formatSize(this.#total)}; complete in ${path}`
      : `${name} has ${formatSize(this.#total)}; its first ${formatSize(this.#length)} are in ${path}`;
  }
}

/** The beginning and the end of a text, within a number of bytes; the same text if it fits. */
export function boundText(text: string, maxBytes: number): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= maxBytes) return text;
  const half = Math.floor(maxBytes / 2);
  // A character that is cut is left out.
  const decode = (part: Uint8Array): string =>
    new TextDecoder().decode(part).replace(/^\ufffd+|\ufffd+$/g, "");
  const left = bytes.length - 2 * half;
  return `${decode(bytes.subarray(0, half))}\n[${left} bytes left out]\n${decode(bytes.subarray(-half))}`;
}

function uniqueName(): string {
  return [...crypto.getRandomValues(new Uint8Array(4))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}
