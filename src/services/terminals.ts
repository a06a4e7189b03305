import type { CallOptions } from "../arguments.js";
import type { SandboxLink } from "./link.js";
import type {
  AttachTerminalOptions,
  CreateTerminalOptions,
  TerminalInfo,
} from "./terminals/terminal-calls.js";
import type { Terminal } from "./terminals/terminal.js";

/** Loaded when it is used: most programs have no terminals. */
const calls = () => import("./terminals/terminal-calls.js");

/** Runs programs on pseudo-terminals, which outlive their connections. */
export class Terminals {
  readonly #link: SandboxLink;

  /** @internal */
  constructor(link: SandboxLink) {
    this.#link = link;
  }

  /**
   * Creates a terminal, starts its program and connects to it. `await using` kills the program.
   *
   * @throws {SandboxException} `NO_WEBSOCKET` on Node.js 20 without the package `ws`, in browsers if headers are needed, and
   * for a local server without a port
   * @throws {SandboxApiException} status 200, `START_FAILED`, if the program cannot be started
   */
  async create(options: CreateTerminalOptions = {}): Promise<Terminal> {
    return (await calls()).createTerminal(this.#link, options);
  }

  /**
   * Connects to a terminal by its id and replays its latest output. If its program has ended, it starts again.
   *
   * @throws {SandboxApiException} status 404 if there is none; 409, `ALREADY_CONNECTED`, if another client is connected,
   * or `VIEWER_REQUIRES_RUNNING_SESSION` if there is nothing to view
   */
  async attach(id: string, options: AttachTerminalOptions = {}): Promise<Terminal> {
    return (await calls()).attachTerminal(this.#link, id, options);
  }

  /** Returns whether a terminal's program runs. @throws {SandboxApiException} status 404 if there is none */
  async get(id: string, options: CallOptions = {}): Promise<TerminalInfo> {
    return (await calls()).getTerminal(this.#link, id, options);
  }

  /** Kills a terminal's program and deletes the terminal. @throws {SandboxApiException} status 404 if there is none */
  async delete(id: string, options: CallOptions = {}): Promise<void> {
    return (await calls()).deleteTerminal(this.#link, id, options);
  }
}
