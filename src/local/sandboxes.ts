import { randomBytes, randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import path from "node:path";
import type { Box } from "./box.js";
import { sandboxNotFound } from "./answers.js";
import { removeTree } from "./removal.js";
import { formatTime, now } from "./times.js";

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What a sandbox is created with, checked. */
export interface SandboxSpec {
  readonly imageUri: string;
  readonly entrypoint: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly extensions: Readonly<Record<string, string>>;
  readonly platform: unknown;
  /** `undefined`: it lives until it is deleted. */
  readonly timeoutSeconds: number | undefined;
}

/** Starts the box of a sandbox in an empty directory. */
export type BoxStarter = (directory: string, env: Readonly<Record<string, string>>) => Promise<Box>;

/** A sandbox of this server. */
export class Sandbox {
  readonly id: string;
  readonly box: Box;
  /** What execd asks for on every request; the endpoint's answer hands it out. */
  readonly accessToken = randomBytes(24).toString("hex");
  readonly createdAt = now();
  metadata: Readonly<Record<string, string>>;
  /** Microseconds since 1970. */
  expiresAt: number | undefined;
  readonly #spec: SandboxSpec;
  #endedAt: number | undefined;

  constructor(id: string, spec: SandboxSpec, box: Box) {
    this.id = id;
    this.box = box;
    this.#spec = spec;
    this.metadata = spec.metadata;
    const { timeoutSeconds } = spec;
    this.expiresAt = timeoutSeconds === undefined ? undefined : this.createdAt + timeoutSeconds * 1_000_000;
    void box.gone.then(() => (this.#endedAt = now()));
  }

  get state(): "Running" | "Failed" {
    return this.#endedAt === undefined ? "Running" : "Failed";
  }

  /** The answer to its creation. */
  toCreated(): object {
    const { platform, entrypoint } = this.#spec;
    return {
      id: this.id,
      status: this.#status("Sandbox container started successfully."),
      ...(platform !== undefined && { platform }),
      ...this.#metadata(),
      ...this.#times(),
      entrypoint,
    };
  }

  toJSON(): object {
    const { platform, entrypoint, imageUri } = this.#spec;
    return {
      id: this.id,
      image: { uri: imageUri },
      ...(platform !== undefined && { platform }),
      status: this.#status("Sandbox container is running."),
      ...this.#metadata(),
      entrypoint,
      ...this.#times(),
    };
  }

  #status(runningMessage: string): object {
    const running = this.#endedAt === undefined;
    return {
      state: this.state,
      reason: running ? "CONTAINER_RUNNING" : "CONTAINER_EXITED_ERROR",
      message: running ? runningMessage : "The sandbox's supervisor has ended.",
      lastTransitionAt: formatTime(this.#endedAt ?? this.createdAt),
    };
  }

  #metadata(): object {
    const { extensions } = this.#spec;
    return {
      ...(Object.keys(this.metadata).length > 0 && { metadata: this.metadata }),
      ...(Object.keys(extensions).length > 0 && { extensions }),
    };
  }

  #times(): object {
    return {
      ...(this.expiresAt !== undefined && { expiresAt: formatTime(this.expiresAt) }),
      createdAt: formatTime(this.createdAt),
    };
  }
}

/** The sandboxes of a server, each with its box and its end. */
export class Sandboxes {
  readonly #directory: string;
  readonly #startBox: BoxStarter;
  readonly #sandboxes = new Map<string, Sandbox>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #starting = new Set<Promise<unknown>>();
  #closed = false;

  /** @param directory - where each sandbox gets a directory of its own */
  constructor(directory: string, startBox: BoxStarter) {
    this.#directory = directory;
    this.#startBox = startBox;
  }

  async create(spec: SandboxSpec): Promise<Sandbox> {
    const starting = this.#create(spec);
    this.#starting.add(starting);
    return starting.finally(() => this.#starting.delete(starting));
  }

  /** @throws {LifecycleProblem} 404 */
  get(id: string): Sandbox {
    const sandbox = this.#sandboxes.get(id);
    if (sandbox === undefined) throw sandboxNotFound(id);
    return sandbox;
  }

  /** The newest first. */
  list(): Sandbox[] {
    return [...this.#sandboxes.values()].reverse();
  }

  /** Moves the end of a sandbox. */
  expireAt(sandbox: Sandbox, micros: number): void {
    sandbox.expiresAt = micros;
    this.#schedule(sandbox);
  }

  /** Ends a sandbox and removes its files. @throws {LifecycleProblem} 404 */
  async delete(id: string): Promise<void> {
    const sandbox = this.get(id);
    this.#sandboxes.delete(id);
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    await sandbox.box.kill();
    await removeTree(this.#directoryOf(id));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#starting);
    await Promise.all(this.list().map((sandbox) => this.delete(sandbox.id)));
  }

  /** Ends every box without waiting: for the end of the host's process. */
  killSync(): void {
    for (const sandbox of this.#sandboxes.values()) sandbox.box.killSync();
  }

  async #create(spec: SandboxSpec): Promise<Sandbox> {
    const id = randomUUID();
    mkdirSync(this.#directoryOf(id), { mode: 0o700 });
    let box: Box;
    try {
      box = await this.#startBox(this.#directoryOf(id), spec.env);
    } catch (error) {
      await removeTree(this.#directoryOf(id));
      throw error;
    }
    const sandbox = new Sandbox(id, spec, box);
    this.#sandboxes.set(id, sandbox);
    if (!this.#closed) this.#schedule(sandbox);
    return sandbox;
  }

  #schedule(sandbox: Sandbox): void {
    clearTimeout(this.#timers.get(sandbox.id));
    if (sandbox.expiresAt === undefined) return;
    const left = (sandbox.expiresAt - now()) / 1000;
    // Timers hold no more than 24 days; a longer wait is made of several.
    const timer = setTimeout(
      () => {
        if (left > LONGEST_TIMER_MS) this.#schedule(sandbox);
        // Whoever deletes it at the same moment has done the work.
        else this.delete(sandbox.id).catch(() => undefined);
      },
      Math.min(Math.max(left, 0), LONGEST_TIMER_MS),
    );
    timer.unref();
    this.#timers.set(sandbox.id, timer);
  }

  #directoryOf(id: string): string {
    return path.join(this.#directory, id);
  }
}
