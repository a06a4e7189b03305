import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { Duplex } from "node:stream";
import type { KernelLaunch } from "../configuration.js";
import type { OutputPipe, PipePool } from "../pipes.js";
import { messageOf } from "../../wire/problem.js";
import { describeSignal, signalGroup, startGroup } from "../process-groups.js";
import { Interruption, SETTLE_MS, type InterruptSpec } from "./interruption.js";
import { JsonLines } from "./json-lines.js";
import type { Kernel, KernelEvent, KernelHost, RunPermissions } from "./kernel.js";
import { decodeMessage, type Message } from "./messages.js";
import { KernelOutput, type OutputTarget } from "./kernel-output.js";

// Output of a process that is not ready yet explains why it fails to start. This much is kept.
const COMPLAINT_CHARS = 4000;
// How long to wait for the end of the channel, which a forked child of user code may hold open.
const LAST_WORDS_MS = 500;

const LATE_NOTE =
  "Note: code of an earlier run printed after that run had ended; this output is not shown. " +
  "To see it, let the run wait for what it starts.\n";

interface Run {
  /** From 1, in the order in which the worker receives the runs; 0 until then. */
  number: number;
  readonly code: string;
  readonly allowsInput: boolean;
  /** The request for input that the code waits for. */
  asked: number | undefined;
  readonly deliver: (event: KernelEvent) => void;
  readonly resolve: () => void;
  started: boolean;
  /** Its interrupts, if there were any. */
  interruption: Interruption | undefined;
}

/** A request to a worker: first its settings, then code, one run at a time. */
export type WorkerRequest =
  | { readonly marker: string; readonly [setting: string]: string | number | boolean }
  /** `stdout` and `stderr` are files to open for writing, if each run has pipes of its own. */
  | {
      readonly code: string;
      readonly allowsInput: boolean;
      readonly stdout?: string;
      readonly stderr?: string;
    }
  /** Answers a request for input; without text, input has ended. */
  | { readonly input: number; readonly text?: string | undefined }
  | { readonly interrupt: true }
  /** Asks for another `ready`; see {@link WorkerSpec.forgetsInput}. */
  | { readonly sync: true };

type ErrorEvent = KernelEvent & { readonly type: "error" };

/** Describes the worker of a language. */
export interface WorkerSpec extends InterruptSpec {
  /** The language's name in messages. */
  readonly name: string;
  readonly launch: KernelLaunch;
  /**
   * Whether each run has pipes of its own, which the worker installs as descriptors 1 and 2. Background processes of an
   * earlier run then cannot print into a later one.
   * @default false
   */
  readonly hasPipesPerRun?: boolean;
  /** Whether it writes the marker before each batch. If not, it sends one batch at the end of each run. @default true */
  readonly writesMarkers?: boolean;
  /** Encodes a request. @default a line of JSON */
  readonly encode?: (request: WorkerRequest) => string;
  /** Whether it reads requests from standard input and uses the channel only for responses. @default false */
  readonly readsStandardInput?: boolean;
  /** The error of an interrupted run, if the worker cannot recognize it. */
  readonly interrupted?: ErrorEvent;
  /** Returns the error of a run that ended the process. */
  readonly describeEnd?: (exitStatus: number) => ErrorEvent;
}

/**
 * The kernel of every language that has one process per context.
 *
 * The process sends lines of JSON on descriptor 3: a message, or a list of messages (a batch). Before each batch it writes
 * the marker from its settings to descriptors 1 and 2, which lets {@link KernelOutput} keep output and messages in order.
 */
export class WorkerKernel implements Kernel {
  readonly ready: Promise<void>;
  readonly #spec: WorkerSpec;
  readonly #pipes: PipePool;
  // The first byte is rare in text. Otherwise text that looks like the start of a marker would be held back.
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
  #killReason: string | undefined;
  #runs = 0;
  /** The runs whose late output has been reported. */
  readonly #noted = new Set<number>();
  #isNotePending = false;
  /** Whether the next run uses the same pipes: creating new ones takes longer than a small run. */
  #isOutputReusable = false;

  /** Starts a process. Resolves before the kernel is ready. */
  static async start(spec: WorkerSpec, host: KernelHost): Promise<WorkerKernel> {
    return new WorkerKernel(spec, host, [await host.pipes.take(), await host.pipes.take()]);
  }

  private constructor(
    spec: WorkerSpec,
    { workspace, env, pipes }: KernelHost,
    [stdout, stderr]: readonly [OutputPipe, OutputPipe],
  ) {
    this.#spec = spec;
    this.#pipes = pipes;
    this.#target = {
      text: (stream, text) => this.#onText(stream, text),
      message: (message) => this.#onMessage(message),
    };
    this.ready = new Promise((resolve) => (this.#markReady = resolve));
    // If each run has its own pipes, output on these only explains why the process fails to start.
    const beginning: OutputTarget = {
      ...this.#target,
      text: (_stream, text) => this.#keepStartOutput(text),
    };
    this.#output = this.#outputTo(stdout, stderr, spec.hasPipesPerRun === true ? beginning : this.#target);
    this.#child = startGroup(spec.launch.command, {
      cwd: workspace,
      env: { ...env, ...spec.launch.env },
      stdio: [spec.readsStandardInput === true ? "pipe" : "ignore", stdout, stderr, "pipe"],
    });
    const channel = this.#child.stdio[3];
    // Node's "pipe" is a duplex socket, although the type declarations list one direction.
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
    this.#child.stdin?.on("error", () => undefined); // The end of the process is reported instead.
    this.#openChannel();
    this.#tell({ ...spec.launch.settings, marker: this.#marker.toString("hex") });
  }

  get alive(): boolean {
    return this.#alive;
  }

  run(
    code: string,
    deliver: (event: KernelEvent) => void,
    { allowsInput }: RunPermissions = { allowsInput: false },
  ): Promise<void> {
    return new Promise((resolve) => {
      this.#run = {
        code,
        allowsInput,
        deliver,
        resolve,
        number: 0,
        started: false,
        interruption: undefined,
        asked: undefined,
      };
      if (this.#isReady) void this.#begin(this.#run);
    });
  }

  answer(id: number, text: string | undefined): boolean {
    const run = this.#run;
    if (run?.asked !== id) return false;
    run.asked = undefined;
    this.#tell({ input: id, text });
    return true;
  }

  interrupt(): void {
    const run = this.#run;
    if (run === undefined) return;
    run.asked = undefined;
    run.interruption ??= new Interruption(this.#child, this.#spec, {
      isRunning: () => this.#run === run,
      isFlowing: () => this.#flowing,
      sendInterruptRequest: () => this.#tell({ interrupt: true }),
      killKernel: () => {
        this.#killReason = "it did not end the code that was interrupted";
        signalGroup(this.#child.pid, "SIGKILL");
      },
    });
    // A signal before the code starts would be lost; "started" repeats the interrupt.
    if (run.started) run.interruption.send();
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

  /** Waits until no pending signal can make the shell lose the next request. */
  #sync(): void {
    if (this.#isReady || !this.#alive) return;
    this.#tell({ sync: true });
    setTimeout(() => this.#sync(), SETTLE_MS).unref();
  }

  async #begin(run: Run): Promise<void> {
    const { code, allowsInput } = run;
    if (this.#spec.hasPipesPerRun !== true || this.#isOutputReusable) {
      run.number = this.#runs += 1;
      this.#tell({ code, allowsInput });
      return;
    }
    let output: KernelOutput;
    try {
      output = this.#outputTo(await this.#pipes.take(), await this.#pipes.take());
    } catch (error) {
      run.deliver(kernelDied(`its output pipes cannot be created: ${messageOf(error)}`, ""));
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
    // The worker opens the write ends by name and then sends "started".
    run.number = this.#runs += 1;
    this.#tell({ code, allowsInput, ...output.writeNames });
  }

  #outputTo(stdout: OutputPipe, stderr: OutputPipe, target = this.#target): KernelOutput {
    const marker = this.#spec.writesMarkers === false ? undefined : this.#marker;
    return new KernelOutput(stdout, stderr, { marker, target });
  }

  #openChannel(): void {
    const lines = new JsonLines((value) => {
      if (Array.isArray(value)) this.#output.pushBatch(value.map(decodeMessage));
      else this.#onMessage(decodeMessage(value));
    });
    this.#channel.on("error", () => undefined); // The end of the process is reported instead.
    this.#channel.on("data", (chunk: Buffer) => {
      try {
        lines.push(chunk);
      } catch (error) {
        // User code can write to any descriptor. After that, the start of the next message is unknown.
        this.#break(`the kernel's channel is broken: ${messageOf(error)}`);
      }
    });
    // User code can close any descriptor, and a kernel without a channel is unusable. The delay lets a process that is
    // ending report its own exit status.
    this.#channel.on("end", () => {
      setTimeout(() => this.#alive && signalGroup(this.#child.pid, "SIGKILL"), LAST_WORDS_MS).unref();
    });
  }

  /** Ends a process that no longer keeps to the protocol. */
  #break(complaint: string): void {
    this.#complaint = complaint;
    signalGroup(this.#child.pid, "SIGKILL");
  }

  #tell(request: WorkerRequest): void {
    const line = this.#spec.encode?.(request) ?? `${JSON.stringify(request)}\n`;
    (this.#child.stdin ?? this.#channel).write(line);
  }

  #onText(stream: "stdout" | "stderr", text: string): void {
    this.#keepStartOutput(text);
    // Output between runs is dropped.
    if (text !== "") this.#run?.deliver({ type: stream, text });
  }

  #keepStartOutput(text: string): void {
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
        run.interruption?.send();
        break;
      case "done":
        // A "done" before the worker has the run is a repetition for the previous run.
        if (!run || run.number === 0) break;
        if (run.started) this.#settle(run, message.isReusable);
        else this.#break("it did not start the code");
        break;
      case "error":
        run?.deliver((run.interruption && this.#spec.interrupted) ?? message);
        break;
      case "late":
        this.#noteLate(message.run);
        break;
      case "note":
        // Goes to the log of the sandbox. Once the kernel is ready, only user code could send this.
        if (!this.#isReady) process.stderr.write(`${this.#spec.name}: ${message.text}\n`);
        break;
      case "input":
        if (run !== undefined) run.asked = message.id;
        run?.deliver(message);
        break;
      default:
        run?.deliver(message);
    }
  }

  /** Reports once per run that output of it was dropped: in the current run, or else in the next one. */
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
    if (run.interruption !== undefined && this.#spec.forgetsInput === true) {
      this.#isReady = false;
      this.#sync();
    }
    run.resolve();
  }

  #describeEnd(run: Run, exitStatus: number | null): ErrorEvent | undefined {
    if (!run.started || exitStatus === null) return undefined;
    const described = this.#spec.describeEnd?.(exitStatus);
    const interrupted = run.interruption && this.#spec.interrupted;
    return described && interrupted ? { ...interrupted, traceback: described.traceback } : described;
  }

  #onGone(reason: string, exitStatus: number | null): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#markReady();
    // Kill its subprocesses, too.
    signalGroup(this.#child.pid, "SIGKILL");
    // Deliver what the process still sent: it is in the channel's buffer, or on its way there.
    const finish = () => {
      this.#output.finish();
      const run = this.#run;
      if (run === undefined) return;
      const why = this.#killReason ?? reason;
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
