/** Lines of a text, as many as fit. */
export interface LineWindow {
  readonly text: string;
  /** The last line in the text; the number of lines there are if the first one asked for lies behind them. */
  readonly lastLine: number;
  /** Whether the text is the beginning of one line that is too long. */
  readonly isCut: boolean;
  /** Whether the end of the text was reached. */
  readonly isEnd: boolean;
}

/** Which lines to read, from 1, both included, and how many bytes of them at most. */
export interface LineRange {
  readonly startLine: number;
  readonly endLine: number;
  readonly maxBytes: number;
}

const NEWLINE = 0x0a;

/** Reads complete lines from a stream of UTF-8; leaves it as soon as it has them. */
export async function readLines(
  stream: AsyncIterable<Uint8Array>,
  { startLine, endLine, maxBytes }: LineRange,
): Promise<LineWindow> {
  const kept = new Uint8Array(maxBytes);
  /** How many bytes are kept, and how many of them are complete lines. */
  let [bytes, completeBytes] = [0, 0];
  /** The line of the next byte, and whether it has had one. */
  let [line, isBegun] = [1, false];
  const finish = (isFull: boolean, isEnd: boolean): LineWindow => {
    const isCut = isFull && completeBytes === 0;
    const shown = kept.subarray(0, isFull && !isCut ? completeBytes : bytes);
    const text = new TextDecoder().decode(shown);
    return {
      // A character that is cut is left out.
      text: isCut ? text.replace(/\ufffd$/, "") : text.replace(/\r?\n$/, ""),
      lastLine: isCut || (isBegun && !isFull) ? line : line - 1,
      isCut,
      isEnd,
    };
  };
  for await (const chunk of stream) {
    for (let at = 0; at < chunk.length;) {
      if (line > endLine) return finish(false, false);
      const newline = chunk.indexOf(NEWLINE, at);
      const end = newline === -1 ? chunk.length : newline + 1;
      isBegun = newline === -1;
      if (line >= startLine) {
        const part = chunk.subarray(at, Math.min(end, at + maxBytes - bytes));
        kept.set(part, bytes);
        bytes += part.length;
        if (at + part.length < end) return finish(true, false);
        if (newline !== -1) completeBytes = bytes;
      }
      if (newline !== -1) line += 1;
      at = end;
    }
  }
  return finish(false, true);
}
