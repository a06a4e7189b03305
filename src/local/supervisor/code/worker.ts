import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { KernelLaunch } from "../environment.js";
import type { OutputPipe, PipePool } from "./pipes.js";
import { messageOf } from "../http/problem.js";
import { describeSignal, killFollowers, signalGroup, trackGroup } from "../processes.js";
import { JsonLines } from "./json-lines.js";
import type { Kernel, KernelEvent, KernelHost } from "./kernel.js";
import { decodeBatch, decodeMessage, type Message } from "./messages.js";
import { KernelOutput, type OutputTarget } from "./output.js";

// What a kernel writes before it can speak says why it does not start.
const COMPLAINT_CHARS = 4000;
// A forked child of user code may hold the channel open.
const LAST_WORDS_MS = 500;
// How often a shell gets a signal before its children do, and the waits after each.
const SHELL_SIGNALS = 3;
const SHELL_SIGNAL_MS = 3;
// The waits between the repetitions of an interrupt, each twice as long as the one before.
const FIRST_REPEAT_MS = 100;
const LAST_REPEAT_MS = 10_000;
// From this interrupt of a run on (the SDK sends so many), what does not care for it is ended by force: first what the
// code has started, then the process itself.
const PATIENCE = 4;
const FOLLOWERS_GRACE_MS = 1000;
const KERNEL_GRACE_MS = 1500;
// How soon a signal has reached a process that does not forbid it.
const SETTLE_MS = 10;

const LATE_NOTE =
  "Note: code of an earlier run printed after that run had ended; this output is not shown. " +
  "To see it, let the run wait for what it starts.\n";

interface Run {
  /** From 1, in the order in which the worker gets them; 0 until it does. */
  number: number;
  readonly code: string;
  readonly deliver: (event: KernelEvent) => void;
  readonly resolve: () => void;
  started: boolean;
  interruptWanted: boolean;
  interrupts: number;
}

/** What the supervisor tells a worker: first its settings, then code, one run at a time. */
export type WorkerRequest =
  | { readonly marker: string; readonly [setting: string]: string | number | boolean }
  /** `stdout` and `stderr` are files to open for writing, where the worker has pipes for each run. */
  | { readonly code: string; readonly stdout?: string; readonly stderr?: string }
  | { readonly interrupt: true }
  /** Asks for another `ready`, where {@link WorkerSpec.forgetsInput}. */
  | { readonly sync: true };

type ErrorEvent = KernelEvent & { readonly type: "error" };

/** What is particular to the worker of a language. */
export interface WorkerSpec {
  /** As people call the language. */
  readonly name: string;
  readonly launch: KernelLaunch;
  /** SIGINT to the process group, or the request `{"interrupt":true}` and SIGINT, for what the code has started. */
  readonly interruptBy: "signal" | "message";
  /**
   * Whether each run has pipes of its own, which the worker puts in the place of descriptors 1 and 2. What an earlier
   * run left running in the background then cannot print into a later one.
   * @default false
   */
  readonly hasPipesPerRun?: boolean;
  /** Whether it writes the marker before each batch; without, it sends one batch for each run, at the end. @default true */
  readonly writesMarkers?: boolean;
  /** Writes a request in another way than as a line of JSON. */
  readonly encode?: (request: WorkerRequest) => string;
  /** Takes requests on standard input, and has the channel for its answers only. @default false */
  readonly readsStandardInput?: boolean;
  /**
   * Whether a SIGINT can make it forget requests that it has not begun to carry out. The request `interrupt` then follows
   * the signal, to have the end of the run reported again, and the next run waits until it has answered a `sync`.
   * @default false
   */
  readonly forgetsInput?: boolean;
  /** The error of a run that was interrupted, where the worker itself cannot tell. */
  readonly interrupted?: ErrorEvent;
  /** The error of a run that ended its own process. */
  readonly describeEnd?: (exitStatus: number) => ErrorEvent;
}

/**
 * A process that runs code and says what comes of it: the kernel of every language that has one process for each context.
 *
 * It speaks JSON, one message or a list of them (a batch) a line, on descriptor 3. Before each batch it writes the
 * marker from its settings to descriptors 1 and 2, whose bytes reach the user in the order of their making that way.
 */
export class WorkerKernel implements Kernel {
  readonly ready: Promise<void>;
  readonly #spec: WorkerSpec;
  readonly #pipes: PipePool;
  // The first byte is one that text hardly has, so that no text seems to begin a marker and waits for its rest.
  readonly #marker = Buffer.concat([Buffer.of(0), randomBytes(15)]);
  readonly #target: OutputTarget;
  readonly #child: ChildProcess;
  readonly #gone: Promise<void>;
  readonly #channel: Duplex;
  #output: KernelOutput;
  #alive = true;
  #isReady = false;
  #markReady: () => void = () => undefined;
  #flowing = true;
  #run: Run | undefined;
  #complaint = "";
  #isGivenUp = false;
  #runs = 0;
  /** The runs whose late output has been noted. */
  readonly #noted = new Set<number>();
  #isNotePending = false;
  /** Whether the pipes of the run before are those of the next one: to make new ones takes longer than a small run. */
  #isOutputReusable = false;

  /** Starts a process; it need not be ready yet when this resolves. */
  static async start(spec: WorkerSpec, host: KernelHost): Promise<WorkerKernel> {
    const target: OutputTarget = {
      text: (stream, text) => kernel.#onText(stream, text),
      message: (message) => kernel.#onMessage(message),
    };
    const kernel: WorkerKernel = new WorkerKernel(spec, host, target, [
      await host.pipes.take(),
      await host.pipes.take(),
    ]);
    return kernel;
  }

  private constructor(
    spec: WorkerSpec,
    { workspace, env, pipes }: KernelHost,
    target: OutputTarget,
    [stdout, stderr]: readonly [OutputPipe, OutputPipe],
  ) {
    this.#spec = spec;
    this.#pipes = pipes;
    this.#target = target;
    this.ready = new Promise((resolve) => (this.#markReady = resolve));
    // Where each run has its own, what comes here is at most a reason why there will be no run.
    const beginning: OutputTarget = { ...target, text: (_stream, text) => this.#note(text) };
    this.#output = this.#outputTo(stdout, stderr, spec.hasPipesPerRun === true ? beginning : target);
    const [program, ...args] = spec.launch.command;
    this.#child = spawn(program, args, {
      cwd: workspace,
      env: { ...env, ...spec.launch.env },
      detached: true,
      stdio: [spec.readsStandardInput === true ? "pipe" : "ignore", stdout.writeEnd, stderr.writeEnd, "pipe"],
    });
    this.#output.closeWriteEnds();
    trackGroup(this.#child.pid);
    const channel = this.#child.stdio[3];
    // A "pipe" of Node's is a socket, both ways; its type knows only one.
    if (!(channel instanceof Duplex)) throw new Error("the kernel has no channel");
    this.#channel = channel;
    this.#gone = new Promise((resolve) => {
      this.#child.once("error", (error) => {
        this.#onGone(`it cannot be started: ${messageOf(error)}`, null);
        resolve();
      });
      this.#child.once("exit", (code, signal) => {
        this.#onGone(signal === null ? `exit status ${code ?? 0}` : describeSignal(signal), code);
        resolve();
      });
    });
    this.#child.stdin?.on("error", () => undefined); // the process's end says it all
    this.#openChannel();
    this.#tell({ ...spec.launch.settings, marker: this.#marker.toString("hex") });
  }

  get alive(): boolean {
    return this.#alive;
  }

  run(code: string, deliver: (event: KernelEvent) => void): Promise<void> {
    return new Promise((resolve) => {
      this.#run = {
        ...{ code, deliver, resolve, number: 0 },
        ...{ started: false, interruptWanted: false, interrupts: 0 },
      };
      if (this.#isReady) void this.#begin(this.#run);
    });
  }

  interrupt(): void {
    const run = this.#run;
    if (run === undefined) return;
    run.interruptWanted = true;
    // A signal before the code has begun would be lost.
    if (!run.started) return;
    run.interrupts += 1;
    this.#interrupt(run, FIRST_REPEAT_MS);
    if (run.interrupts === PATIENCE) void this.#insist(run);
  }

  setFlowing(flowing: boolean): void {
    this.#flowing = flowing;
    if (flowing) this.#channel.resume();
    else this.#channel.pause();
    this.#output.setFlowing(flowing);
  }

  async kill(): Promise<void> {
    signalGroup(this.#child.pid, "SIGKILL");
    await this.#gone;
  }

  async #insist(run: Run): Promise<void> {
    // A run whose output nobody reads may have ended long ago.
    const goesOn = () => this.#run === run && this.#flowing;
    await delay(FOLLOWERS_GRACE_MS, undefined, { ref: false });
    if (goesOn() && this.#child.pid !== undefined) killFollowers(this.#child.pid);
    await delay(KERNEL_GRACE_MS, undefined, { ref: false });
    if (!goesOn()) return;
    this.#isGivenUp = true;
    signalGroup(this.#child.pid, "SIGKILL");
  }

  #interrupt(run: Run, repeatMs: number): void {
    const { interruptBy, forgetsInput } = this.#spec;
    if (interruptBy === "message") {
      if (forgetsInput === true)
        setTimeout(() => this.#run === run && this.#tell({ interrupt: true }), SETTLE_MS);
      else this.#tell({ interrupt: true });
      // A process that the code was about to start may have missed it, and the code waits for that.
      const repeat = () => this.#run === run && this.#interrupt(run, repeatMs * 2);
      if (repeatMs < LAST_REPEAT_MS) setTimeout(repeat, repeatMs).unref();
    }
    if (forgetsInput === true) this.#interruptShell(run, SHELL_SIGNALS);
    else signalGroup(this.#child.pid, "SIGINT");
  }

  /**
   * Interrupts a shell some times before what it has started: one that is about to wait for its child forgets a signal
   * that comes just then, and would go on with the next command when only the child dies of it.
   */
  #interruptShell(run: Run, times: number): void {
    if (times === 0) {
      signalGroup(this.#child.pid, "SIGINT");
      return;
    }
    this.#child.kill("SIGINT");
    setTimeout(() => this.#run === run && this.#interruptShell(run, times - 1), SHELL_SIGNAL_MS);
  }

  /** Makes sure that no signal is on its way that could swallow the next request. */
  #sync(): void {
    if (this.#isReady || !this.#alive) return;
    this.#tell({ sync: true });
    setTimeout(() => this.#sync(), SETTLE_MS).unref();
  }

  async #begin(run: Run): Promise<void> {
    const { code } = run;
    if (this.#spec.hasPipesPerRun !== true) {
      run.number = this.#runs += 1;
      this.#tell({ code });
      return;
    }
    if (this.#isOutputReusable) {
      run.number = this.#runs += 1;
      this.#tell({ code });
      return;
    }
    let output: KernelOutput;
    try {
      output = this.#outputTo(await this.#pipes.take(), await this.#pipes.take());
    } catch (error) {
      run.deliver(kernelDied(`there are no pipes for its output: ${messageOf(error)}`, ""));
      this.#settle(run);
      return;
    }
    if (this.#run !== run) {
      output.discard();
      return;
    }
    this.#output.discard();
    this.#output = output;
    output.setFlowing(this.#flowing);
    // The worker opens our own ends; "started" says that it has.
    run.number = this.#runs += 1;
    this.#tell({ code, ...output.writeNames });
  }

  #outputTo(stdout: OutputPipe, stderr: OutputPipe, target = this.#target): KernelOutput {
    const marker = this.#spec.writesMarkers === false ? undefined : this.#marker;
    return new KernelOutput(stdout, stderr, { marker, target });
  }

  #openChannel(): void {
    const lines = new JsonLines((value) => {
      if (Array.isArray(value)) this.#output.pushBatch(decodeBatch(value));
      else this.#onMessage(decodeMessage(value));
    });
    this.#channel.on("error", () => undefined); // the process's end says it all
    this.#channel.on("data", (chunk: Buffer) => {
      try {
        lines.push(chunk);
      } catch (error) {
        // User code can write to any descriptor; after that there is no telling where a message begins.
        this.#complaint = `the kernel's channel is broken: ${messageOf(error)}`;
        signalGroup(this.#child.pid, "SIGKILL");
      }
    });
    // User code can close any descriptor, and a kernel that cannot speak is of no use; one that ends by itself says how.
    this.#channel.on("end", () => {
      setTimeout(() => this.#alive && signalGroup(this.#child.pid, "SIGKILL"), LAST_WORDS_MS).unref();
    });
  }

  #tell(request: WorkerRequest): void {
    const line = this.#spec.encode?.(request) ?? `${JSON.stringify(request)}\n`;
    (this.#child.stdin ?? this.#channel).write(line);
  }

  #onText(stream: "stdout" | "stderr", text: string): void {
    this.#note(text);
    // What comes while nothing runs belongs to no one.
    if (text !== "") this.#run?.deliver({ type: stream, text });
  }

  #note(text: string): void {
    if (!this.#isReady) this.#complaint = (this.#complaint + text).slice(-COMPLAINT_CHARS);
  }

  #onMessage(message: Message): void {
    const run = this.#run;
    switch (message.type) {
      case "ready":
        if (this.#isReady) break;
        this.#isReady = true;
        this.#markReady();
        this.#complaint = "";
        if (run) void this.#begin(run);
        break;
      case "started":
        if (!run) break;
        run.started = true;
        this.#output.closeWriteEnds();
        if (this.#isNotePending) this.#deliverNote(run);
        if (run.interruptWanted) this.interrupt();
        break;
      case "done":
        // One that comes before the start is an echo of the run before.
        if (run?.started === true) this.#settle(run, message.isReusable);
        break;
      case "error":
        run?.deliver((run.interruptWanted ? this.#spec.interrupted : undefined) ?? message);
        break;
      case "late":
        this.#noteLate(message.run);
        break;
      case "note":
        break;
      default:
        run?.deliver(message);
    }
  }

  /** Says once per run that output of it was dropped: in the run that goes on, or else in the next one. */
  #noteLate(number: number): void {
    if (number === this.#run?.number || this.#noted.has(number)) return;
    this.#noted.add(number);
    if (this.#run?.started === true) this.#deliverNote(this.#run);
    else this.#isNotePending = true;
  }

  #deliverNote(run: Run): void {
    this.#isNotePending = false;
    run.deliver({ type: "stderr", text: LATE_NOTE });
  }

  #settle(run: Run, isReusable = false): void {
    this.#isOutputReusable = isReusable && this.#spec.hasPipesPerRun === true;
    if (this.#spec.hasPipesPerRun === true && !isReusable)
      this.#output.finish(() => this.#noteLate(run.number));
    else this.#output.finishText();
    if (this.#run === run) this.#run = undefined;
    if (run.interruptWanted && this.#spec.forgetsInput === true) {
      this.#isReady = false;
      this.#sync();
    }
    run.resolve();
  }

  #describeEnd(run: Run, exitStatus: number | null): ErrorEvent | undefined {
    if (!run.started || exitStatus === null) return undefined;
    const described = this.#spec.describeEnd?.(exitStatus);
    const interrupted = run.interruptWanted ? this.#spec.interrupted : undefined;
    return described && interrupted ? { ...interrupted, traceback: described.traceback } : described;
  }

  #onGone(reason: string, exitStatus: number | null): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#markReady();
    // Its subprocesses are of no use to anyone now.
    signalGroup(this.#child.pid, "SIGKILL");
    // Whatever it managed to say comes first: it is in the channel's buffer, or on its way there.
    const finish = () => {
      this.#output.finish();
      const run = this.#run;
      if (run === undefined) return;
      const why = this.#isGivenUp ? "it did not end the code that was interrupted" : reason;
      const what = `the ${this.#spec.name} process has ended (${why}); the context's variables are lost`;
      run.deliver(this.#describeEnd(run, exitStatus) ?? kernelDied(what, this.#complaint));
      this.#settle(run);
    };
    if (this.#channel.closed) return finish();
    this.#channel.once("close", finish);
    this.#channel.resume();
    setTimeout(() => this.#channel.destroy(), LAST_WORDS_MS).unref();
  }
}

function kernelDied(evalue: string, complaint: string): ErrorEvent {
  const traceback = complaint === "" ? [] : complaint.trimEnd().split("\n");
  return { type: "error", ename: "KernelDied", evalue, traceback };
}
