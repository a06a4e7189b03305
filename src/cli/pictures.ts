import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { ExecutionResult } from "../index.js";
import { CommandError } from "./errors.js";
import type { Io } from "./io.js";
import { oneLine, styledText } from "./text.js";

/** The protocol for showing pictures in the terminal. */
export const PICTURE_MODES = ["auto", "kitty", "iterm", "sixel", "none"] as const;
export type PictureMode = (typeof PICTURE_MODES)[number];

/** Formats to save, in order of preference. Other picture formats follow. */
const SAVED: readonly (readonly [mimeType: string, extension: string])[] = [
  ["image/png", "png"],
  ["image/jpeg", "jpg"],
  ["image/gif", "gif"],
  ["image/webp", "webp"],
  ["image/svg+xml", "svg"],
  ["application/pdf", "pdf"],
];
const MOST_FILES = 10_000;

/** Shows the values of a run: text as text; pictures as files and, if the terminal supports it, inline. */
export class ResultPrinter {
  readonly #io: Io;
  readonly #directory: string;
  readonly #name: string;
  readonly #mode: Exclude<PictureMode, "auto">;
  readonly #print: (text: string) => Promise<void> | undefined;

  /** @param target the directory to save pictures in, and the beginning of their names */
  constructor(
    io: Io,
    target: { readonly directory: string; readonly name: string },
    mode: PictureMode,
    print: (text: string) => Promise<void> | undefined,
  ) {
    this.#io = io;
    this.#directory = target.directory;
    this.#name = target.name;
    this.#mode = mode === "auto" ? terminalMode(process.env) : mode;
    this.#print = print;
  }

  /** Prints one value. @throws {CommandError} if a picture cannot be saved */
  async show(result: ExecutionResult): Promise<void> {
    const saved = formatToSave(result);
    if (saved !== undefined) {
      await this.#save(result, saved);
      return;
    }
    const text = result.text ?? result.markdown ?? result.latex;
    if (text !== undefined) {
      await this.#print(withNewline(styledText(text, this.#io.color)));
    } else if (result.html !== undefined) {
      await this.#save(result, ["text/html", "html"]);
    } else {
      await this.#print(withNewline(JSON.stringify(result.data)));
    }
  }

  async #save(result: ExecutionResult, [mimeType, extension]: readonly [string, string]): Promise<void> {
    const bytes = result.getBytes(mimeType) ?? new Uint8Array();
    const file = await writeNew(this.#directory, this.#name, extension, bytes);
    const inline =
      this.#io.json || !process.stderr.isTTY ? undefined : await encodeInline(bytes, mimeType, this.#mode);
    if (inline !== undefined) await this.#io.writeError(`${inline}\n`);
    this.#io.note(`Saved ${path.relative("", file)}`);
  }
}

function formatToSave({ mimeTypes }: ExecutionResult): readonly [string, string] | undefined {
  const known = SAVED.find(([mimeType]) => mimeTypes.includes(mimeType));
  if (known !== undefined) return known;
  const other = mimeTypes.find((mimeType) => /^image\/\w+$/.test(mimeType));
  return other === undefined ? undefined : [other, other.slice("image/".length)];
}

/** Writes a file under the first free number; never overwrites one. */
async function writeNew(
  directory: string,
  name: string,
  extension: string,
  bytes: Uint8Array,
): Promise<string> {
  for (let number = 1; number <= MOST_FILES; number++) {
    const file = path.join(directory, `${name}-${number}.${extension}`);
    try {
      await writeFile(file, bytes, { flag: "wx" });
      return file;
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EEXIST") continue;
      throw new CommandError(`The picture ${oneLine(file)} cannot be saved: ${String(error)}`, {
        cause: error,
      });
    }
  }
  throw new CommandError(
    `${directory} holds ${MOST_FILES} pictures named ${name}-N.${extension} already; remove some.`,
  );
}

/** Returns the protocol that the terminal supports. tmux and screen support none. */
export function terminalMode(env: NodeJS.ProcessEnv): "kitty" | "iterm" | "none" {
  const { TERM = "", TERM_PROGRAM = "", LC_TERMINAL = "" } = env;
  if (env["TMUX"] !== undefined || /^(screen|tmux)/.test(TERM)) return "none";
  if (env["KITTY_WINDOW_ID"] !== undefined || /kitty|ghostty/.test(`${TERM} ${TERM_PROGRAM}`)) return "kitty";
  if (/^(iTerm\.app|WezTerm|mintty)$/.test(TERM_PROGRAM) || LC_TERMINAL === "iTerm2") return "iterm";
  return "none";
}

/** Encodes a picture for a terminal; `undefined` if the protocol does not support it. */
export async function encodeInline(
  bytes: Uint8Array,
  mimeType: string,
  mode: Exclude<PictureMode, "auto">,
): Promise<string | undefined> {
  const isPng = mimeType === "image/png";
  if (mode === "iterm" && (isPng || mimeType === "image/jpeg" || mimeType === "image/gif")) {
    return `\x1b]1337;File=inline=1;size=${bytes.byteLength}:${toBase64(bytes)}\x07`;
  }
  if (mode === "kitty" && isPng) return kitty(toBase64(bytes));
  if (mode === "sixel" && isPng) {
    const { encodeSixel } = await import("./sixel.js");
    return await encodeSixel(bytes);
  }
  return undefined;
}

/** The kitty protocol takes at most 4096 characters of base64 at a time. */
function kitty(base64: string): string {
  const pieces = base64.match(/.{1,4096}/g) ?? [];
  return pieces
    .map((piece, index) => {
      const control = `${index === 0 ? "a=T,f=100," : ""}m=${index < pieces.length - 1 ? 1 : 0}`;
      return `\x1b_G${control};${piece}\x1b\\`;
    })
    .join("");
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

function withNewline(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}
