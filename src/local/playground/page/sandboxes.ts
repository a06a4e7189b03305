import { SandboxManager, type ConnectionConfig } from "../../../index.js";
import { button, h, messageOf } from "./dom.js";
import { literal, type SdkCode } from "./sdk-code.js";

export interface SandboxesOptions {
  readonly connectionConfig: ConnectionConfig;
  readonly sdkCode: SdkCode;
  /** Called to use another sandbox; `undefined` creates one. */
  readonly onUse: (sandboxId: string | undefined) => void;
  readonly onStatus: (text: string) => void;
}

/** The sandboxes of the server: use, create, kill. */
export class SandboxesView {
  readonly element: HTMLElement;
  readonly #list = h("ul", { class: "sandboxes", attributes: { "aria-label": "Sandboxes" } });
  readonly #options: SandboxesOptions;
  readonly #manager: SandboxManager;
  #current: string | undefined;

  constructor(options: SandboxesOptions) {
    this.#options = options;
    this.#manager = SandboxManager.create({ connectionConfig: options.connectionConfig });
    this.element = h(
      "section",
      { attributes: { "aria-label": "Sandboxes" } },
      h("h2", { text: "Sandboxes" }),
      h(
        "div",
        { class: "bar" },
        button("New sandbox", () => options.onUse(undefined)),
        button("Refresh", () => void this.refresh()),
      ),
      this.#list,
    );
  }

  async use(sandboxId: string): Promise<void> {
    this.#current = sandboxId;
    await this.refresh();
  }

  async refresh(): Promise<void> {
    try {
      const { items } = await this.#manager.listSandboxInfos();
      this.#list.replaceChildren(...items.map(({ id, status }) => this.#item(id, status.state)));
    } catch (error) {
      this.#options.onStatus(messageOf(error));
    }
  }

  #item(id: string, state: string): HTMLElement {
    const short = id.slice(0, 8);
    const isCurrent = id === this.#current;
    return h(
      "li",
      isCurrent ? { class: "current" } : {},
      h("span", { text: `${short} ${isCurrent ? "in use" : state.toLowerCase()}` }),
      isCurrent ? undefined : button("Use", () => this.#options.onUse(id), { "aria-label": `Use ${short}` }),
      button("Kill", () => void this.#kill(id), { "aria-label": `Kill ${short}` }),
    );
  }

  async #kill(id: string): Promise<void> {
    try {
      await this.#manager.killSandbox(id);
      this.#options.sdkCode.add(`await SandboxManager.create().killSandbox(${literal(id)});`);
      if (id === this.#current) this.#options.onUse(undefined);
      else await this.refresh();
    } catch (error) {
      this.#options.onStatus(messageOf(error));
    }
  }
}
