import { button, h } from "./dom.js";

const FIRST_LINES = [
  'import { CodeInterpreter, Sandbox } from "opensandbox-code-interpreter";',
  "",
  "// OPEN_SANDBOX_DOMAIN and OPEN_SANDBOX_API_KEY say where the server is.",
];
/** The maximum number of lines; older ones are dropped. */
const MOST_STEPS = 200;

/** Shows the SDK code for the actions on the page. */
export class SdkCode {
  readonly element: HTMLElement;
  readonly #text = h("pre", { class: "sdk-code", attributes: { tabindex: 0, "aria-label": "SDK code" } });
  #steps: string[] = [];

  constructor() {
    const copy = button("Copy", () => void navigator.clipboard.writeText(this.#text.textContent));
    this.element = h("details", {}, h("summary", { text: "The same with the SDK" }), copy, this.#text);
  }

  add(...lines: readonly string[]): void {
    this.#steps = [...this.#steps, ...lines].slice(-MOST_STEPS);
    this.#text.textContent = [...FIRST_LINES, ...this.#steps, ""].join("\n");
  }
}

/** Writes a text as a literal of JavaScript: readable over several lines, exact in every case. */
export function literal(text: string): string {
  if (!text.includes("\n")) return JSON.stringify(text);
  return `\`${text.replaceAll(/[\\`]|\$\{/g, (found) => `\\${found}`)}\``;
}
