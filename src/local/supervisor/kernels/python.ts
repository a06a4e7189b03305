import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { Duplex } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import type { Configuration, PythonConfiguration } from "../environment.js";
import type { OutputPipe, PipePool } from "../pipes.js";
import { messageOf } from "../problem.js";
import { describeSignal, signalGroup, trackGroup } from "../processes.js";
import { JsonLines } from "./json-lines.js";
import type { Kernel, KernelEvent } from "./kernel.js";
import { OutputMerge } from "./merge.js";
import { decodeBatch, decodeMessage, type Message } from "./python-messages.js";

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

/** A Python process that runs kernels/python.py. */
export class PythonKernel implements Kernel {
  readonly #child: ChildProcess;
  readonly #pipes: Readonly<Record<"stdout" | "stderr", OutputPipe>>;
  readonly #decoders = { stdout: new StringDecoder("utf8"), stderr: new StringDecoder("utf8") };
  readonly #merge: OutputMerge<Message>;
  readonly #gone: Promise<void>;
  readonly #channel: Duplex;
  #alive = true;
  #ready = false;
  #flowing = true;
  #pipesFlowing = true;
  #run: Run | undefined;
  #complaint = "";

  /** Starts a process; it need not be ready yet when this resolves. */
  static async start(
    python: PythonConfiguration,
    configuration: Configuration,
    pipes: PipePool,
  ): Promise<PythonKernel> {
    return new PythonKernel(python, configuration, await pipes.take(), await pipes.take());
  }

  private constructor(
    python: PythonConfiguration,
    { workspace, env }: Configuration,
    stdout: OutputPipe,
    stderr: OutputPipe,
  ) {
    this.#pipes = { stdout, stderr };
    // The first byte is one that text hardly has, so that no text seems to begin a marker and waits for its rest.
    const marker = Buffer.concat([Buffer.of(0), randomBytes(15)]);
    this.#merge = new OutputMerge(marker, {
      raw: (stream, bytes) => this.#onText(stream, this.#decoders[stream].write(bytes)),
      message: (message) => this.#onMessage(message),
    });
    this.#child = spawn(python.executable, [python.script], {
      cwd: workspace,
      env,
      detached: true,
      stdio: ["ignore", stdout.writeEnd, stderr.writeEnd, "pipe"],
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
        this.#onGone(`it cannot be started: ${messageOf(error)}`);
        resolve();
      });
      this.#child.once("exit", (code, signal) => {
        this.#onGone(signal === null ? `exit status ${code ?? 0}` : describeSignal(signal));
        resolve();
      });
    });
    this.#openChannel({ marker: marker.toString("hex"), ipython: python.ipython });
  }

  get alive(): boolean {
    return this.#alive;
  }

  run(code: string, deliver: (event: KernelEvent) => void): Promise<void> {
    return new Promise((resolve) => {
      this.#run = { code, deliver, resolve, started: false, interruptWanted: false };
      if (this.#ready) this.#tell({ code });
    });
  }

  interrupt(): void {
    const run = this.#run;
    if (run === undefined) return;
    // A signal before the code has begun would be lost.
    if (run.started) signalGroup(this.#child.pid, "SIGINT");
    else run.interruptWanted = true;
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

  #openChannel(settings: object): void {
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
    this.#tell(settings);
  }

  #tell(request: object): void {
    this.#channel.write(`${JSON.stringify(request)}\n`);
  }

  #onText(stream: "stdout" | "stderr", text: string): void {
    if (!this.#ready) this.#complaint = (this.#complaint + text).slice(-COMPLAINT_CHARS);
    // What comes while nothing runs belongs to no one.
    if (text !== "") this.#run?.deliver({ type: stream, text });
  }

  #onMessage(message: Message): void {
    const run = this.#run;
    switch (message.type) {
      case "ready":
        this.#ready = true;
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

  #onGone(reason: string): void {
    if (!this.#alive) return;
    this.#alive = false;
    // Its subprocesses are of no use to anyone now.
    signalGroup(this.#child.pid, "SIGKILL");
    // Whatever it managed to say comes first: it is in the channel's buffer, or on its way there.
    const finish = () => {
      for (const pipe of Object.values(this.#pipes)) pipe.finish();
      this.#merge.end();
      this.#run?.deliver({
        type: "error",
        ename: "KernelDied",
        evalue: `the Python process has ended (${reason}); the context's variables are lost`,
        traceback: this.#complaint === "" ? [] : this.#complaint.trimEnd().split("\n"),
      });
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
