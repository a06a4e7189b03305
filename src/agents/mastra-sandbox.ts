import {
  MastraSandbox,
  ProcessHandle,
  SandboxProcessManager,
  type CommandResult,
  type MastraSandboxOptions,
  type ProcessInfo,
  type ProviderStatus,
  type SandboxFileInput,
  type SandboxInfo,
  type SpawnProcessOptions,
  type WriteFilesOptions,
} from "@mastra/core/workspace";
import { InvalidArgumentException, isSandboxException, type Run, type Sandbox } from "../index.js";
import { createCodeTools, type CodeTools, type CodeToolsOptions } from "./index.js";
import { toLine } from "./sandbox-operations.js";

/** Options of {@link OpenSandbox}: where its sandbox comes from, and what all sandboxes of Mastra take. */
export interface OpenSandboxOptions
  extends
    Omit<MastraSandboxOptions, "processes">,
    Pick<CodeToolsOptions, "connectionConfig" | "sandbox" | "create" | "isolation" | "logger"> {
  /** The name of this sandbox in Mastra. @default a random one */
  readonly id?: string;
}

/**
 * A sandbox for a `Workspace` of Mastra. It is created by `start()` or the first command, paused by `stop()` and killed
 * by `destroy()`. A sandbox that you pass as `sandbox` is not killed.
 *
 * @example
 * ```ts
 * const workspace = new Workspace({ sandbox: new OpenSandbox() });
 * const agent = new Agent({ id: "developer", name: "Developer", instructions, model: "openai/gpt-5", workspace });
 * ```
 */
export class OpenSandbox extends MastraSandbox {
  readonly id: string;
  readonly name = "OpenSandbox";
  readonly provider = "opensandbox";
  status: ProviderStatus = "pending";
  override readonly networking = {
    getPortUrl: async (port: number): Promise<string | null> => {
      if (this.status !== "running") return null;
      const { url } = await (await this.sandbox()).getEndpoint(port);
      return url;
    },
  };
  readonly #options: CodeToolsOptions;
  #owner: CodeTools | undefined;
  #isPaused = false;

  constructor({
    id = `opensandbox-${crypto.randomUUID()}`,
    connectionConfig,
    sandbox,
    create,
    isolation,
    logger,
    ...options
  }: OpenSandboxOptions = {}) {
    super({ ...options, name: "OpenSandbox", processes: new Processes() });
    this.id = id;
    this.#options = { connectionConfig, sandbox, create, isolation, logger };
  }

  /** Returns the sandbox itself, to use what Mastra has no word for. */
  async sandbox(): Promise<Sandbox> {
    this.#owner ??= createCodeTools(this.#options);
    const { sandbox } = await this.#owner.interpreter();
    return sandbox;
  }

  override async start(): Promise<{ outcome: "created" | "connected" }> {
    const isNew = this.#owner === undefined && this.#options.sandbox === undefined;
    const sandbox = await this.sandbox();
    if (this.#isPaused) await sandbox.resume();
    this.#isPaused = false;
    return { outcome: isNew ? "created" : "connected" };
  }

  override async stop(): Promise<void> {
    if (this.#owner === undefined || this.#isPaused) return;
    await (await this.sandbox()).pause();
    this.#isPaused = true;
    // Mastra sets it too, but not where this is called by itself.
    this.status = "stopped";
  }

  override async destroy(): Promise<void> {
    const owner = this.#owner;
    this.#owner = undefined;
    this.#isPaused = false;
    await owner?.close();
    this.status = "destroyed";
  }

  override async writeFiles(
    files: SandboxFileInput[],
    { abortSignal }: WriteFilesOptions = {},
  ): Promise<void> {
    await this.ensureRunning();
    const sandbox = await this.sandbox();
    const entries = files.map(({ path, content, mode }) => ({
      path,
      data: content,
      ...(mode !== undefined && { mode: mode.toString(8) }),
    }));
    await sandbox.files.writeFiles(entries, { signal: abortSignal });
  }

  override async getInfo(): Promise<SandboxInfo> {
    const { id, name, provider, status } = this;
    if (this.#owner === undefined) return { id, name, provider, status, createdAt: new Date() };
    const { createdAt, expiresAt, metadata, ...info } = await (await this.sandbox()).getInfo();
    return {
      id,
      name,
      provider,
      status,
      createdAt,
      ...(expiresAt instanceof Date && { timeoutAt: expiresAt }),
      metadata: { ...metadata, sandboxId: info.id },
    };
  }

  override getInstructions(): string {
    return "Commands run with bash in an isolated sandbox of OpenSandbox, without access to this machine. Files are kept as long as the sandbox lives; each command is a process of its own, without standard input.";
  }
}

class Processes extends SandboxProcessManager<OpenSandbox> {
  override async spawn(command: string, options: SpawnProcessOptions = {}): Promise<ProcessHandle> {
    const sandbox = await this.sandbox.sandbox();
    const process = await SandboxProcess.start(sandbox, command, {
      ...options,
      cwd: options.cwd ?? this.sandbox.workingDirectory,
      env: { ...this.env, ...options.env },
    });
    this._tracked.set(process.pid, process);
    return process;
  }

  override list(): Promise<ProcessInfo[]> {
    const infos = [...this._tracked.values()].map(({ pid, command, exitCode }) => ({
      pid,
      running: exitCode === undefined,
      ...(command !== undefined && { command }),
      ...(exitCode !== undefined && { exitCode }),
    }));
    return Promise.resolve(infos);
  }
}

/** The exit code of `timeout`, and that of a process that SIGKILL has ended. */
const TIMED_OUT = 124;
const KILLED = 137;

type StartOptions = Omit<SpawnProcessOptions, "cwd"> & { readonly cwd: string | undefined };

class SandboxProcess extends ProcessHandle {
  readonly pid: string;
  exitCode: number | undefined;
  readonly #run: Run;
  readonly #result: Promise<CommandResult>;
  #isKilled = false;

  private constructor(pid: string, run: Run, options: StartOptions) {
    super(options);
    this.pid = pid;
    this.#run = run;
    this.#result = this.#follow(run);
    // Nobody has to wait for a process.
    this.#result.catch(() => undefined);
  }

  /** Starts a process; resolves once the server has given it an id. */
  static start({ commands }: Sandbox, command: string, options: StartOptions): Promise<SandboxProcess> {
    const { cwd, env = {}, timeout = 0 } = options;
    return new Promise((resolve, reject) => {
      let process: SandboxProcess | undefined;
      const run = commands.run(command, {
        cwd,
        env: Object.fromEntries(
          Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
        ),
        ...(timeout > 0 && { timeoutSeconds: timeout / 1_000 }),
        // Mastra keeps the output, within its own limits.
        maxOutputBytes: 1,
        handlers: {
          onInit: ({ id }) => {
            process = new SandboxProcess(id, run, options);
            resolve(process);
          },
          onStdout: ({ text }) => process?.emitStdout(toLine(text)),
          onStderr: ({ text }) => process?.emitStderr(toLine(text)),
        },
      });
      run.catch(reject);
    });
  }

  override wait(): Promise<CommandResult> {
    return this.#result;
  }

  async kill(): Promise<boolean> {
    if (this.exitCode !== undefined) return false;
    this.#isKilled = true;
    await this.#run.interrupt();
    return true;
  }

  sendStdin(): Promise<void> {
    const message =
      "Processes in a sandbox have no standard input: write the input to a file and redirect it.";
    return Promise.reject(new InvalidArgumentException(message));
  }

  async #follow(run: Run): Promise<CommandResult> {
    const start = performance.now();
    let timedOut = false;
    try {
      const { exitCode } = await run;
      this.exitCode = exitCode ?? KILLED;
    } catch (error) {
      timedOut = isSandboxException(error) && error.code === "RUN_TIMEOUT";
      this.exitCode = timedOut ? TIMED_OUT : KILLED;
      if (!timedOut) throw error;
    }
    return {
      success: this.exitCode === 0,
      exitCode: this.exitCode,
      stdout: this.stdout,
      stderr: this.stderr,
      executionTimeMs: Math.round(performance.now() - start),
      timedOut,
      killed: timedOut || this.#isKilled,
    };
  }
}
