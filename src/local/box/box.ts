import { spawn, type ChildProcess } from "node:child_process";
import { connect, constants, type ClientHttp2Session, type IncomingHttpHeaders } from "node:http2";
import { Socket } from "node:net";
import { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { SandboxException } from "../../errors.js";
import type { ControlGroup } from "./control-group.js";
import type { BoxLaunch, BoxPlan, Isolation } from "./isolation/isolation.js";
import { configureLanguages, languageEnvironment, temporaryDirectory } from "../languages/configuration.js";
import type { SelectedRuntimes } from "../languages/runtimes.js";
import { readableBody } from "../http/streams.js";
import {
  findDescendant,
  hasEnded,
  isStopped,
  killStrays,
  knowProcess,
  sendSignal,
  stopProcess,
  type KnownProcess,
} from "./processes.js";
import type { Configuration } from "../supervisor/environment.js";

const START_TIMEOUT_MS = 30_000;
const CONTROL_TIMEOUT_MS = 20_000;
const COMPLAINT_CHARS = 4000;
const LOG_CHARS = 64 * 1024;
const TAMPER_CHECK_MS = 1000;
/** How long a supervisor that is asked to end may take. */
const END_MS = 3000;
/** How long the last process of a box may take to end after SIGKILL, and how often that is looked at. */
const LAST_PROCESS_MS = 10_000;
const LAST_PROCESS_INTERVAL_MS = 2;
/** How much of one unread response this process holds, in bytes. */
const STREAM_WINDOW = 256 * 1024;

/** The headers of a box that are passed on to clients. All others, which code in it could make up, are dropped. */
const RELAYED_HEADERS = [
  "accept-ranges",
  "allow",
  "cache-control",
  "content-disposition",
  "content-length",
  "content-range",
  "content-type",
  "execd-commands-tail-cursor",
  "last-modified",
  "location",
  "x-accel-buffering",
  "x-content-type-options",
] as const;

/** A request for the supervisor of a box. */
export interface BoxRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Whether the response is from one of the user's own servers: all of its headers are passed on then. */
  readonly isForeign?: boolean | undefined;
  readonly body: ReadableStream<Uint8Array> | null;
  readonly signal: AbortSignal;
}

/** Options of a box that do not depend on how it is isolated. */
export interface BoxOptions {
  readonly plan: BoxPlan;
  readonly isolation: Isolation;
  /** For this box alone; without one its processes are held and ended by signals. */
  readonly group?: ControlGroup | undefined;
  /** Variables for kernels and commands, over those of every box. */
  readonly env: Readonly<Record<string, string>>;
  readonly ipython: boolean;
  readonly prewarm: boolean;
  /** One sentence for each language that runs in another version than was asked for. */
  readonly notices: SelectedRuntimes["notices"];
}

/** A running box: its processes, and the one connection to its supervisor. */
export class Box {
  readonly #child: ChildProcess;
  readonly #launch: BoxLaunch;
  readonly #group: ControlGroup | undefined;
  readonly #session: ClientHttp2Session;
  #supervisorPid: number | undefined;
  /** The first process of the box's PID namespace, where it has one. */
  #firstProcess: KnownProcess | undefined;
  #paused = false;
  #frozen = false;
  #log = "";
  #tamperCheck: NodeJS.Timeout | undefined;
  /** Resolves when the supervisor is gone, for whatever reason. */
  readonly gone: Promise<void>;
  #activeRequests = 0;

  /**
   * Starts a box and resolves when its supervisor responds.
   *
   * @throws {SandboxException} `SANDBOX_START_FAILED`, with what the programs said
   */
  static async start({ plan, isolation, group, env, ipython, prewarm, notices }: BoxOptions): Promise<Box> {
    const launch = isolation.prepare(plan);
    const { command, args } = group?.enter(launch.command, launch.args) ?? launch;
    const child = spawn(command, args, {
      cwd: launch.cwd,
      env: launch.env,
      // In its own session: Ctrl-C in the terminal reaches the host alone, which then ends its boxes in order.
      detached: true,
      stdio: ["ignore", "ignore", "pipe", "pipe"],
    });
    let log = "";
    let record = (text: string) => void (log += text);
    child.stderr?.setEncoding("utf8").on("data", (text: string) => record(text));
    const failed = new Promise<never>((_resolve, reject) => {
      const fail = (reason: string) => {
        const complaint = log.trim().slice(-COMPLAINT_CHARS);
        const said = complaint === "" ? reason : complaint;
        const message = `A sandbox of the local server did not start: ${said}`;
        reject(new SandboxException({ code: "SANDBOX_START_FAILED", message }));
      };
      child.once("error", (error) => fail(error.message));
      child.once("close", (code, signal) =>
        fail(`it ended at once (${signal ?? `exit status ${code ?? 0}`})`),
      );
      // Not cancelled: when it fires late, nothing waits for this promise any more.
      delay(START_TIMEOUT_MS, undefined, { ref: false }).then(() => fail("it does not respond"), fail);
    });
    failed.catch(() => undefined); // also when it ends long after its start
    const channel = child.stdio[3];
    if (!(channel instanceof Duplex)) return failed;

    const box = new Box(child, channel, launch, group);
    box.#note(log);
    record = (text) => {
      log = (log + text).slice(-LOG_CHARS);
      box.#note(text);
    };
    const { runtimes, network, limits } = plan;
    const configuration: Configuration = {
      workspace: launch.workspace,
      scratch: launch.scratch,
      env: { ...launch.env, ...languageEnvironment({ launch, runtimes, network }), ...env },
      languages: configureLanguages(
        { installed: runtimes, notices },
        {
          ...{ kernels: launch.kernels, temporary: temporaryDirectory(launch), ipython },
          memoryBytes: limits.memoryBytes,
        },
      ),
      prewarm: prewarm ? ["python"] : [],
      limits: launch.isAlone
        ? { ...limits, cpuSeconds: limits.cpuSeconds ?? null, directories: launch.directories }
        : null,
    };
    try {
      await Promise.race([box.#configure(configuration), failed]);
      box.#watchSupervisor();
      return box;
    } catch (error) {
      box.#findProcesses();
      await box.kill();
      throw error instanceof SandboxException ? error : await failed;
    }
  }

  private constructor(
    child: ChildProcess,
    channel: Duplex,
    launch: BoxLaunch,
    group: ControlGroup | undefined,
  ) {
    this.#child = child;
    this.#launch = launch;
    this.#group = group;
    this.gone = new Promise<void>((resolve) => {
      child.once("close", () => resolve());
      child.once("error", () => resolve());
    }).finally(() => {
      clearInterval(this.#tamperCheck);
      // Another process may soon have its number.
      this.#supervisorPid = undefined;
    });
    this.#session = connect("http://box", {
      createConnection: () => channel,
      // Many responses may wait for slow readers at once; new ones must not be refused for that.
      maxSessionMemory: 1000,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW, maxHeaderListSize: 16 * 1024 },
    });
    this.#session.on("error", () => undefined); // each request fails for itself
    // A box does not keep the host's process running; a pending request does.
    child.unref();
    channel.on("error", () => undefined);
    this.#session.unref();
    if (child.stderr instanceof Socket) child.stderr.unref();
  }

  /**
   * Sends a request and resolves to the response, its body unread.
   *
   * @throws the signal's reason, or an error that says why there is no response
   */
  async request(request: BoxRequest): Promise<Response> {
    const { signal } = request;
    try {
      signal.throwIfAborted();
      return await this.#send(request);
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  }

  /**
   * Connects to a port of the box, byte by byte.
   *
   * @throws {Error} where nothing listens there
   */
  connect(port: number): Promise<Duplex> {
    const stream = this.#session.request(
      { ":method": "CONNECT", ":authority": `box:${port}` },
      { endStream: false },
    );
    this.#hold(true);
    stream.once("close", () => this.#hold(false));
    return new Promise((resolve, reject) => {
      stream.on("error", reject);
      stream.once("close", () => reject(new Error("the sandbox closed the connection")));
      stream.once("response", (headers) => {
        if (headers[":status"] === 200) return resolve(stream);
        reject(new Error("connection refused"));
        stream.close();
      });
    });
  }

  #send({ method, path: target, headers, isForeign = false, body, signal }: BoxRequest): Promise<Response> {
    const stream = this.#session.request(
      { ...headers, ":method": method, ":path": target },
      { endStream: body === null },
    );
    this.#hold(true);
    const cancel = () => stream.close(constants.NGHTTP2_CANCEL);
    signal.addEventListener("abort", cancel, { once: true });
    stream.once("close", () => {
      this.#hold(false);
      signal.removeEventListener("abort", cancel);
    });
    body?.pipeTo(writableBody(stream)).catch(cancel);
    return new Promise((resolve, reject) => {
      stream.on("error", reject);
      stream.once("close", () => reject(new Error("the sandbox closed the connection")));
      stream.once("response", (headers) => {
        try {
          resolve(toResponse(headers, readableBody(stream, signal), isForeign));
        } catch (error) {
          cancel();
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
  }

  #note(text: string): void {
    this.#log = (this.#log + text).slice(-LOG_CHARS);
  }

  /** What the supervisor and the program that made the box wrote to stderr. */
  get log(): string {
    return this.#log;
  }

  /**
   * Stops every process in the box, the supervisor last: requests wait until {@link resume}.
   *
   * @throws {Error} where the box cannot be stopped
   */
  async pause(): Promise<void> {
    if (await this.#freeze()) return;
    const supervisor = this.#supervisorPid;
    if (supervisor === undefined) throw unpausable("its supervisor cannot be found among the processes");
    await this.#control("PAUSE");
    this.#paused = true;
    if (!(await stopProcess(supervisor))) {
      await this.resume();
      throw unpausable("its supervisor does not stop");
    }
  }

  /** Lets everything go on that {@link pause} has stopped. */
  async resume(): Promise<void> {
    if (this.#frozen) {
      this.#frozen = false;
      this.#group?.thaw();
      return;
    }
    if (this.#supervisorPid !== undefined) sendSignal(this.#supervisorPid, "SIGCONT");
    this.#paused = false;
    await this.#control("RESUME");
  }

  /**
   * Ends every process in the box.
   *
   * @returns whether the last one is gone; `false` if that takes too long
   */
  async kill(): Promise<boolean> {
    // It is awaited now, which has to keep the host's process running.
    this.#child.ref();
    if (this.#child.stderr instanceof Socket) this.#child.stderr.ref();
    this.killSync();
    // A busy one reacts to nothing but SIGKILL.
    const forcing = setTimeout(() => this.#child.kill("SIGKILL"), END_MS);
    await this.gone;
    clearTimeout(forcing);
    const deadline = performance.now() + LAST_PROCESS_MS;
    while (this.hasProcesses && performance.now() < deadline) await delay(LAST_PROCESS_INTERVAL_MS);
    await this.#group?.end();
    // A supervisor that was killed has not done it itself.
    if (!this.#launch.isAlone) killStrays(this.#launch.workspace);
    return !this.hasProcesses;
  }

  /**
   * Whether a process of the box may still be there. The program that is started ends before them: the kernel ends what is
   * in a PID namespace afterwards, and meanwhile they may write.
   */
  get hasProcesses(): boolean {
    return this.#firstProcess !== undefined && !hasEnded(this.#firstProcess);
  }

  /** Like {@link kill}, without waiting: for the end of the host's process. */
  killSync(): void {
    // With an error, or bodies that are being read would end as if they were complete.
    this.#session.destroy(new SandboxException({ code: "SANDBOX_ENDED", message: "the sandbox was ended" }));
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#group?.kill();
    this.#child.kill(this.#launch.endSignal);
    // A process that was stopped, by code in the box too, reacts to nothing but SIGKILL.
    if (this.#supervisorPid !== undefined) sendSignal(this.#supervisorPid, "SIGCONT");
    this.#group?.thaw();
  }

  /** Code in the box can stop its supervisor, and with it what keeps it within its limits. It ends the box. */
  #watchSupervisor(): void {
    this.#findProcesses();
    this.#tamperCheck = setInterval(() => {
      if (this.#paused || this.#supervisorPid === undefined || !isStopped(this.#supervisorPid)) return;
      this.#note("the supervisor was stopped from inside: the sandbox was ended\n");
      this.killSync();
    }, TAMPER_CHECK_MS);
    this.#tamperCheck.unref();
  }

  #findProcesses(): void {
    const { pid } = this.#child;
    if (pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const { supervisorDepth, isAlone } = this.#launch;
    this.#supervisorPid = findDescendant(pid, supervisorDepth);
    if (isAlone) this.#firstProcess = knowProcess(findDescendant(pid, supervisorDepth - 1));
  }

  /** @returns whether the kernel holds the whole box now */
  async #freeze(): Promise<boolean> {
    const { pid } = this.#child;
    // It may have been refused to enter the group.
    if (this.#group === undefined || pid === undefined || !this.#group.has(pid)) return false;
    this.#frozen = await this.#group.freeze();
    if (!this.#frozen) this.#group.thaw();
    return this.#frozen;
  }

  #configure(configuration: Configuration): Promise<void> {
    return this.#control("POST", new Blob([JSON.stringify(configuration)]).stream());
  }

  async #control(method: string, body: ReadableStream<Uint8Array> | null = null): Promise<void> {
    // Code in the box may keep its supervisor from answering.
    const signal = AbortSignal.timeout(CONTROL_TIMEOUT_MS);
    const answer = await this.request({ method, path: "/", body, signal });
    await answer.body?.cancel();
  }

  #hold(held: boolean): void {
    this.#activeRequests += held ? 1 : -1;
    if (this.#session.destroyed) return;
    if (this.#activeRequests > 0) this.#session.ref();
    else this.#session.unref();
  }
}

/** Waits until the processes of killed boxes are gone, without letting anything else happen; not longer than it takes. */
export function waitUntilGoneSync(boxes: readonly Box[]): void {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  const deadline = performance.now() + LAST_PROCESS_MS;
  while (boxes.some((box) => box.hasProcesses) && performance.now() < deadline) {
    Atomics.wait(clock, 0, 0, LAST_PROCESS_INTERVAL_MS);
  }
}

function unpausable(reason: string): SandboxException {
  return new SandboxException({ code: "PAUSE_FAILED", message: reason });
}

function toResponse(
  headers: IncomingHttpHeaders,
  body: ReadableStream<Uint8Array>,
  isForeign: boolean,
): Response {
  const status = Number(headers[":status"]);
  const relayed = new Headers();
  for (const name of isForeign ? Object.keys(headers) : RELAYED_HEADERS) {
    if (name.startsWith(":")) continue;
    for (const value of [headers[name] ?? []].flat()) relayed.append(name, value);
  }
  const bodiless = [204, 205, 304].includes(status) || headers["content-length"] === "0";
  if (bodiless) void body.cancel();
  return new Response(bodiless ? null : body, { status, headers: relayed });
}

function writableBody(stream: Duplex): WritableStream<Uint8Array> {
  return new WritableStream({
    write: (chunk) =>
      new Promise((resolve, reject) => {
        stream.write(chunk, (error) => (error ? reject(error) : resolve()));
      }),
    close: () => void stream.end(),
    abort: () => void stream.destroy(),
  });
}
