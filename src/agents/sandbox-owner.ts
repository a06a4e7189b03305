import {
  CodeInterpreter,
  Sandbox,
  SandboxApiException,
  SandboxConnectionException,
  type ConnectionOptions,
  type Logger,
  type SandboxCreateOptions,
} from "../index.js";
import { useLocalServer, type SharedLocalServer } from "./local-server.js";
import type { CodeToolsConfig } from "./options.js";
import { onProcessEnd } from "../process-end.js";
import { Workspace } from "./workspace.js";

/** How long a sandbox on a server lives without a call, unless the options say otherwise. In seconds. */
const LIFETIME_SECONDS = 1_800;
/** How much longer than the longest run a sandbox has to live, in seconds. */
const MARGIN_SECONDS = 60;
/** How long the question whether a sandbox still exists may take, in milliseconds. */
const STATE_TIMEOUT_MILLIS = 10_000;

const LOST =
  "The sandbox expired and was replaced by a new one: variables, files and installed packages are lost";

/** When to renew a sandbox. */
interface Lifetime {
  readonly seconds: number;
  /** In milliseconds by `performance.now()`, since the server's clock may differ. */
  endsAt: number;
}

/**
 * Provides the sandbox of a toolbox: created at first use and once, renewed while it is used, replaced when it has
 * expired, and killed at the end. A sandbox that was given is only used.
 */
export class SandboxOwner {
  readonly #config: CodeToolsConfig;
  readonly #closing = new AbortController();
  #workspace: Promise<Workspace> | undefined;
  #lifetime: Lifetime | undefined;
  #server: Promise<SharedLocalServer> | undefined;
  #wasReplaced = false;
  #forgetProcessEnd: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor(config: CodeToolsConfig) {
    this.#config = config;
  }

  /** Fires when the toolbox is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Returns the sandbox in use. Callers share one creation: a signal ends a caller's waiting only. */
  async workspace(): Promise<Workspace> {
    if (this.#closed !== undefined) throw closedError();
    if (this.#workspace === undefined) {
      const created = this.#create();
      this.#workspace = created;
      created.catch(() => {
        if (this.#workspace === created) this.#workspace = undefined;
      });
    }
    const workspace = await this.#workspace;
    await this.#renew(workspace);
    return workspace;
  }

  /** Asks the server whether a sandbox has ended; if so, the next call gets a new one. */
  async isGone(workspace: Workspace): Promise<boolean> {
    const { sandbox } = workspace.interpreter;
    if (!(await hasEnded(sandbox))) return false;
    if (this.#config.sandbox !== undefined) return true;
    const current = this.#workspace;
    // Of several calls that find it gone, the first one replaces it.
    if (current !== undefined && (await current.catch(() => undefined)) === workspace) {
      this.#workspace = undefined;
      this.#wasReplaced = true;
      this.#log(`Sandbox ${sandbox.id} has ended and is replaced.`);
      await sandbox.close();
    }
    return true;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort(closedError());
    this.#forgetProcessEnd?.();
    const workspace = await this.#workspace?.catch(() => undefined);
    const server = await this.#server?.catch(() => undefined);
    try {
      if (workspace !== undefined && this.#config.sandbox === undefined)
        await end(workspace.interpreter.sandbox);
    } finally {
      await server?.release();
    }
  }

  async #create(): Promise<Workspace> {
    const { sandbox: given, create } = this.#config;
    if (given !== undefined) return new Workspace(await CodeInterpreter.create(given));
    const notices = this.#wasReplaced ? [LOST] : [];
    const options = await this.#createOptions();
    // Sandboxes of the local server end with this process anyway.
    if (this.#server === undefined) this.#forgetProcessEnd ??= onProcessEnd(() => this.close());
    const sandbox = await (typeof create === "function" ? create(options) : Sandbox.create(options));
    try {
      this.closing.throwIfAborted();
      const { createdAt, expiresAt } = await sandbox.getInfo({ signal: this.closing });
      this.#lifetime = expiresAt && lifetimeOf(createdAt, expiresAt, typeof create === "function");
      return new Workspace(await CodeInterpreter.create(sandbox), notices);
    } catch (error) {
      await end(sandbox);
      throw error;
    }
  }

  async #createOptions(): Promise<SandboxCreateOptions> {
    const { create, connectionConfig } = this.#config;
    const given = typeof create === "object" ? create : {};
    const connection = given.connectionConfig ?? connectionConfig;
    const isLocal = usesLocalServer(this.#config);
    return {
      // Sandboxes of the local server end with this process.
      timeoutSeconds: isLocal ? null : LIFETIME_SECONDS,
      ...given,
      ...(connection !== undefined && { connectionConfig: connection }),
      ...(isLocal && { connectionConfig: await this.#localConnection() }),
      signal: this.closing,
    };
  }

  async #localConnection(): Promise<ConnectionOptions> {
    const { logger } = this.#config;
    if (this.#server === undefined) {
      const starting = this.#startLocalServer();
      this.#server = starting;
      starting.catch(() => (this.#server = undefined));
    }
    const { connectionConfig } = await this.#server;
    return logger === undefined ? connectionConfig : { ...connectionConfig, logger };
  }

  async #startLocalServer(): Promise<SharedLocalServer> {
    const server = await useLocalServer(this.#config.isolation);
    const separation =
      server.isolation === "none"
        ? "WITHOUT isolation, with your own rights"
        : `isolated by ${server.isolation}, without network`;
    this.#log(
      `No OpenSandbox server is configured: code runs on this machine, ${separation}. Set OPEN_SANDBOX_DOMAIN, or connectionConfig, to use a server.`,
    );
    return server;
  }

  async #renew(workspace: Workspace): Promise<void> {
    const lifetime = this.#lifetime;
    if (lifetime === undefined) return;
    const needed = Math.ceil(this.#config.timeoutSeconds) + MARGIN_SECONDS;
    const left = (lifetime.endsAt - performance.now()) / 1_000;
    if (left > Math.max(lifetime.seconds / 2, needed)) return;
    const seconds = Math.max(Math.ceil(lifetime.seconds), needed);
    lifetime.endsAt = performance.now() + seconds * 1_000;
    try {
      await workspace.interpreter.sandbox.renew(seconds, { signal: this.closing });
    } catch (error) {
      // The call itself shows whether the sandbox is still there.
      this.#log(`Sandbox ${workspace.interpreter.sandbox.id} was not renewed: ${String(error)}`);
    }
  }

  #log(message: string): void {
    const logger: Logger = this.#config.logger ?? console;
    logger.warn(message);
  }
}

/** Whether sandboxes are created on a local server in this process: no option and no variable names another one. */
export function usesLocalServer({ connectionConfig, sandbox, create }: CodeToolsConfig): boolean {
  const own = typeof create === "object" ? create.connectionConfig : undefined;
  return (sandbox ?? own ?? connectionConfig ?? configuredDomain()) === undefined;
}

function lifetimeOf(createdAt: Date, expiresAt: Date, mayBeOld: boolean): Lifetime {
  const seconds = (expiresAt.getTime() - createdAt.getTime()) / 1_000;
  // A function may return a sandbox that has lived for a while: it is renewed at once.
  return { seconds, endsAt: mayBeOld ? 0 : performance.now() + seconds * 1_000 };
}

async function hasEnded(sandbox: Sandbox): Promise<boolean> {
  try {
    const { status } = await sandbox.getInfo({ signal: AbortSignal.timeout(STATE_TIMEOUT_MILLIS) });
    return ["Terminated", "Failed", "Stopping"].includes(status.state);
  } catch (error) {
    return error instanceof SandboxApiException && error.statusCode === 404;
  }
}

/** Kills a sandbox that may be gone already. */
async function end(sandbox: Sandbox): Promise<void> {
  try {
    await sandbox.kill();
  } catch (error) {
    if (!(error instanceof SandboxApiException) || error.statusCode !== 404) throw error;
  } finally {
    await sandbox.close();
  }
}

function configuredDomain(): string | undefined {
  const platform: { readonly process?: { readonly env?: Readonly<Record<string, string | undefined>> } } =
    globalThis;
  const domain = platform.process?.env?.["OPEN_SANDBOX_DOMAIN"];
  return domain === "" ? undefined : domain;
}

function closedError(): SandboxConnectionException {
  return new SandboxConnectionException({ code: "CLOSED", message: "The code tools are closed." });
}
