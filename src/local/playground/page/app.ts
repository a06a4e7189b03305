import { isSandboxException, type CodeInterpreter, type ConnectionConfig } from "../../../index.js";
import { button, h, messageOf } from "./dom.js";
import { Editor } from "./editor.js";
import { FilesView } from "./files.js";
import { languageNamed, languageOfFile, languages } from "./languages.js";
import { MetricsView } from "./metrics.js";
import { Output } from "./output.js";
import { SandboxesView } from "./sandboxes.js";
import { literal, SdkCode } from "./sdk-code.js";
import { closeSession } from "./session.js";
import { TabBar, type Tab } from "./tabs.js";
import { TerminalPanel } from "./terminal-panel.js";
import { Workspace } from "./workspace.js";

const TABS = "opensandbox.tabs";
const THEME = "opensandbox.theme";

/** The part of a tab that survives a reload of the page. */
interface SavedTab {
  readonly title: string;
  readonly language: string;
  readonly code: string;
  readonly path?: string;
  readonly contextId?: string;
}

/** The page: contexts as tabs, an editor, output, a terminal, files, sandboxes, metrics, and the SDK code for each action. */
export class App {
  readonly element: HTMLElement;
  readonly #editor: Editor;
  readonly #sdkCode = new SdkCode();
  readonly #metrics = new MetricsView();
  readonly #files: FilesView;
  readonly #sandboxes: SandboxesView;
  readonly #tabBar: TabBar;
  readonly #terminal = new TerminalPanel(this.#sdkCode);
  readonly #workspace: Workspace;
  readonly #language = h("select", { attributes: { "aria-label": "Language" } });
  readonly #status = h("p", { class: "status", attributes: { role: "status" } });
  readonly #banner = h("p", { class: "banner", attributes: { role: "alert", hidden: true } });
  readonly #runButton = button("Run", () => void this.#run(), { class: "primary", title: "Ctrl+Enter" });
  readonly #stopButton = button("Stop", () => void this.#stop(), { disabled: true });
  readonly #saveButton = button("Save file", () => void this.#save(), { hidden: true });
  readonly #panel = h("div", { class: "panel", attributes: { role: "tabpanel", id: "panel" } });
  readonly #outputPlace = h("div", { class: "output-place" });
  #interpreter: CodeInterpreter | undefined;
  #tabs: Tab[] = [];
  #tab!: Tab;
  #count = 0;
  #runs = 0;

  constructor(connectionConfig: ConnectionConfig) {
    const onStatus = (text: string) => this.#say(text);
    const editorPlace = h("div", { class: "editor" });
    this.#editor = new Editor({
      parent: editorPlace,
      onRun: () => void this.#run(),
      onChange: (code) => {
        this.#tab.code = code;
        this.#remember();
      },
    });
    this.#files = new FilesView({
      sdkCode: this.#sdkCode,
      onStatus,
      onOpen: (path, text) => this.#open(path, text),
    });
    this.#sandboxes = new SandboxesView({
      connectionConfig,
      sdkCode: this.#sdkCode,
      onStatus,
      onUse: (sandboxId) => void this.#workspace.use(sandboxId),
    });
    this.#tabBar = new TabBar({
      onSelect: (tab) => this.#select(tab),
      onClose: (tab) => void this.#close(tab),
      onNew: () => this.#select(this.#add(this.#tab.language)),
    });
    this.#workspace = new Workspace(connectionConfig, {
      onSandbox: (interpreter, how) => void this.#use(interpreter, how),
      onMetrics: (metrics) => this.#metrics.add(metrics),
      onLost: () => this.#warn("The server does not respond. Trying again every second."),
      onBack: () => this.#warn(undefined),
      onRefused: () => {
        closeSession();
        this.#warn("The server was restarted with another API key. Open the link that it printed.");
      },
    });
    this.#language.append(
      ...languages.map(({ name, label }) => h("option", { text: label, attributes: { value: name } })),
    );
    this.#language.addEventListener("change", () => this.#changeLanguage(this.#language.value));
    applyTheme(localStorage.getItem(THEME));
    this.#panel.append(
      h(
        "div",
        { class: "toolbar" },
        this.#language,
        this.#runButton,
        this.#stopButton,
        this.#saveButton,
        button("Clear output", () => this.#tab.output.clear()),
        this.#status,
      ),
      editorPlace,
      this.#outputPlace,
    );
    this.element = h(
      "div",
      { class: "page" },
      h(
        "header",
        {},
        h("h1", { text: "OpenSandbox playground" }),
        button("Theme", switchTheme, { title: "Light or dark" }),
      ),
      this.#banner,
      h(
        "div",
        { class: "columns" },
        h(
          "aside",
          { attributes: { "aria-label": "Sandbox" } },
          this.#metrics.element,
          this.#files.element,
          this.#sandboxes.element,
        ),
        h("main", {}, this.#tabBar.element, this.#panel, this.#terminal.element, this.#sdkCode.element),
      ),
    );
  }

  /** Restores the tabs, and connects. */
  async start(): Promise<void> {
    for (const saved of readSavedTabs()) this.#add(saved.language, saved);
    const [first = this.#add("python")] = this.#tabs;
    this.#select(first);
    this.#say("Creating a sandbox…");
    await this.#workspace.open();
    this.#editor.focus();
  }

  async #use(interpreter: CodeInterpreter, how: "created" | "found" | "replaced"): Promise<void> {
    this.#interpreter = interpreter;
    const id = literal(interpreter.id);
    this.#sdkCode.add(
      how === "found"
        ? `const sandbox = await Sandbox.connect({ sandboxId: ${id} });`
        : "const sandbox = await Sandbox.create({ timeoutSeconds: 3600 });",
      "const interpreter = await CodeInterpreter.create(sandbox);",
    );
    if (how !== "found") for (const tab of this.#tabs) tab.context = undefined;
    if (how === "replaced") {
      for (const { output } of this.#tabs) output.note("The sandbox was gone. Variables and files are lost.");
    }
    this.#say(how === "found" ? "Connected to the sandbox of your last visit." : "The sandbox is ready.");
    this.#terminal.use(interpreter);
    await Promise.all([
      this.#files.use(interpreter),
      this.#sandboxes.use(interpreter.id),
      this.#findContexts(),
    ]);
  }

  /** After a reload, the contexts of the tabs still have their state. */
  async #findContexts(): Promise<void> {
    if (this.#interpreter === undefined) return;
    const contexts = await this.#interpreter.codes.listContexts().catch(() => []);
    for (const tab of this.#tabs) {
      if (tab.context !== undefined && !contexts.some(({ id }) => id === tab.context?.id))
        tab.context = undefined;
    }
    this.#remember();
  }

  async #run(): Promise<void> {
    const tab = this.#tab;
    const interpreter = this.#interpreter;
    if (interpreter === undefined || tab.run !== undefined) return;
    const { output, language } = tab;
    const number = (this.#runs += 1);
    try {
      if (tab.context === undefined) {
        this.#say(`Starting ${languageNamed(language).label}…`);
        tab.context = await interpreter.codes.createContext(language);
        this.#sdkCode.add(`const context = await interpreter.codes.createContext(${literal(language)});`);
        this.#remember();
      }
      this.#sdkCode.add(`await interpreter.codes.run(${literal(tab.code)}, { context });`);
      // The page shows the output itself, so the execution does not keep it.
      const run = interpreter.codes.run(tab.code, {
        context: tab.context,
        maxOutputBytes: 1000,
        handlers: {
          onStdout: ({ text }) => output.print("stdout", text),
          onStderr: ({ text }) => output.print("stderr", text),
          onResult: (result) => output.display(result),
          onError: ({ name, value, traceback }) => output.fail(name, value, traceback),
        },
      });
      tab.run = run;
      this.#render();
      this.#say("Running…");
      const { error, complete } = await run;
      const duration = complete === undefined ? "" : ` in ${(complete.executionTimeMs / 1000).toFixed(2)} s`;
      const outcome = error === undefined ? `done${duration}.` : `${error.name || "Error"}: ${error.value}`;
      this.#say(`Run ${number}: ${outcome}`);
    } catch (error) {
      output.note(messageOf(error));
      this.#say(messageOf(error));
      // The context may have ended with its sandbox; the next run creates another.
      if (isSandboxException(error) && "statusCode" in error && error.statusCode === 404)
        tab.context = undefined;
    } finally {
      tab.run = undefined;
      this.#render();
      void this.#files.refresh();
    }
  }

  async #stop(): Promise<void> {
    const { run } = this.#tab;
    if (run === undefined) return;
    this.#say("Interrupting…");
    this.#sdkCode.add("await run.interrupt();");
    await run.interrupt().catch((error: unknown) => this.#say(messageOf(error)));
  }

  async #save(): Promise<void> {
    const { path, code } = this.#tab;
    if (path === undefined || this.#interpreter === undefined) return;
    try {
      await this.#interpreter.files.writeFile(path, code);
      this.#sdkCode.add(`await interpreter.files.writeFile(${literal(path)}, ${literal(code)});`);
      this.#say(`Saved ${path}.`);
    } catch (error) {
      this.#say(messageOf(error));
    }
  }

  #open(path: string, text: string): void {
    const open = this.#tabs.find((tab) => tab.path === path);
    const { name } = languageOfFile(path);
    this.#select(
      open ?? this.#add(name, { title: path.split("/").at(-1) ?? path, language: name, code: text, path }),
    );
  }

  #add(language: string, saved?: SavedTab): Tab {
    this.#count += 1;
    const { label, name, sample } = languageNamed(language);
    const code = saved?.code ?? sample;
    const tab: Tab = {
      id: String(this.#count),
      title: saved?.title ?? `${label} ${this.#count}`,
      language: name,
      code,
      path: saved?.path,
      state: this.#editor.document(code, name),
      output: new Output(),
      context: saved?.contextId === undefined ? undefined : { id: saved.contextId, language: name },
      run: undefined,
    };
    this.#tabs.push(tab);
    return tab;
  }

  #select(tab: Tab): void {
    if (this.#tabs.includes(this.#tab)) this.#tab.state = this.#editor.state;
    this.#tab = tab;
    this.#editor.show(tab.state);
    this.#outputPlace.replaceChildren(tab.output.element);
    this.#language.value = tab.language;
    this.#render();
    this.#remember();
  }

  async #close(tab: Tab): Promise<void> {
    const { context } = tab;
    const at = this.#tabs.indexOf(tab);
    this.#tabs = this.#tabs.filter((other) => other !== tab);
    this.#select(this.#tabs[Math.max(at - 1, 0)] ?? this.#add(tab.language));
    if (context === undefined || this.#interpreter === undefined) return;
    this.#sdkCode.add("await interpreter.codes.deleteContext(context.id);");
    await this.#interpreter.codes
      .deleteContext(context.id)
      .catch((error: unknown) => this.#say(messageOf(error)));
  }

  /** A context has one language, so another language begins with a new context. */
  #changeLanguage(name: string): void {
    const tab = this.#tab;
    const isUntouched = tab.code === languageNamed(tab.language).sample;
    const language = languageNamed(name);
    tab.language = name;
    tab.context = undefined;
    if (tab.path === undefined) tab.title = `${language.label} ${tab.id}`;
    if (isUntouched) tab.code = language.sample;
    tab.state = this.#editor.document(tab.code, name);
    this.#editor.show(tab.state);
    this.#render();
    this.#remember();
  }

  #render(): void {
    const { run, path, id } = this.#tab;
    this.#tabBar.render(this.#tabs, this.#tab);
    this.#panel.setAttribute("aria-labelledby", `tab-${id}`);
    this.#runButton.disabled = run !== undefined;
    this.#stopButton.disabled = run === undefined;
    this.#language.disabled = run !== undefined;
    this.#saveButton.hidden = path === undefined;
  }

  #remember(): void {
    const saved = this.#tabs.map(({ title, language, code, path, context }): SavedTab => ({
      ...{ title, language, code },
      ...(path !== undefined && { path }),
      ...(context !== undefined && { contextId: context.id }),
    }));
    sessionStorage.setItem(TABS, JSON.stringify(saved));
  }

  #say(text: string): void {
    this.#status.textContent = text;
  }

  #warn(text: string | undefined): void {
    this.#banner.hidden = text === undefined;
    this.#banner.textContent = text ?? "";
  }
}

function readSavedTabs(): readonly SavedTab[] {
  // This page is the only writer.
  return JSON.parse(sessionStorage.getItem(TABS) ?? "[]") as readonly SavedTab[];
}

function switchTheme(): void {
  const isDark = document.documentElement.dataset["theme"]
    ? document.documentElement.dataset["theme"] === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  const theme = isDark ? "light" : "dark";
  localStorage.setItem(THEME, theme);
  applyTheme(theme);
}

function applyTheme(theme: string | null): void {
  if (theme !== null) document.documentElement.dataset["theme"] = theme;
}
