import type { ExecutionResult } from "../../../index.js";
import { h } from "./dom.js";
import { showResult } from "./results.js";

/** One element holds this many lines, so that the browser can skip those that are off the screen. */
const LINES_PER_BLOCK = 200;
const MOST_LINES = 50_000;
/** Colours and cursor movements for terminals, which a page does not show. */
const TERMINAL_SEQUENCE = /\x1b\[[0-9;?]*[A-Za-z]/g;

type Stream = "stdout" | "stderr";

/**
 * What the runs of one context printed and displayed. Updates once per animation frame, regardless of the amount of
 * output.
 */
export class Output {
  readonly element = h("div", {
    class: "output",
    attributes: { role: "region", "aria-label": "Output", tabindex: 0 },
  });
  #pending: (HTMLElement | { readonly stream: Stream; readonly text: string })[] = [];
  #frame: number | undefined;
  #block: { readonly element: HTMLElement; readonly stream: Stream; lines: number } | undefined;
  #lines = 0;

  print(stream: Stream, text: string): void {
    const last = this.#pending.at(-1);
    if (last !== undefined && "stream" in last && last.stream === stream && last.text.length < 100_000) {
      this.#pending[this.#pending.length - 1] = { stream, text: last.text + text };
    } else this.#pending.push({ stream, text });
    this.#schedule();
  }

  display(result: ExecutionResult): void {
    this.#add(showResult(result));
  }

  fail(name: string, value: string, traceback: readonly string[]): void {
    const text = traceback.length > 0 ? traceback.join("\n") : `${name}: ${value}`;
    this.#add(h("pre", { class: "error", text: plain(text) }));
  }

  note(text: string): void {
    this.#add(h("p", { class: "note", text }));
  }

  clear(): void {
    this.#pending = [];
    this.#block = undefined;
    this.#lines = 0;
    this.element.replaceChildren();
  }

  #add(element: HTMLElement): void {
    this.#pending.push(element);
    this.#schedule();
  }

  #schedule(): void {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      const { scrollHeight, scrollTop, clientHeight } = this.element;
      const isAtEnd = scrollHeight - scrollTop - clientHeight < 40;
      for (const item of this.#pending.splice(0)) {
        if (item instanceof HTMLElement) {
          this.#block = undefined;
          this.element.append(item);
        } else this.#write(item.stream, plain(item.text));
      }
      this.#dropFirst();
      if (isAtEnd) this.element.scrollTop = this.element.scrollHeight;
    });
  }

  #write(stream: Stream, text: string): void {
    const lines = text.split(/(?<=\n)/);
    for (let at = 0; at < lines.length;) {
      if (this.#block?.stream !== stream || this.#block.lines >= LINES_PER_BLOCK) {
        const element = h("pre", { class: stream });
        this.element.append(element);
        this.#block = { element, stream, lines: 0 };
      }
      const taken = lines.slice(at, at + LINES_PER_BLOCK - this.#block.lines);
      this.#block.element.append(taken.join(""));
      const ended = taken.filter((line) => line.endsWith("\n")).length;
      this.#block.lines += ended;
      this.#lines += ended;
      at += taken.length;
    }
  }

  #dropFirst(): void {
    while (this.#lines > MOST_LINES && this.element.firstElementChild !== null) {
      const first = this.element.firstElementChild;
      this.#lines -= first.textContent.split("\n").length - 1;
      first.remove();
    }
  }
}

function plain(text: string): string {
  return text.replaceAll(TERMINAL_SEQUENCE, "");
}
