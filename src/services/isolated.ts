import type { CallOptions } from "../arguments.js";
import type { Execution } from "../execution/execution.js";
import type { IsolatedSession, RunOnceOptions } from "./isolated/isolated-session.js";
import type {
  CreateIsolatedSessionOptions,
  IsolatedSessionInfo,
  IsolationCapabilities,
} from "./isolated/requests.js";
import type { SandboxLink } from "./link.js";

/** Loaded when it is used: most programs have no isolated sessions. */
const calls = () => import("./isolated/isolated-calls.js");

/**
 * Shells in boxes of their own inside a sandbox: with a read-only system, a workspace that can be thrown away, and no
 * network if you want. A server that cannot isolate refuses every method but {@link capabilities} with
 * `NOT_SUPPORTED`.
 */
export class Isolated {
  readonly #link: SandboxLink;

  /** @internal */
  constructor(link: SandboxLink) {
    this.#link = link;
  }

  /** Returns whether the sandbox can isolate sessions, and if not, why. */
  async capabilities(options: CallOptions = {}): Promise<IsolationCapabilities> {
    return (await calls()).getCapabilities(this.#link, options);
  }

  /**
   * Creates a session. `await using` deletes it.
   *
   * @throws {SandboxException} `NOT_SUPPORTED` if nothing isolates there, or if the machine lacks the `uidMode`
   * @throws {SandboxApiException} status 400 for paths that are missing or not allowed
   *
   * @example
   * ```ts no-run
   * await using session = await sandbox.isolated.create({ workspace: { path: "/workspace" }, shareNet: false });
   * const { stdout, exitCode } = await session.run("ls");
   * ```
   */
  async create(options: CreateIsolatedSessionOptions): Promise<IsolatedSession> {
    return (await calls()).createSession(this.#link, options);
  }

  /** Returns a session by its id. @throws {SandboxApiException} status 404, `SESSION_NOT_FOUND` */
  async attach(id: string, options: CallOptions = {}): Promise<IsolatedSession> {
    return (await calls()).attachSession(this.#link, id, options);
  }

  /** Lists the sessions, also those whose shell has ended. */
  async list(options: CallOptions = {}): Promise<IsolatedSessionInfo[]> {
    return (await calls()).listSessions(this.#link, options);
  }

  /** Runs code in a session that is deleted afterwards. @throws what {@link create} and {@link IsolatedSession.run} throw */
  async runOnce(code: string, options: RunOnceOptions): Promise<Execution> {
    return (await calls()).runOnce(this.#link, code, options);
  }

  /** Passes a new session to a function, deletes it afterwards, and returns what the function returns. */
  async withSession<Result>(
    options: CreateIsolatedSessionOptions,
    use: (session: IsolatedSession) => Result | PromiseLike<Result>,
  ): Promise<Result> {
    return (await calls()).withSession(this.#link, options, use);
  }
}
