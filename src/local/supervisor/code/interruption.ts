import type { ChildProcess } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { killFollowers, signalGroup } from "../process-groups.js";

// How many signals a shell gets before its children get one, and the wait after each.
const SHELL_SIGNALS = 3;
const SHELL_SIGNAL_MS = 3;
// The waits between repetitions of an interrupt. Each is twice as long as the one before.
const FIRST_REPEAT_MS = 100;
const LAST_REPEAT_MS = 10_000;
// After this many interrupts of a run (as many as the SDK sends), what ignores them is killed: first the processes that
// the code started, then the kernel itself.
const PATIENCE = 4;
const FOLLOWERS_GRACE_MS = 1000;
const KERNEL_GRACE_MS = 1500;
/** Within this time a signal reaches a process that does not block it. */
export const SETTLE_MS = 10;

/** How a kernel is interrupted. */
export interface InterruptSpec {
  /** A SIGINT to the process group, or the request `{"interrupt":true}` and a SIGINT for what the code has started. */
  readonly interruptBy: "signal" | "message";
  /**
   * Whether a SIGINT can make it lose requests that it has read but not started. The request `interrupt` then follows the
   * signal, to have the end of the run reported again, and the next run waits for the response to a `sync`.
   * @default false
   */
  readonly forgetsInput?: boolean;
}

/** The run to interrupt, as its worker knows it. */
export interface InterruptedRun {
  isRunning(): boolean;
  /** Whether its output is read. If not, it may have ended without this side knowing. */
  isFlowing(): boolean;
  /** Sends the request `interrupt`. */
  sendInterruptRequest(): void;
  killKernel(): void;
}

/** The interrupts of one run. After several, what ignores them is killed. */
export class Interruption {
  readonly #process: ChildProcess;
  readonly #spec: InterruptSpec;
  readonly #run: InterruptedRun;
  #count = 0;

  constructor(process: ChildProcess, spec: InterruptSpec, run: InterruptedRun) {
    this.#process = process;
    this.#spec = spec;
    this.#run = run;
  }

  /** Interrupts the code. Before it has started, an interrupt would be lost. */
  send(): void {
    this.#count += 1;
    this.#send(FIRST_REPEAT_MS);
    if (this.#count === PATIENCE) void this.#insist();
  }

  #send(repeatMs: number): void {
    const { interruptBy, forgetsInput = false } = this.#spec;
    if (interruptBy === "message") {
      const request = () => this.#run.isRunning() && this.#run.sendInterruptRequest();
      if (forgetsInput) setTimeout(request, SETTLE_MS);
      else request();
      // A process that the code was about to start may have missed the signal, and the code waits for it.
      const repeat = () => this.#run.isRunning() && this.#send(repeatMs * 2);
      if (repeatMs < LAST_REPEAT_MS) setTimeout(repeat, repeatMs).unref();
    }
    if (forgetsInput) this.#signalShell(SHELL_SIGNALS);
    else this.#signalAll();
  }

  /**
   * Interrupts a shell several times before its children. A shell that is about to wait for a child ignores a signal at
   * that moment; if only the child died of it, the shell would continue with the next command.
   */
  #signalShell(times: number): void {
    if (times === 0) return this.#signalAll();
    this.#process.kill("SIGINT");
    setTimeout(() => this.#run.isRunning() && this.#signalShell(times - 1), SHELL_SIGNAL_MS);
  }

  #signalAll(): void {
    signalGroup(this.#process.pid, "SIGINT");
  }

  async #insist(): Promise<void> {
    const goesOn = () => this.#run.isRunning() && this.#run.isFlowing();
    await delay(FOLLOWERS_GRACE_MS, undefined, { ref: false });
    if (goesOn() && this.#process.pid !== undefined) killFollowers(this.#process.pid);
    await delay(KERNEL_GRACE_MS, undefined, { ref: false });
    if (goesOn()) this.#run.killKernel();
  }
}
