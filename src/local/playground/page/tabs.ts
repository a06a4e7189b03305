import type { EditorState } from "@codemirror/state";
import type { CodeContext, Run } from "../../../index.js";
import { button, h } from "./dom.js";
import type { Output } from "./output.js";

/** A context of the sandbox, its document, and its output. */
export interface Tab {
  readonly id: string;
  title: string;
  language: string;
  code: string;
  /** The file that the document was opened from. */
  readonly path: string | undefined;
  state: EditorState;
  readonly output: Output;
  context: CodeContext | undefined;
  run: Run | undefined;
}

export interface TabBarOptions {
  readonly onSelect: (tab: Tab) => void;
  readonly onClose: (tab: Tab) => void;
  readonly onNew: () => void;
}

/** The list of contexts, with the keys of the ARIA pattern for tabs: arrows, Home, End, and Delete to close. */
export class TabBar {
  readonly element: HTMLElement;
  readonly #list = h("div", { class: "tabs", attributes: { role: "tablist", "aria-label": "Contexts" } });
  readonly #options: TabBarOptions;
  #tabs: readonly Tab[] = [];
  #selected: Tab | undefined;

  constructor(options: TabBarOptions) {
    this.#options = options;
    this.#list.addEventListener("keydown", (event) => this.#onKey(event));
    this.element = h(
      "div",
      { class: "tab-bar" },
      this.#list,
      button("×", () => this.#selected && options.onClose(this.#selected), { "aria-label": "Close context" }),
      button("+", () => options.onNew(), { "aria-label": "New context" }),
    );
  }

  render(tabs: readonly Tab[], selected: Tab): void {
    this.#tabs = tabs;
    this.#selected = selected;
    const hadFocus = this.#list.contains(document.activeElement);
    const items = tabs.map((tab) =>
      button(tab.run === undefined ? tab.title : `${tab.title} ●`, () => this.#options.onSelect(tab), {
        role: "tab",
        id: `tab-${tab.id}`,
        "aria-selected": String(tab === selected),
        "aria-controls": "panel",
        tabindex: tab === selected ? 0 : -1,
      }),
    );
    this.#list.replaceChildren(...items);
    if (hadFocus) items[tabs.indexOf(selected)]?.focus();
  }

  #onKey(event: KeyboardEvent): void {
    const at = this.#selected === undefined ? -1 : this.#tabs.indexOf(this.#selected);
    const { length } = this.#tabs;
    const targets: Readonly<Record<string, number>> = {
      ArrowRight: (at + 1) % length,
      ArrowLeft: (at - 1 + length) % length,
      Home: 0,
      End: length - 1,
    };
    const target = this.#tabs[targets[event.key] ?? -1];
    if (target !== undefined) this.#options.onSelect(target);
    else if (event.key === "Delete" && this.#selected !== undefined) this.#options.onClose(this.#selected);
    else return;
    event.preventDefault();
  }
}
