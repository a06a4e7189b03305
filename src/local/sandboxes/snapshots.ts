import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import path from "node:path";
import type { Rules } from "../egress/rules.js";
import { messageOf, problem } from "../wire/problem.js";
import type { ServerDirectory } from "../host/server-directory.js";
import type { HostedSandbox } from "./hosted-sandbox.js";
import { formatTime, now } from "./times.js";

type SnapshotState = "Creating" | "Ready" | "Failed" | "Deleting";

/** A copy of a sandbox's files: its workspace and its /tmp. Processes and memory are not kept. */
export class Snapshot {
  readonly id = randomUUID();
  readonly sandboxId: string;
  readonly name: string | undefined;
  /** The environment of sandboxes created from it. */
  readonly env: Readonly<Record<string, string>>;
  /** The network policy of sandboxes created from it, unless they are given one. */
  readonly network: Rules | undefined;
  readonly #createdAt = now();
  #state: SnapshotState = "Creating";
  #reason = "snapshot_accepted";
  #message = "Snapshot creation accepted.";
  #changedAt = this.#createdAt;

  constructor({ id, spec, box }: HostedSandbox, name: string | undefined) {
    this.sandboxId = id;
    this.network = box.egress?.rules;
    this.name = name;
    this.env = spec.env;
  }

  get state(): SnapshotState {
    return this.#state;
  }

  enter(state: SnapshotState, reason: string, message: string): void {
    this.#state = state;
    this.#reason = reason;
    this.#message = message;
    this.#changedAt = now();
  }

  toJSON(): object {
    return {
      id: this.id,
      sandboxId: this.sandboxId,
      ...(this.name !== undefined && { name: this.name }),
      status: {
        state: this.#state,
        reason: this.#reason,
        message: this.#message,
        lastTransitionAt: formatTime(this.#changedAt),
      },
      createdAt: formatTime(this.#createdAt),
    };
  }
}

/** The snapshots of a server. They exist until the server closes. */
export class Snapshots {
  readonly #server: ServerDirectory;
  readonly #directory: string;
  readonly #snapshots = new Map<string, Snapshot>();
  readonly #working = new Set<Promise<void>>();
  /** The most recent restoration of each snapshot; it waits for earlier ones. */
  readonly #restoring = new Map<string, Promise<unknown>>();
  readonly #closing = new AbortController();

  constructor(server: ServerDirectory) {
    this.#server = server;
    this.#directory = path.join(server.path, "snapshots");
    mkdirSync(this.#directory, { mode: 0o700 });
  }

  /** Starts to take a snapshot. @throws {Problem} 409 if the sandbox is not running */
  create(sandbox: HostedSandbox, name: string | undefined): Snapshot {
    if (sandbox.state !== "Running") {
      const message = "Snapshot can only be created from a Running sandbox.";
      throw problem(409, "SNAPSHOT::INVALID_SOURCE_STATE", message);
    }
    const snapshot = new Snapshot(sandbox, name);
    this.#snapshots.set(snapshot.id, snapshot);
    this.#work(this.#copy(sandbox, snapshot));
    return snapshot;
  }

  /** @throws {Problem} 404 */
  get(id: string): Snapshot {
    const snapshot = this.#snapshots.get(id);
    if (snapshot === undefined) throw problem(404, "SNAPSHOT::NOT_FOUND", `Snapshot ${id} not found`);
    return snapshot;
  }

  /** Lists the snapshots, newest first. */
  list(): Snapshot[] {
    return [...this.#snapshots.values()].reverse();
  }

  /** Returns a snapshot that is ready to use. @throws {Problem} 404 and 409 */
  ready(id: string): Snapshot {
    const snapshot = this.get(id);
    if (snapshot.state !== "Ready") {
      const message = `Snapshot ${id} is not ready (current state: ${snapshot.state}).`;
      throw problem(409, "SNAPSHOT::NOT_READY", message);
    }
    return snapshot;
  }

  /** Copies the files of a snapshot into the directory of a new box. @throws {Problem} 404 and 409 */
  async restore(id: string, directory: string): Promise<void> {
    this.ready(id);
    const copying = this.#server.trees.copy(this.#directoryOf(id), directory);
    this.#restoring.set(id, Promise.allSettled([copying, this.#restoring.get(id)]));
    await copying;
  }

  /** Deletes a snapshot. @throws {Problem} 404, and 409 while it is being created */
  async delete(id: string): Promise<void> {
    const snapshot = this.get(id);
    if (snapshot.state === "Creating" || snapshot.state === "Deleting") {
      const message = `Snapshot ${id} cannot be deleted in state ${snapshot.state}.`;
      throw problem(409, "SNAPSHOT::INVALID_STATE", message);
    }
    snapshot.enter("Deleting", "snapshot_deleting", "Snapshot is being deleted.");
    // Otherwise a sandbox could start with only part of the files.
    await this.#restoring.get(id);
    this.#restoring.delete(id);
    this.#server.discard(this.#directoryOf(id));
    this.#snapshots.delete(id);
  }

  /** Cancels copies in progress and waits for them to end. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#working);
  }

  async #copy(sandbox: HostedSandbox, snapshot: Snapshot): Promise<void> {
    const directory = this.#directoryOf(snapshot.id);
    // If the box keeps changing despite the pause, a copy might never finish.
    const ended = new AbortController();
    void sandbox.box.gone.then(() => ended.abort());
    const signal = AbortSignal.any([ended.signal, this.#closing.signal]);
    try {
      mkdirSync(directory, { mode: 0o700 });
      // With everything stopped, the copy shows a single moment.
      await sandbox.whileStopped(() => this.#server.trees.copy(sandbox.directory, directory, signal));
      snapshot.enter("Ready", "snapshot_ready", "Snapshot is ready.");
      sandbox.note(`Snapshot ${snapshot.id} was created.`);
    } catch (error) {
      snapshot.enter("Failed", "snapshot_runtime_failed", messageOf(error));
      this.#server.discard(directory);
    }
  }

  #work(work: Promise<void>): void {
    this.#working.add(work);
    void work.finally(() => this.#working.delete(work));
  }

  #directoryOf(id: string): string {
    return path.join(this.#directory, id);
  }
}
