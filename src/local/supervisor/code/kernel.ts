import type { KernelLaunch } from "../configuration.js";
import type { PipePool } from "../pipes.js";

/** An event of a run. */
export type KernelEvent =
  | { readonly type: "stdout" | "stderr"; readonly text: string }
  /** A value by MIME type. `count` is the run's number if this is its own value, and `null` for a displayed one. */
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
    }
  | InputRequest;

/** The code asks for a line of input and waits for {@link Kernel.answer}. */
export interface InputRequest {
  readonly type: "input";
  readonly id: number;
  readonly prompt: string;
  readonly isPassword: boolean;
}

/** What a run may do beside printing. */
export interface RunPermissions {
  /** Whether the client answers when the code asks for input. */
  readonly allowsInput: boolean;
}

/** The process behind a context. It runs code of one language, one run at a time, and keeps its state between runs. */
export interface Kernel {
  /** Whether the process is running. Once it has ended, the kernel cannot be used. */
  readonly alive: boolean;
  /** Resolves when the kernel can run code at once, or when the process ends before that. */
  readonly ready: Promise<void>;
  /**
   * Runs code and delivers its events. Resolves after the last event, even if the process ends meanwhile, which is an
   * error event. Can be called before the kernel is ready.
   */
  run(code: string, deliver: (event: KernelEvent) => void, permissions?: RunPermissions): Promise<void>;
  /**
   * Answers the request for input that the code waits for; `undefined` is the end of input. A kernel without this method
   * makes no requests.
   *
   * @returns whether the code was waiting for it
   */
  answer?(id: number, text: string | undefined): boolean;
  /** Interrupts the current run and keeps the state. Does nothing if no code runs. */
  interrupt(): void;
  /** Pauses or resumes reading the process's output. While paused, the process blocks once its pipes are full. */
  setFlowing(flowing: boolean): void;
  /** Kills the process and waits for its end. */
  kill(): Promise<void>;
}

/** What the sandbox provides to every kernel. */
export interface KernelHost {
  readonly workspace: string;
  /** A private directory for the supervisor and its kernels. */
  readonly scratch: string;
  /** All environment variables of the box. */
  readonly env: Readonly<Record<string, string>>;
  readonly pipes: PipePool;
}

/** Starts a kernel. Resolves before the kernel is ready. */
export type KernelStarter = (launch: KernelLaunch, host: KernelHost) => Promise<Kernel>;
