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
  /**
   * Runs code and reports what happens. Resolves when everything that the run printed has been delivered, also when the
   * process died meanwhile: that is an error event of its own.
   */
  run(code: string, deliver: (event: KernelEvent) => void): Promise<void>;
  /** Makes user code stop where it is; the state stays. Nothing happens while nothing runs. */
  interrupt(): void;
  /** Stops reading what the process writes, so that it has to wait, or reads on. */
  setFlowing(flowing: boolean): void;
  /** Ends the process and resolves when it is gone. */
  kill(): Promise<void>;
}
