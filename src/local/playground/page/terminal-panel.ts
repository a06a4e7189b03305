import type { CodeInterpreter } from "../../../index.js";
import { button, h } from "./dom.js";
import type { SdkCode } from "./sdk-code.js";
import { TerminalSession } from "./terminal-session.js";

/** A shell in the sandbox, in a part of the page that is closed at first. Closing it, or the page, ends the shell. */
export class TerminalPanel {
  readonly element: HTMLDetailsElement;
  readonly #summary = h("summary", { text: "Terminal" });
  readonly #status = h("p", { class: "status", attributes: { role: "status" } });
  readonly #place = h("div", { attributes: { role: "region", "aria-label": "Terminal" } });
  readonly #sdkCode: SdkCode;
  #interpreter: CodeInterpreter | undefined;
  #session: TerminalSession | undefined;

  constructor(sdkCode: SdkCode) {
    this.#sdkCode = sdkCode;
    this.element = h(
      "details",
      {},
      this.#summary,
      h(
        "div",
        { class: "bar" },
        button("New terminal", () => this.#restart()),
        h("span", { class: "hint", text: "Shift+F6 leaves the terminal. Closing it ends the shell." }),
        this.#status,
      ),
      this.#place,
    );
    this.element.addEventListener("toggle", () => this.#restart());
    addEventListener("pagehide", () => this.#session?.close());
  }

  /** Uses a sandbox. A shell in another one is ended. */
  use(interpreter: CodeInterpreter): void {
    const isAnother = interpreter.id !== this.#interpreter?.id;
    this.#interpreter = interpreter;
    // In the same sandbox, the shell goes on: the terminal connects again by itself.
    if (isAnother) this.#restart();
  }

  /** Ends the shell, and starts another one if the panel is open. */
  #restart(): void {
    this.#session?.close();
    this.#session = undefined;
    this.#status.textContent = "";
    const parent = h("div", { class: "screen" });
    this.#place.replaceChildren(parent);
    if (!this.element.open || this.#interpreter === undefined) return;
    this.#sdkCode.add("const terminal = await sandbox.terminals.create();");
    this.#session = new TerminalSession({
      sandbox: this.#interpreter.sandbox,
      parent,
      onStatus: (text) => (this.#status.textContent = text),
      onLeave: () => this.#summary.focus(),
    });
    void this.#session.run();
  }
}
