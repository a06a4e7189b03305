import { randomBytes } from "node:crypto";
import { messageOf, problem } from "../wire/problem.js";
import type { Rules } from "../egress/rules.js";
import type { Box } from "../box/box.js";
import type { BoxRequest } from "../box/supervisor-session.js";
import type { Faults } from "./faults/faults.js";
import { FaultInjector } from "./faults/fault-injector.js";
import type { Limits } from "../box/limits.js";
import type { VolumeSpec } from "../host/volumes.js";
import { formatTime, now } from "./times.js";

/** The validated options that a sandbox is created with. */
export interface SandboxSpec {
  /** `undefined` for a sandbox created from a snapshot. */
  readonly imageUri: string | undefined;
  readonly snapshotId: string | undefined;
  readonly entrypoint: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly extensions: Readonly<Record<string, string>>;
  readonly platform: unknown;
  readonly volumes: readonly VolumeSpec[];
  readonly limits: Limits;
  /** `undefined` for the setting of the server. */
  readonly network?: Rules | undefined;
  /** `undefined` if the sandbox does not expire. */
  readonly timeoutSeconds: number | undefined;
}

export type SandboxState = "Running" | "Paused" | "Failed";

/** An event in the life of a sandbox, for its diagnostics. */
export interface SandboxEvent {
  /** Microseconds since 1970. */
  readonly at: number;
  readonly what: string;
}

const REASONS = {
  Running: ["CONTAINER_RUNNING", "Sandbox container is running."],
  Paused: ["CONTAINER_PAUSED", "Sandbox container is paused."],
  Failed: ["CONTAINER_EXITED_ERROR", "The sandbox's supervisor has ended."],
} as const satisfies Record<SandboxState, readonly [reason: string, message: string]>;

/** A sandbox of this server. */
export class HostedSandbox {
  readonly id: string;
  readonly spec: SandboxSpec;
  readonly box: Box;
  /** The directory of the box on the host. */
  readonly directory: string;
  /** Required by execd on every request; clients receive it with the endpoint. */
  readonly accessToken = randomBytes(24).toString("hex");
  /** Required to read and change the network rules; clients receive it with the endpoint of their port. */
  readonly egressToken = randomBytes(24).toString("hex");
  readonly createdAt = now();
  metadata: Readonly<Record<string, string>>;
  /** Microseconds since 1970. */
  expiresAt: number | undefined;
  readonly #faults: () => Faults;
  readonly #injector = new FaultInjector();
  readonly #events: SandboxEvent[] = [];
  #state: SandboxState = "Running";
  #changedAt = this.createdAt;
  #last: Promise<unknown> = Promise.resolve();

  constructor(id: string, spec: SandboxSpec, box: Box, directory: string, faults: () => Faults) {
    this.id = id;
    this.box = box;
    this.spec = spec;
    this.directory = directory;
    this.metadata = spec.metadata;
    this.#faults = faults;
    const { timeoutSeconds } = spec;
    this.expiresAt = timeoutSeconds === undefined ? undefined : this.createdAt + timeoutSeconds * 1_000_000;
    this.#enter("Running");
    void box.gone.then(() => this.#enter("Failed"));
  }

  get state(): SandboxState {
    return this.#state;
  }

  get events(): readonly SandboxEvent[] {
    return this.#events;
  }

  /** Sends a request into the sandbox. While the sandbox is paused, the request waits. */
  request(request: BoxRequest): Promise<Response> {
    const faults = this.#faults();
    if (this.#injector.isHealthy(faults)) return this.box.request(request);
    return this.#injector.request(request, faults, (changed) => this.box.request(changed));
  }

  /** @throws {Problem} 500 and 409 */
  pause(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#state === "Paused") {
        throw problem(
          500,
          "DOCKER::SANDBOX_PAUSE_FAILED",
          "Failed to pause sandbox container: 409 Conflict: already paused",
        );
      }
      if (this.#state === "Failed") {
        throw problem(409, "DOCKER::SANDBOX_NOT_RUNNING", "Sandbox is not in a running state.");
      }
      try {
        await this.box.pause();
      } catch (error) {
        const message = `Failed to pause sandbox container: ${messageOf(error)}`;
        throw problem(500, "DOCKER::SANDBOX_PAUSE_FAILED", message);
      }
      this.#enter("Paused");
    });
  }

  /** @throws {Problem} 409 */
  resume(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#state !== "Paused") {
        throw problem(409, "DOCKER::SANDBOX_NOT_PAUSED", "Sandbox is not in a paused state.");
      }
      await this.box.resume();
      this.#enter("Running");
    });
  }

  /**
   * Runs `act` while no process of the sandbox runs, without changing the reported state.
   *
   * @throws {Error} if the sandbox cannot be stopped or has ended
   */
  whileStopped(act: () => Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      // Paused a moment ago by the user: stays paused.
      if (this.#state === "Paused") return act();
      await this.box.pause();
      try {
        await act();
      } finally {
        await this.box.resume();
      }
    });
  }

  /** Records an event for the diagnostics. */
  note(what: string): void {
    this.#events.push({ at: now(), what });
    if (this.#events.length > 1000) this.#events.shift();
  }

  /** The response to the creation of this sandbox. */
  toCreated(): object {
    const { platform, entrypoint } = this.spec;
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
    const { platform, entrypoint, imageUri, snapshotId } = this.spec;
    return {
      id: this.id,
      ...(imageUri !== undefined && { image: { uri: imageUri } }),
      ...(snapshotId !== undefined && { snapshotId }),
      ...(platform !== undefined && { platform }),
      status: this.#status(),
      ...this.#metadata(),
      entrypoint,
      ...this.#times(),
    };
  }

  /** One at a time: a snapshot must not start during a pause. */
  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(act, act);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  #enter(state: SandboxState): void {
    this.#state = state;
    this.#changedAt = this.#events.length === 0 ? this.createdAt : now();
    this.note(`${state}: ${REASONS[state][1]}`);
  }

  #status(message: string = REASONS[this.#state][1]): object {
    const [reason] = REASONS[this.#state];
    return { state: this.#state, reason, message, lastTransitionAt: formatTime(this.#changedAt) };
  }

  #metadata(): object {
    const { extensions } = this.spec;
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
