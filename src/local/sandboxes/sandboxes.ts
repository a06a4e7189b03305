import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { sandboxNotFound } from "../http/responses.js";
import { waitUntilGoneSync, type Box } from "../box/box.js";
import type { FaultRegistry } from "./faults/faults.js";
import type { ServerDirectory } from "../host/server-directory.js";
import { HostedSandbox, type SandboxSpec } from "./hosted-sandbox.js";
import type { Snapshots } from "./snapshots.js";
import { now } from "./times.js";

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Starts the box of a sandbox in a directory that holds nothing but its snapshot's files. */
export type BoxStarter = (directory: string, spec: SandboxSpec) => Promise<Box>;

/** The sandboxes of a server, each with its box and its end. */
export class Sandboxes {
  readonly snapshots: Snapshots;
  readonly #directory: ServerDirectory;
  readonly #startBox: BoxStarter;
  readonly #faults: FaultRegistry;
  readonly #sandboxes = new Map<string, HostedSandbox>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #starting = new Set<Promise<unknown>>();
  /** Those that are on their way to their end, and no longer listed. */
  readonly #ending = new Map<HostedSandbox, Promise<unknown>>();
  #closed = false;

  /** @param directory - where each sandbox gets a directory of its own */
  constructor(directory: ServerDirectory, startBox: BoxStarter, snapshots: Snapshots, faults: FaultRegistry) {
    this.#directory = directory;
    this.#startBox = startBox;
    this.#faults = faults;
    this.snapshots = snapshots;
  }

  async create(spec: SandboxSpec): Promise<HostedSandbox> {
    const starting = this.#create(spec);
    this.#starting.add(starting);
    return starting.finally(() => this.#starting.delete(starting));
  }

  /** @throws {LifecycleProblem} 404 */
  get(id: string): HostedSandbox {
    const sandbox = this.#sandboxes.get(id);
    if (sandbox === undefined) throw sandboxNotFound(id);
    return sandbox;
  }

  /** The newest first. */
  list(): HostedSandbox[] {
    return [...this.#sandboxes.values()].reverse();
  }

  /** Moves the end of a sandbox. */
  expireAt(sandbox: HostedSandbox, micros: number): void {
    sandbox.expiresAt = micros;
    this.#schedule(sandbox, micros);
  }

  /** Lets the faults that concern a sandbox's end take effect. */
  applyFaults(sandbox: HostedSandbox): void {
    const { expiresInMillis } = this.#faults.get(sandbox.id);
    const end = expiresInMillis === undefined ? sandbox.expiresAt : now() + expiresInMillis * 1000;
    if (end === undefined) clearTimeout(this.#timers.get(sandbox.id));
    else this.#schedule(sandbox, end);
  }

  /** Ends a sandbox and removes its files. @throws {LifecycleProblem} 404 */
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
    // One that fails must not keep the others.
    await Promise.allSettled(endings);
    await this.snapshots.close();
    await Promise.all(endings);
  }

  /** Ends every box, and waits for their last processes without letting anything else happen: for the end of the host's. */
  killSync(): void {
    const boxes = [...this.#sandboxes.values(), ...this.#ending.keys()].map(({ box }) => box);
    for (const box of boxes) box.killSync();
    waitUntilGoneSync(boxes);
  }

  async #end({ box, directory }: HostedSandbox): Promise<void> {
    // The files of one that does not end in time are removed with the server's.
    if (await box.kill()) this.#directory.discard(directory);
  }

  async #create(spec: SandboxSpec): Promise<HostedSandbox> {
    const id = randomUUID();
    const directory = path.join(this.#directory.path, id);
    mkdirSync(directory, { mode: 0o700 });
    let box: Box;
    try {
      if (spec.snapshotId !== undefined) await this.snapshots.restore(spec.snapshotId, directory);
      box = await this.#startBox(directory, spec);
    } catch (error) {
      this.#directory.discard(directory);
      throw error;
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
    // Timers hold no more than 24 days; a longer wait is made of several.
    const timer = setTimeout(
      () => {
        if (left > LONGEST_TIMER_MS) this.#schedule(sandbox, micros);
        // It may have been deleted at the same moment.
        else this.delete(sandbox.id).catch(() => undefined);
      },
      Math.min(Math.max(left, 0), LONGEST_TIMER_MS),
    );
    timer.unref();
    this.#timers.set(sandbox.id, timer);
  }
}
