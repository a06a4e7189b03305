import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import styles from "@xterm/xterm/css/xterm.css";

const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);
document.adoptedStyleSheets.push(sheet);

/** The size of a screen, in characters. */
export interface ScreenSize {
  readonly cols: number;
  readonly rows: number;
}

export interface ScreenOptions {
  readonly parent: HTMLElement;
  /** Called with what is typed or pasted, and with what the screen answers when a program asks it. */
  readonly onInput: (data: string | Uint8Array) => void;
  readonly onResize: () => void;
  /** Called for the key that moves the focus out of the screen. */
  readonly onLeave: () => void;
}

/** How much output may wait to be shown, in bytes. One part at a time would be slow: browsers delay each by a timer. */
const MOST_WAITING_BYTES = 128 * 1024;
/** Dark in both themes of the page: that is what programs choose their colours for. */
const THEME = { background: "#0f1318", foreground: "#e3e7ed", cursor: "#e3e7ed", cursorAccent: "#0f1318" };

/** The screen of a terminal: xterm.js, in the size of its parent. A file of its own, loaded with the first terminal. */
export class Screen {
  readonly #xterm: Terminal;
  readonly #fit = new FitAddon();
  readonly #observer: ResizeObserver;
  #waiting = 0;

  constructor({ parent, onInput, onResize, onLeave }: ScreenOptions) {
    const xterm = new Terminal({
      fontFamily: getComputedStyle(parent).fontFamily,
      fontSize: 13,
      minimumContrastRatio: 4.5,
      screenReaderMode: true,
      theme: THEME,
    });
    this.#xterm = xterm;
    xterm.loadAddon(this.#fit);
    xterm.open(parent);
    this.#fit.fit();
    xterm.onData(onInput);
    xterm.onBinary((text) => onInput(Uint8Array.from(text, (character) => character.charCodeAt(0))));
    xterm.onResize(onResize);
    xterm.attachCustomKeyEventHandler((event) => {
      const { key, shiftKey, ctrlKey, type } = event;
      const isLeaving = shiftKey && key === "F6";
      // Without Shift, it interrupts what runs. Browsers paste by Ctrl+Shift+V by themselves, but do not copy.
      const isCopying = shiftKey && ctrlKey && key === "C";
      if (!isLeaving && !isCopying) return true;
      event.preventDefault();
      if (type === "keydown" && isLeaving) onLeave();
      if (type === "keydown" && isCopying) void navigator.clipboard.writeText(xterm.getSelection());
      return false;
    });
    this.#observer = new ResizeObserver(() => this.#fit.fit());
    this.#observer.observe(parent);
  }

  get size(): ScreenSize {
    const { cols, rows } = this.#xterm;
    return { cols, rows };
  }

  /** Shows output. Resolves when it can take more. */
  async write(data: Uint8Array): Promise<void> {
    this.#waiting += data.length;
    const shown = new Promise<void>((resolve) => this.#xterm.write(data, resolve)).then(
      () => (this.#waiting -= data.length),
    );
    if (this.#waiting > MOST_WAITING_BYTES) await shown;
  }

  /** Takes no more input; what is shown can still be read and copied. */
  end(): void {
    this.#xterm.options.disableStdin = true;
    this.#xterm.options.cursorBlink = false;
  }

  focus(): void {
    this.#xterm.focus();
  }

  dispose(): void {
    this.#observer.disconnect();
    this.#xterm.dispose();
  }
}
