import type { CodeInterpreter, FileInfo } from "../../../index.js";
import { button, h, messageOf } from "./dom.js";
import { literal, type SdkCode } from "./sdk-code.js";

/** Larger files are downloaded rather than opened, in bytes. */
const LARGEST_OPENED = 1024 * 1024;

export interface FilesOptions {
  readonly sdkCode: SdkCode;
  readonly onOpen: (path: string, text: string) => void;
  readonly onStatus: (text: string) => void;
}

/** The files of the sandbox as a tree: open, upload, download, delete. */
export class FilesView {
  readonly element: HTMLElement;
  readonly #list = h("ul", { class: "files", attributes: { "aria-label": "Files" } });
  readonly #options: FilesOptions;
  readonly #expanded = new Set<string>();
  #interpreter: CodeInterpreter | undefined;

  constructor(options: FilesOptions) {
    this.#options = options;
    const input = h("input", {
      attributes: { type: "file", multiple: true, "aria-label": "Files to upload", hidden: true },
    });
    input.addEventListener("change", () => {
      void this.#upload([...(input.files ?? [])]).finally(() => (input.value = ""));
    });
    this.element = h(
      "section",
      { attributes: { "aria-label": "Files" } },
      h("h2", { text: "Files" }),
      h(
        "div",
        { class: "bar" },
        button("Upload", () => input.click()),
        button("Refresh", () => void this.refresh()),
      ),
      input,
      this.#list,
    );
    this.element.addEventListener("dragover", (event) => event.preventDefault());
    this.element.addEventListener("drop", (event) => {
      event.preventDefault();
      void this.#upload([...(event.dataTransfer?.files ?? [])]);
    });
  }

  async use(interpreter: CodeInterpreter): Promise<void> {
    this.#interpreter = interpreter;
    await this.refresh();
  }

  async refresh(): Promise<void> {
    await this.#attempt(async ({ files }) => {
      const items = await this.#items(files, ".");
      this.#list.replaceChildren(...items);
    });
  }

  async #items(files: CodeInterpreter["files"], directory: string): Promise<HTMLElement[]> {
    const entries = await files.listDirectory(directory);
    const sorted = entries.toSorted((a, b) => rank(a) - rank(b) || a.path.localeCompare(b.path));
    return sorted.map((entry) => (entry.type === "directory" ? this.#directory(entry) : this.#file(entry)));
  }

  #directory({ path }: FileInfo): HTMLElement {
    const children = h("ul");
    const details = h("details", {}, h("summary", { text: nameOf(path) }), children);
    const load = () => {
      if (!details.open) {
        this.#expanded.delete(path);
        return;
      }
      this.#expanded.add(path);
      void this.#attempt(async ({ files }) => children.replaceChildren(...(await this.#items(files, path))));
    };
    details.addEventListener("toggle", load);
    details.open = this.#expanded.has(path);
    return h("li", {}, details);
  }

  #file({ path, size }: FileInfo): HTMLElement {
    const name = nameOf(path);
    return h(
      "li",
      { class: "file" },
      button(name, () => void this.#open(path, size), { class: "name", title: `${path}, ${size} bytes` }),
      button("↓", () => void this.#download(path), { "aria-label": `Download ${name}` }),
      button("×", () => void this.#delete(path), { "aria-label": `Delete ${name}` }),
    );
  }

  async #open(path: string, size: number): Promise<void> {
    if (size > LARGEST_OPENED) {
      await this.#download(path);
      return;
    }
    await this.#attempt(async ({ files }) => {
      const text = await files.readFile(path);
      this.#options.sdkCode.add(`await interpreter.files.readFile(${literal(path)});`);
      this.#options.onOpen(path, text);
    });
  }

  async #download(path: string): Promise<void> {
    await this.#attempt(async ({ files }) => {
      const bytes = await files.readBytes(path);
      this.#options.sdkCode.add(`await interpreter.files.readBytes(${literal(path)});`);
      const url = URL.createObjectURL(new Blob([new Uint8Array(bytes)]));
      h("a", { attributes: { href: url, download: nameOf(path) } }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    });
  }

  async #delete(path: string): Promise<void> {
    if (!confirm(`Delete ${path}?`)) return;
    await this.#attempt(async ({ files }) => {
      await files.deleteFile(path);
      this.#options.sdkCode.add(`await interpreter.files.deleteFile(${literal(path)});`);
      await this.refresh();
    });
  }

  async #upload(chosen: readonly File[]): Promise<void> {
    if (chosen.length === 0) return;
    await this.#attempt(async ({ files }) => {
      for (const file of chosen) {
        await files.writeFile(file.name, file);
        this.#options.sdkCode.add(`await interpreter.files.writeFile(${literal(file.name)}, data);`);
      }
      this.#options.onStatus(`Uploaded ${chosen.map(({ name }) => name).join(", ")}.`);
      await this.refresh();
    });
  }

  async #attempt(work: (interpreter: CodeInterpreter) => Promise<unknown>): Promise<void> {
    if (this.#interpreter === undefined) return;
    try {
      await work(this.#interpreter);
    } catch (error) {
      this.#options.onStatus(messageOf(error));
    }
  }
}

function rank({ type }: FileInfo): number {
  return type === "directory" ? 0 : 1;
}

function nameOf(path: string): string {
  return path.split("/").at(-1) ?? path;
}
