import { spawn, type ChildProcess } from "node:child_process";
import { Socket } from "node:net";
import path from "node:path";
import { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { SandboxException } from "../../errors.js";
import type { ControlGroup } from "./control-group.js";
import type { BoxLaunch, BoxPlan, Isolation } from "./isolation/isolation.js";
import { configureLanguages, languageEnvironment, temporaryDirectory } from "../languages/configuration.js";
import type { SelectedRuntimes } from "../languages/runtimes.js";
import { EgressProxy } from "../egress/proxy.js";
import { PROXY_PORT, proxyEnvironment } from "../egress/environment.js";
import {
  findDescendant,
  hasEnded,
  isStopped,
  killStrays,
  identifyProcess,
  sendSignal,
  stopProcess,
  type ProcessIdentity,
} from "./processes.js";
import type { Configuration } from "../supervisor/configuration.js";
import { ENVIRONMENT_FILE } from "../supervisor/environment.js";
import { JUPYTER_PORT } from "../supervisor/jupyter-port.js";
import { SupervisorSession, type BoxRequest } from "./supervisor-session.js";

const START_TIMEOUT_MS = 30_000;
const COMPLAINT_CHARS = 4000;
const LOG_CHARS = 64 * 1024;
const TAMPER_CHECK_MS = 1000;
/** How long a supervisor may take to end on request. */
const END_MS = 3000;
/** How long the last process of a box may take to end after SIGKILL, and how often that is checked. */
const LAST_PROCESS_MS = 10_000;
const LAST_PROCESS_INTERVAL_MS = 2;

/** Options of a box that do not depend on the isolation. */
export interface BoxOptions {
  readonly plan: BoxPlan;
  readonly isolation: Isolation;
  /** The control group of this box. Without one, its processes are stopped and killed by signals. */
  readonly group?: ControlGroup | undefined;
  /** Variables for kernels and commands, in addition to those of every box. */
  readonly env: Readonly<Record<string, string>>;
  readonly ipython: boolean;
  readonly prewarm: boolean;
  /** One sentence for each language that runs in another version than requested. */
  readonly notices: SelectedRuntimes["notices"];
}

interface BoxParts {
  readonly launch: BoxLaunch;
  readonly group: ControlGroup | undefined;
  readonly egress: EgressProxy | undefined;
  readonly log: BoxLog;
}

/** The last part of what the programs of a box print on stderr. */
class BoxLog {
  #text = "";

  get text(): string {
    return this.#text;
  }

  add(text: string): void {
    this.#text = (this.#text + text).slice(-LOG_CHARS);
  }
}

/** A running box: its processes, and the connection to its supervisor. */
export class Box {
  readonly #child: ChildProcess;
  readonly #launch: BoxLaunch;
  readonly #group: ControlGroup | undefined;
  readonly #session: SupervisorSession;
  readonly #log: BoxLog;
  /** The proxy of the box's network rules, if it has some. */
  readonly egress: EgressProxy | undefined;
  #supervisorPid: number | undefined;
  /** The first process of the box's PID namespace, if it has one. */
  #firstProcess: ProcessIdentity | undefined;
  #paused = false;
  #frozen = false;
  #tamperCheck: NodeJS.Timeout | undefined;
  /** Resolves when the supervisor has ended, for any reason. */
  readonly gone: Promise<void>;

  /**
   * Starts a box and resolves when its supervisor responds.
   *
   * @throws {SandboxException} `SANDBOX_START_FAILED`, with the output of the programs
   */
  static async start(options: BoxOptions): Promise<Box> {
    const { plan, isolation, group } = options;
    const launch = isolation.prepare(plan);
    const { command, args } = group?.enter(launch.command, launch.args) ?? launch;
    const child = spawn(command, args, {
      cwd: launch.cwd,
      env: launch.env,
      // In its own session, Ctrl-C in the terminal reaches only the host, which ends its boxes in order.
      detached: true,
      stdio: ["ignore", "ignore", "pipe", "pipe"],
    });
    const log = new BoxLog();
    child.stderr?.setEncoding("utf8").on("data", (text: string) => log.add(text));
    const failed = failureOf(child, log);
    const channel = child.stdio[3];
    if (!(channel instanceof Duplex)) return failed;

    const egress = typeof plan.network === "string" ? undefined : new EgressProxy(plan.network);
    const box = new Box(child, channel, { launch, group, egress, log });
    const configuration = toConfiguration(options, launch);
    try {
      await Promise.race([box.#session.control("POST", configuration), failed]);
      if (box.egress !== undefined) void box.egress.serve(() => box.#session.accept());
      box.#watchSupervisor();
      return box;
    } catch (error) {
      box.#findProcesses();
      await box.kill();
      throw error instanceof SandboxException ? error : await failed;
    }
  }

  private constructor(child: ChildProcess, channel: Duplex, { launch, group, egress, log }: BoxParts) {
    this.#child = child;
    this.#launch = launch;
    this.#group = group;
    this.egress = egress;
    this.#log = log;
    this.gone = new Promise<void>((resolve) => {
      child.once("close", () => resolve());
      child.once("error", () => resolve());
    }).finally(() => {
      clearInterval(this.#tamperCheck);
      // The system may soon reuse the number.
      this.#supervisorPid = undefined;
    });
    this.#session = new SupervisorSession(channel);
    // Only a pending request keeps the host process alive, not a box.
    child.unref();
    if (child.stderr instanceof Socket) child.stderr.unref();
  }

  /** Sends a request to the supervisor; see {@link SupervisorSession.request}. */
  request(request: BoxRequest): Promise<Response> {
    return this.#session.request(request);
  }

  /** Connects to a port in the box. @throws {Error} if nothing listens on the port */
  connect(port: number): Promise<Duplex> {
    return this.#session.connect(port);
  }

  /** The stderr output of the supervisor and of the program that created the box. */
  get log(): string {
    return this.#log.text;
  }

  /**
   * Stops every process in the box, the supervisor last. Requests wait until {@link resume}.
   *
   * @throws {Error} if the box cannot be stopped
   */
  async pause(): Promise<void> {
    if (await this.#freeze()) return;
    const supervisor = this.#supervisorPid;
    if (supervisor === undefined) throw unpausable("its supervisor cannot be found among the processes");
    await this.#session.control("PAUSE");
    this.#paused = true;
    if (!(await stopProcess(supervisor))) {
      await this.resume();
      throw unpausable("its supervisor does not stop");
    }
  }

  /** Continues every process that {@link pause} stopped. */
  async resume(): Promise<void> {
    if (this.#frozen) {
      this.#frozen = false;
      this.#group?.thaw();
      return;
    }
    if (this.#supervisorPid !== undefined) sendSignal(this.#supervisorPid, "SIGCONT");
    this.#paused = false;
    await this.#session.control("RESUME");
  }

  /**
   * Ends every process in the box.
   *
   * @returns whether the last one ended; `false` on a timeout
   */
  async kill(): Promise<boolean> {
    // From here on the host process waits for it.
    this.#child.ref();
    if (this.#child.stderr instanceof Socket) this.#child.stderr.ref();
    this.killSync();
    // A busy supervisor reacts only to SIGKILL.
    const forcing = setTimeout(() => this.#child.kill("SIGKILL"), END_MS);
    await this.gone;
    clearTimeout(forcing);
    const deadline = performance.now() + LAST_PROCESS_MS;
    while (this.hasProcesses && performance.now() < deadline) await delay(LAST_PROCESS_INTERVAL_MS);
    await this.#group?.end();
    // A killed supervisor could not do this itself.
    if (!this.#launch.isAlone) killStrays(this.#launch.workspace);
    return !this.hasProcesses;
  }

  /**
   * Whether a process of the box may still exist. The child process ends first; the kernel ends the rest of its PID
   * namespace afterwards, and until then they can write files.
   */
  get hasProcesses(): boolean {
    return this.#firstProcess !== undefined && !hasEnded(this.#firstProcess);
  }

  /** Like {@link kill}, but does not wait. Used when the host process exits. */
  killSync(): void {
    // With an error. Otherwise bodies in transfer would end as if they were complete.
    this.#session.destroy(new SandboxException({ code: "SANDBOX_ENDED", message: "the sandbox was ended" }));
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#group?.kill();
    this.#child.kill(this.#launch.endSignal);
    // A stopped process, which code in the box can cause, reacts only to SIGKILL.
    if (this.#supervisorPid !== undefined) sendSignal(this.#supervisorPid, "SIGCONT");
    this.#group?.thaw();
  }

  /** Ends the box if its supervisor is stopped. Code in the box can do that, and so disable the limits. */
  #watchSupervisor(): void {
    this.#findProcesses();
    this.#tamperCheck = setInterval(() => {
      if (this.#paused || this.#supervisorPid === undefined || !isStopped(this.#supervisorPid)) return;
      this.#log.add("the supervisor was stopped from inside: the sandbox was ended\n");
      this.killSync();
    }, TAMPER_CHECK_MS);
    this.#tamperCheck.unref();
  }

  #findProcesses(): void {
    const { pid } = this.#child;
    if (pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const { supervisorDepth, isAlone } = this.#launch;
    this.#supervisorPid = findDescendant(pid, supervisorDepth);
    if (isAlone) this.#firstProcess = identifyProcess(findDescendant(pid, supervisorDepth - 1));
  }

  /** @returns whether the kernel has frozen the whole box */
  async #freeze(): Promise<boolean> {
    const { pid } = this.#child;
    // The supervisor may have failed to enter the group.
    if (this.#group === undefined || pid === undefined || !this.#group.has(pid)) return false;
    this.#frozen = await this.#group.freeze();
    if (!this.#frozen) this.#group.thaw();
    return this.#frozen;
  }
}

/** Blocks until the processes of killed boxes have ended, up to a timeout. */
export function waitUntilGoneSync(boxes: readonly Box[]): void {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  const deadline = performance.now() + LAST_PROCESS_MS;
  while (boxes.some((box) => box.hasProcesses) && performance.now() < deadline) {
    Atomics.wait(clock, 0, 0, LAST_PROCESS_INTERVAL_MS);
  }
}

/** Rejects when the programs of a box fail to start, end, or take too long. */
function failureOf(child: ChildProcess, log: BoxLog): Promise<never> {
  const failed = new Promise<never>((_resolve, reject) => {
    const fail = (reason: string) => {
      const complaint = log.text.trim().slice(-COMPLAINT_CHARS);
      const said = complaint === "" ? reason : complaint;
      const message = `A sandbox of the local server did not start: ${said}`;
      reject(new SandboxException({ code: "SANDBOX_START_FAILED", message }));
    };
    child.once("error", (error) => fail(error.message));
    child.once("close", (code, signal) => fail(`it ended at once (${signal ?? `exit status ${code ?? 0}`})`));
    // Not cancelled: if it fires late, nothing waits for this promise.
    delay(START_TIMEOUT_MS, undefined, { ref: false }).then(() => fail("it does not respond"), fail);
  });
  failed.catch(() => undefined); // it may end long after its start
  return failed;
}

/** Returns what the supervisor of a box has to know. */
function toConfiguration(
  { plan, env, ipython, prewarm, notices }: BoxOptions,
  launch: BoxLaunch,
): Configuration {
  const { runtimes, limits, mounts, network } = plan;
  const temporary = temporaryDirectory(launch);
  const hasProxy = typeof network !== "string";
  return {
    workspace: launch.workspace,
    scratch: launch.scratch,
    env: {
      ...launch.env,
      ...languageEnvironment({ launch, runtimes, network }),
      [ENVIRONMENT_FILE]: path.join(temporary, ".execd-envs"),
      ...(hasProxy && proxyEnvironment()),
      ...env,
    },
    ...(hasProxy && { proxyPort: PROXY_PORT }),
    languages: configureLanguages(
      { installed: runtimes, notices },
      { kernels: launch.kernels, temporary, ipython, memoryBytes: limits.memoryBytes },
    ),
    mounts,
    jupyterPorts: jupyterPorts(env["JUPYTER_PORT"], network !== "allow" && launch.isAlone),
    prewarm: prewarm ? ["python"] : [],
    limits: launch.isAlone
      ? {
          ...limits,
          cpuSeconds: limits.cpuSeconds ?? null,
          directories: launch.directories,
          mounted: launch.mounted,
        }
      : null,
  };
}

/** Returns the ports for clients that look for Jupyter. A port of the machine is not the sandbox's to choose. */
function jupyterPorts(given: string | undefined, ownsPorts: boolean): readonly number[] {
  if (!ownsPorts) return [0];
  const port = Number(given ?? "");
  return [port > 0 && port <= 65_535 && Number.isInteger(port) ? port : JUPYTER_PORT, 0];
}

function unpausable(reason: string): SandboxException {
  return new SandboxException({ code: "PAUSE_FAILED", message: reason });
}
