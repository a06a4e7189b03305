import type { KernelLaunch } from "../environment.js";
import type { PipePool } from "./pipes.js";

/** What a kernel says while it runs code. */
export type KernelEvent =
  | { readonly type: "stdout" | "stderr"; readonly text: string }
  /** A value by MIME type; `count` is there where it is the value of the run itself. */
  | {
      readonly type: "result";
      readonly count: number | null;
      readonly data: Readonly<Record<string, unknown>>;
    }
  | {
      readonly type: "error";
      readonly ename: string;
      readonly evalue: string;
      readonly traceback: readonly string[];
    };

/** The process behind a context: one language, one run at a time, state that persists between runs. */
export interface Kernel {
  /** False once the process is gone; the kernel is then of no use. */
  readonly alive: boolean;
  /** Resolves when code would run at once, or when the process is gone without ever coming so far. */
  readonly ready: Promise<void>;
  /**
   * Runs code and reports what happens. Resolves when everything that the run printed has been delivered, also when the
   * process died meanwhile: that is an error event of its own. Can be called before the kernel is ready.
   */
  run(code: string, deliver: (event: KernelEvent) => void): Promise<void>;
  /** Makes user code stop where it is; the state stays. Nothing happens while nothing runs. */
  interrupt(): void;
  /** Stops reading what the process writes, so that it has to wait, or reads on. */
  setFlowing(flowing: boolean): void;
  /** Ends the process and resolves when it is gone. */
  kill(): Promise<void>;
}

/** What the sandbox has for every kernel. */
export interface KernelHost {
  readonly workspace: string;
  /** A private directory for the supervisor and its kernels. */
  readonly scratch: string;
  /** The whole environment of the box. */
  readonly env: Readonly<Record<string, string>>;
  readonly pipes: PipePool;
}

/** Starts a kernel; it need not be ready yet when this resolves. */
export type KernelStarter = (launch: KernelLaunch, host: KernelHost) => Promise<Kernel>;
