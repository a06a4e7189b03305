import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { problem } from "../wire/problem.js";
import { waitUntilGoneSync, type Box } from "../box/box.js";
import type { FaultRegistry } from "./faults/faults.js";
import type { BoxMount } from "../box/isolation/mounts.js";
import type { ServerDirectory } from "../host/server-directory.js";
import type { SandboxMounts, Volumes } from "../host/volumes.js";
import { HostedSandbox, type SandboxSpec } from "./hosted-sandbox.js";
import type { Snapshots } from "./snapshots.js";
import { now } from "./times.js";

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Starts the box of a sandbox in a directory that is empty or holds the files of its snapshot. */
export type BoxStarter = (directory: string, spec: SandboxSpec, mounts: readonly BoxMount[]) => Promise<Box>;

/** What belongs to sandboxes, beside their boxes. */
export interface SandboxesParts {
  readonly snapshots: Snapshots;
  readonly volumes: Volumes;
  readonly faults: FaultRegistry;
}

/** The sandboxes of a server: creates, expires and deletes them. */
export class Sandboxes {
  readonly snapshots: Snapshots;
  readonly volumes: Volumes;
  readonly #directory: ServerDirectory;
  readonly #startBox: BoxStarter;
  readonly #faults: FaultRegistry;
  readonly #sandboxes = new Map<string, HostedSandbox>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #starting = new Set<Promise<unknown>>();
  /** Sandboxes that are ending; they are no longer listed. */
  readonly #ending = new Map<HostedSandbox, Promise<unknown>>();
  #closed = false;

  /** @param directory - the parent of every sandbox's directory */
  constructor(
    directory: ServerDirectory,
    startBox: BoxStarter,
    { snapshots, volumes, faults }: SandboxesParts,
  ) {
    this.#directory = directory;
    this.#startBox = startBox;
    this.#faults = faults;
    this.snapshots = snapshots;
    this.volumes = volumes;
  }

  async create(spec: SandboxSpec): Promise<HostedSandbox> {
    const starting = this.#create(spec);
    this.#starting.add(starting);
    return starting.finally(() => this.#starting.delete(starting));
  }

  /** @throws {Problem} 404 */
  get(id: string): HostedSandbox {
    const sandbox = this.#sandboxes.get(id);
    if (sandbox === undefined) throw problem(404, "DOCKER::SANDBOX_NOT_FOUND", `Sandbox ${id} not found.`);
    return sandbox;
  }

  /** Lists the sandboxes, newest first. */
  list(): HostedSandbox[] {
    return [...this.#sandboxes.values()].reverse();
  }

  /** Changes when a sandbox expires. */
  expireAt(sandbox: HostedSandbox, micros: number): void {
    sandbox.expiresAt = micros;
    this.#schedule(sandbox, micros);
  }

  /** Applies the faults that affect when a sandbox expires. */
  applyFaults(sandbox: HostedSandbox): void {
    const { expiresInMillis } = this.#faults.get(sandbox.id);
    const end = expiresInMillis === undefined ? sandbox.expiresAt : now() + expiresInMillis * 1000;
    if (end === undefined) clearTimeout(this.#timers.get(sandbox.id));
    else this.#schedule(sandbox, end);
  }

  /** Ends a sandbox and removes its files. @throws {Problem} 404 */
  async delete(id: string): Promise<void> {
    const sandbox = this.get(id);
    this.#sandboxes.delete(id);
    this.#faults.forget(id);
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    const ending = this.#end(sandbox);
    this.#ending.set(sandbox, ending);
    await ending.finally(() => this.#ending.delete(sandbox));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#starting);
    const endings = [...this.list().map((sandbox) => this.delete(sandbox.id)), ...this.#ending.values()];
    // One failure must not keep the others from ending.
    await Promise.allSettled(endings);
    await this.snapshots.close();
    this.volumes.close();
    await Promise.all(endings);
  }

  /** Ends every box synchronously and waits for the last processes. Used when the host process exits. */
  killSync(): void {
    const boxes = [...this.#sandboxes.values(), ...this.#ending.keys()].map(({ box }) => box);
    for (const box of boxes) box.killSync();
    waitUntilGoneSync(boxes);
  }

  async #end({ id, box, directory }: HostedSandbox): Promise<void> {
    // If a box does not end in time, its files are removed with the server's.
    if (!(await box.kill())) return;
    this.#directory.discard(directory);
    this.volumes.release(id);
  }

  async #create(spec: SandboxSpec): Promise<HostedSandbox> {
    const id = randomUUID();
    const directory = path.join(this.#directory.path, id);
    mkdirSync(directory, { mode: 0o700 });
    let box: Box;
    let mounts: SandboxMounts | undefined;
    try {
      mounts = this.volumes.mount(id, spec.volumes);
      if (spec.snapshotId !== undefined) await this.snapshots.restore(spec.snapshotId, directory);
      box = await this.#startBox(directory, spec, mounts.mounts);
    } catch (error) {
      this.#directory.discard(directory);
      this.volumes.release(id);
      throw error;
    } finally {
      mounts?.close();
    }
    const sandbox = new HostedSandbox(id, spec, box, directory, () => this.#faults.get(id));
    this.#sandboxes.set(id, sandbox);
    if (this.#closed) return sandbox;
    this.applyFaults(sandbox);
    return sandbox;
  }

  #schedule(sandbox: HostedSandbox, micros: number): void {
    clearTimeout(this.#timers.get(sandbox.id));
    const left = (micros - now()) / 1000;
    // A timer holds at most 24 days; longer waits are split.
    const timer = setTimeout(
      () => {
        if (left > LONGEST_TIMER_MS) this.#schedule(sandbox, micros);
        // The sandbox may have been deleted meanwhile.
        else this.delete(sandbox.id).catch(() => undefined);
      },
      Math.min(Math.max(left, 0), LONGEST_TIMER_MS),
    );
    timer.unref();
    this.#timers.set(sandbox.id, timer);
  }
}
