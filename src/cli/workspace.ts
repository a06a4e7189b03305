import {
  CodeInterpreter,
  isSandboxException,
  Sandbox,
  SandboxManager,
  type ConnectionOptions,
} from "../index.js";
import { readConfiguration, type Configuration, type ConnectionFlags } from "./configuration.js";
import { UsageError } from "./errors.js";
import type { Io } from "./io.js";
import { describeNetwork, networkPolicyOf, type Network } from "./option-parsers.js";

/** The lifetime of a sandbox after the command that created it has ended, in seconds. */
const LIFETIME_SECONDS = 600;
const RENEWAL_SECONDS = LIFETIME_SECONDS / 3;

/** Options of the commands that work in a sandbox. */
export interface WorkspaceOptions extends ConnectionFlags {
  /** The id of an existing sandbox. */
  readonly sandbox?: string | undefined;
  /** Keeps the sandbox running at the end. */
  readonly keep?: boolean | undefined;
  readonly isolation?: "auto" | "bubblewrap" | "sandbox-exec" | "none" | undefined;
  readonly network?: Network | undefined;
  readonly image?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** What the command opens WebSockets with, if it does. They need a server with a port. */
  readonly webSocket?: ConnectionOptions["webSocket"];
}

/** A sandbox, and the resources to close at the end of the command. */
export interface Workspace {
  readonly interpreter: CodeInterpreter;
  readonly sandbox: Sandbox;
  /** Whether the sandbox outlives the command. */
  readonly isKept: boolean;
  /** Creates a new sandbox in place of one that has ended. */
  replace(): Promise<Workspace>;
  /** Kills the sandbox unless it is kept, and closes the local server. */
  close(): Promise<void>;
}

/** Opens the named sandbox, or creates one on the configured server or a local one. */
export async function openWorkspace(options: WorkspaceOptions, io: Io): Promise<Workspace> {
  const configuration = await readConfiguration(options);
  if (!configuration.color) io.configure({ color: false });
  assertFits(options, configuration);
  const { signal } = io.stop;
  const { webSocket } = options;
  const connection = configuration.connection && { ...configuration.connection, webSocket };
  if (connection !== undefined) return await openSandbox(options, connection, io, () => Promise.resolve());

  const { startLocalServer } = await import("../local/index.js");
  const { isolation, network = "deny" } = options;
  const server = await startLocalServer({
    port: webSocket === undefined ? false : 0,
    isolation,
    network,
    signal,
  });
  io.note(
    server.isolation === "none"
      ? "No server is configured: running locally, WITHOUT isolation. The code can read and change your files."
      : `No server is configured: running locally, isolated by ${server.isolation}, ${describeNetwork(network)}.`,
  );
  try {
    // Its network is the server's setting.
    const local = { ...options, network: undefined };
    const localConnection = { ...server.connectionConfig, webSocket };
    return await openSandbox(local, localConnection, io, () => server.close());
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** Connects to the sandbox that `--sandbox` names. */
export async function connectSandbox(options: WorkspaceOptions, io: Io): Promise<Sandbox> {
  const { sandbox: sandboxId } = options;
  if (sandboxId === undefined) throw new UsageError("Which sandbox? Name it with --sandbox ID.");
  const connectionConfig = await configuredConnection(options);
  return await Sandbox.connect({ sandboxId, connectionConfig, signal: io.stop.signal });
}

/** Opens a manager on the configured server. */
export async function openManager(options: ConnectionFlags): Promise<SandboxManager> {
  return SandboxManager.create({ connectionConfig: await configuredConnection(options) });
}

async function configuredConnection(options: ConnectionFlags): Promise<ConnectionOptions> {
  const { connection } = await readConfiguration(options);
  return connection ?? refuseWithoutServer("This command works on sandboxes that exist");
}

function assertFits(options: WorkspaceOptions, { connection }: Configuration): void {
  const { sandbox, keep, env, network, image, isolation } = options;
  if (connection === undefined) {
    if (sandbox !== undefined) refuseWithoutServer("--sandbox names a sandbox that exists");
    if (keep === true) refuseWithoutServer("--keep leaves the sandbox alive");
    if (image !== undefined) refuseWithoutServer("--image chooses what a server runs");
    return;
  }
  if (isolation !== undefined) {
    throw new UsageError(
      `--isolation is for the local server, but ${connection.domain ?? "another"} is configured.`,
    );
  }
  if (sandbox === undefined) return;
  const [unfit] =
    Object.entries({ env, network, image, keep }).find(([, value]) => value !== undefined) ?? [];
  if (unfit !== undefined)
    throw new UsageError(`--${unfit} is for a new sandbox; --sandbox names one that exists.`);
}

function refuseWithoutServer(why: string): never {
  throw new UsageError(
    `${why}, and no server is configured: give --domain HOST, set OPEN_SANDBOX_DOMAIN, or start a local server with "serve".`,
  );
}

async function openSandbox(
  options: WorkspaceOptions,
  connectionConfig: ConnectionOptions,
  io: Io,
  release: () => Promise<void>,
): Promise<Workspace> {
  const { sandbox: sandboxId, keep = false, env, network, image } = options;
  const { signal } = io.stop;
  const sandbox =
    sandboxId !== undefined
      ? await Sandbox.connect({ sandboxId, connectionConfig, signal })
      : await Sandbox.create({
          connectionConfig,
          signal,
          image,
          env,
          timeoutSeconds: LIFETIME_SECONDS,
          networkPolicy: networkPolicyOf(network),
        });
  const isOwn = sandboxId === undefined;
  // If the command is killed, its sandbox expires. While the command is running, the sandbox must not.
  const renewal = isOwn
    ? setInterval(
        () => void sandbox.renew(LIFETIME_SECONDS).catch(() => undefined),
        RENEWAL_SECONDS * 1_000,
      ).unref()
    : undefined;
  const end = async () => {
    clearInterval(renewal);
    if (isOwn && !keep) await kill(sandbox, io);
    else if (isOwn) await announceKept(sandbox, io);
    await sandbox.close();
  };
  return {
    sandbox,
    interpreter: await CodeInterpreter.create(sandbox),
    isKept: keep || !isOwn,
    replace: async () => {
      clearInterval(renewal);
      await sandbox.close();
      return await openSandbox({ ...options, sandbox: undefined }, connectionConfig, io, release);
    },
    close: async () => {
      await end().finally(release);
    },
  };
}

async function announceKept(sandbox: Sandbox, io: Io): Promise<void> {
  const { expiresAt } = await sandbox.getInfo();
  const end = expiresAt === undefined ? "until it is killed" : `until ${expiresAt.toISOString()}`;
  io.note(`Sandbox ${sandbox.id} keeps running ${end}.`);
}

async function kill(sandbox: Sandbox, io: Io): Promise<void> {
  try {
    await sandbox.kill();
  } catch (error) {
    if (isGone(error)) return;
    if (!isSandboxException(error)) throw error;
    io.note(`Could not kill sandbox ${sandbox.id}; it will expire by itself: ${error.message}`);
  }
}

/** Whether an error says that a sandbox no longer exists. */
export function isGone(error: unknown): boolean {
  return isSandboxException(error) && "statusCode" in error && error.statusCode === 404;
}
