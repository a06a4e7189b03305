import { createCodeTools } from "../code-tools.js";
import type { CodeTool, CodeTools, CodeToolsOptions } from "../types.js";

/** Provides the tools of a call, for the sandbox of its connection or of its handle. */
export interface ToolSource {
  /** What clients see of the tools. */
  readonly tools: readonly CodeTool[];
  /** Whether tools take and return the handle of a sandbox. */
  readonly hasHandles: boolean;
  /** Whether the one sandbox of a connection has been used. */
  readonly isInUse: boolean;
  take(handle?: string): TakenTools;
}

/** How many sandboxes clients over HTTP may have, and how long one lives without a call. */
export interface SandboxLimits {
  readonly maxSandboxes: number;
  readonly idleSeconds: number;
}

/** A toolbox that a client names by a handle. */
interface NamedTools {
  readonly handle: string;
  readonly codeTools: CodeTools;
  /** How many calls are running. */
  calls: number;
  /** In milliseconds by `performance.now()`. */
  usedAt: number;
  timer?: ReturnType<typeof setTimeout> | undefined;
}

/** A toolbox for one call, or a text that tells the model why there is none. */
export type TakenTools =
  | { readonly handle: string; readonly codeTools: CodeTools; release(): void; readonly problem?: never }
  | { readonly problem: string };

/**
 * The sandboxes of clients that have no connection to bind one to: each is named by a handle, ends when it is idle for
 * some time, and makes room for a new one when there are too many.
 */
export class NamedSandboxes {
  readonly #options: CodeToolsOptions;
  readonly #limits: SandboxLimits;
  readonly #byHandle = new Map<string, NamedTools>();
  readonly #ending = new Set<Promise<void>>();
  #isClosed = false;

  constructor(options: CodeToolsOptions, limits: SandboxLimits) {
    this.#options = options;
    this.#limits = limits;
  }

  /** Takes the toolbox of a handle, or a new one without a handle. Release it after the call. */
  take(handle?: string): TakenTools {
    const named = handle === undefined ? this.#add() : this.#byHandle.get(handle);
    if (named === undefined) {
      return {
        problem:
          handle === undefined
            ? `All ${this.#limits.maxSandboxes} sandboxes are busy. Pass the "sandbox" of an earlier call, or try again later.`
            : `There is no sandbox "${handle}": it has ended, for example after ${this.#limits.idleSeconds} s without a call, and its state is lost. Leave "sandbox" out to get a new one.`,
      };
    }
    named.calls += 1;
    clearTimeout(named.timer);
    let isReleased = false;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      named.calls -= 1;
      named.usedAt = performance.now();
      if (named.calls === 0) this.#endWhenIdle(named);
    };
    return { handle: named.handle, codeTools: named.codeTools, release };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const named of this.#byHandle.values()) this.#end(named);
    await Promise.all(this.#ending);
  }

  #add(): NamedTools | undefined {
    if (this.#byHandle.size >= this.#limits.maxSandboxes) {
      const idle = [...this.#byHandle.values()].filter(({ calls }) => calls === 0);
      const [oldest] = idle.sort((one, other) => one.usedAt - other.usedAt);
      if (oldest === undefined) return undefined;
      this.#end(oldest);
    }
    const named: NamedTools = {
      handle: crypto.randomUUID().replaceAll("-", "").slice(0, 16),
      codeTools: createCodeTools(this.#options),
      calls: 0,
      usedAt: performance.now(),
    };
    this.#byHandle.set(named.handle, named);
    return named;
  }

  #endWhenIdle(named: NamedTools): void {
    if (this.#isClosed) return;
    named.timer = setTimeout(() => this.#end(named), this.#limits.idleSeconds * 1_000);
    unref(named.timer);
  }

  #end(named: NamedTools): void {
    clearTimeout(named.timer);
    if (!this.#byHandle.delete(named.handle)) return;
    const ending = named.codeTools
      .close()
      // No caller is waiting for this; a sandbox on a server expires by itself.
      .catch(() => undefined)
      .finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}

/** Does not keep the process alive for a timer; only Node's timers can do that. */
function unref(timer: { unref?: () => void } | number): void {
  if (typeof timer === "object") timer.unref?.();
}
