import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { Duplex } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import type { KernelLaunch } from "../environment.js";
import type { OutputPipe } from "../pipes.js";
import { messageOf } from "../problem.js";
import { describeSignal, signalGroup, trackGroup } from "../processes.js";
import { JsonLines } from "./json-lines.js";
import type { Kernel, KernelEvent, KernelHost } from "./kernel.js";
import { OutputMerge } from "./merge.js";
import { decodeBatch, decodeMessage, type Message } from "./messages.js";

// Output that runs ahead of its messages is held; beyond this its writer has to wait.
const HELD_LIMIT = 2 ** 20;
// What a kernel writes before it can speak says why it does not start.
const COMPLAINT_CHARS = 4000;

interface Run {
  readonly code: string;
  readonly deliver: (event: KernelEvent) => void;
  readonly resolve: () => void;
  started: boolean;
  interruptWanted: boolean;
}

/** What the supervisor tells a worker: first its settings, then code, one run at a time. */
export type WorkerRequest =
  | { readonly marker: string; readonly [setting: string]: string | number | boolean }
  | { readonly code: string }
  | { readonly interrupt: true };

/** What is particular to the worker of a language. */
export interface WorkerSpec {
  /** As people call the language. */
  readonly name: string;
  readonly launch: KernelLaunch;
  /** SIGINT to the process group, or the request `{"interrupt":true}` and SIGINT, for what the code has started. */
  readonly interruptBy: "signal" | "message";
  /** Writes a request in another way than as a line of JSON on the channel. */
  readonly encode?: (request: WorkerRequest) => string;
  /** Takes requests on standard input, and has the channel for its answers only. @default false */
  readonly readsStandardInput?: boolean;
  /** The error of a run that ended its own process. */
  readonly describeEnd?: (code: number | null) => Omit<KernelEvent & { type: "error" }, "type"> | undefined;
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
  readonly #child: ChildProcess;
  readonly #pipes: Readonly<Record<"stdout" | "stderr", OutputPipe>>;
  readonly #decoders = { stdout: new StringDecoder("utf8"), stderr: new StringDecoder("utf8") };
  readonly #merge: OutputMerge<Message>;
  readonly #gone: Promise<void>;
  readonly #channel: Duplex;
  #alive = true;
  #isReady = false;
  #markReady: () => void = () => undefined;
  #flowing = true;
  #pipesFlowing = true;
  #run: Run | undefined;
  #complaint = "";

  /** Starts a process; it need not be ready yet when this resolves. */
  static async start(spec: WorkerSpec, host: KernelHost): Promise<WorkerKernel> {
    return new WorkerKernel(spec, host, await host.pipes.take(), await host.pipes.take());
  }

  private constructor(
    spec: WorkerSpec,
    { workspace, env }: KernelHost,
    stdout: OutputPipe,
    stderr: OutputPipe,
  ) {
    this.#spec = spec;
    this.ready = new Promise((resolve) => (this.#markReady = resolve));
    this.#pipes = { stdout, stderr };
    // The first byte is one that text hardly has, so that no text seems to begin a marker and waits for its rest.
    const marker = Buffer.concat([Buffer.of(0), randomBytes(15)]);
    this.#merge = new OutputMerge(marker, {
      raw: (stream, bytes) => this.#onText(stream, this.#decoders[stream].write(bytes)),
      message: (message) => this.#onMessage(message),
    });
    const [program, ...args] = spec.launch.command;
    this.#child = spawn(program, args, {
      cwd: workspace,
      env: { ...env, ...spec.launch.env },
      detached: true,
      stdio: [spec.readsStandardInput === true ? "pipe" : "ignore", stdout.writeEnd, stderr.writeEnd, "pipe"],
    });
    trackGroup(this.#child.pid);
    const channel = this.#child.stdio[3];
    // A "pipe" of Node's is a socket, both ways; its type knows only one.
    if (!(channel instanceof Duplex)) throw new Error("the kernel has no channel");
    this.#channel = channel;
    for (const stream of ["stdout", "stderr"] as const) {
      const pipe = this.#pipes[stream];
      pipe.closeWriteEnd();
      pipe.listen((chunk) => {
        this.#merge.pushBytes(stream, chunk);
        this.#reflow();
      });
    }
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
    this.#tell({ ...spec.launch.settings, marker: marker.toString("hex") });
  }

  get alive(): boolean {
    return this.#alive;
  }

  run(code: string, deliver: (event: KernelEvent) => void): Promise<void> {
    return new Promise((resolve) => {
      this.#run = { code, deliver, resolve, started: false, interruptWanted: false };
      if (this.#isReady) this.#tell({ code });
    });
  }

  interrupt(): void {
    const run = this.#run;
    if (run === undefined) return;
    run.interruptWanted = true;
    // A signal before the code has begun would be lost.
    if (!run.started) return;
    if (this.#spec.interruptBy === "message") this.#tell({ interrupt: true });
    signalGroup(this.#child.pid, "SIGINT");
  }

  setFlowing(flowing: boolean): void {
    this.#flowing = flowing;
    if (flowing) this.#channel.resume();
    else this.#channel.pause();
    this.#reflow();
  }

  async kill(): Promise<void> {
    signalGroup(this.#child.pid, "SIGKILL");
    await this.#gone;
  }

  #openChannel(): void {
    const lines = new JsonLines((value) => {
      if (Array.isArray(value)) this.#merge.pushBatch(decodeBatch(value));
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
      this.#reflow();
    });
    // User code can close any descriptor, and a kernel that cannot speak is of no use.
    this.#channel.on("end", () => signalGroup(this.#child.pid, "SIGKILL"));
  }

  #tell(request: WorkerRequest): void {
    const line = this.#spec.encode?.(request) ?? `${JSON.stringify(request)}\n`;
    (this.#child.stdin ?? this.#channel).write(line);
  }

  #onText(stream: "stdout" | "stderr", text: string): void {
    if (!this.#isReady) this.#complaint = (this.#complaint + text).slice(-COMPLAINT_CHARS);
    // What comes while nothing runs belongs to no one.
    if (text !== "") this.#run?.deliver({ type: stream, text });
  }

  #onMessage(message: Message): void {
    const run = this.#run;
    switch (message.type) {
      case "ready":
        this.#isReady = true;
        this.#markReady();
        this.#complaint = "";
        if (run) this.#tell({ code: run.code });
        break;
      case "started":
        if (!run) break;
        run.started = true;
        if (run.interruptWanted) this.interrupt();
        break;
      case "done":
        this.#settle();
        break;
      case "note":
        break;
      default:
        run?.deliver(message);
    }
  }

  #settle(): void {
    for (const stream of ["stdout", "stderr"] as const) this.#onText(stream, this.#decoders[stream].end());
    const run = this.#run;
    this.#run = undefined;
    run?.resolve();
  }

  #onGone(reason: string, code: number | null): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#markReady();
    // Its subprocesses are of no use to anyone now.
    signalGroup(this.#child.pid, "SIGKILL");
    // Whatever it managed to say comes first: it is in the channel's buffer, or on its way there.
    const finish = () => {
      for (const pipe of Object.values(this.#pipes)) pipe.finish();
      this.#merge.end();
      const error = (this.#isReady ? this.#spec.describeEnd?.(code) : undefined) ?? {
        ename: "KernelDied",
        evalue: `the ${this.#spec.name} process has ended (${reason}); the context's variables are lost`,
        traceback: this.#complaint === "" ? [] : this.#complaint.trimEnd().split("\n"),
      };
      this.#run?.deliver({ type: "error", ...error });
      this.#settle();
    };
    if (this.#channel.closed) return finish();
    this.#channel.once("close", finish);
    this.#channel.resume();
    // A forked child of user code may hold the channel open.
    setTimeout(() => this.#channel.destroy(), 500).unref();
  }

  #reflow(): void {
    const flowing = this.#flowing && this.#merge.heldBytes < HELD_LIMIT;
    if (flowing === this.#pipesFlowing) return;
    this.#pipesFlowing = flowing;
    for (const pipe of Object.values(this.#pipes)) pipe.setFlowing(flowing);
  }
}
