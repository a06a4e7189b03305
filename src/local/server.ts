import { randomBytes } from "node:crypto";
import path from "node:path";
import { setImmediate } from "node:timers/promises";
import { checkOptions } from "../arguments.js";
import { InvalidArgumentException, SandboxConnectionException, SandboxException } from "../errors.js";
import { Rules, type LocalNetworkPolicy } from "./egress/rules.js";
import { createApp } from "./http/app.js";
import { resolveAssets } from "./host/assets.js";
import { Box } from "./box/box.js";
import { onProcessEndSync } from "./host/cleanup.js";
import { checkFaults, FaultRegistry, type Faults } from "./sandboxes/faults/faults.js";
import type { BoxNetwork, Isolation, IsolationName } from "./box/isolation/isolation.js";
import { resolveIsolation, type IsolationMode } from "./box/isolation/resolve.js";
import { availableCores, chooseCores } from "./box/limits.js";
import type { Cors } from "./http/origins.js";
import { Listener, type FetchHandler } from "./http/listener.js";
import { OwnHosts } from "./http/own-hosts.js";
import { connectForUpgrade } from "./sandboxes/routes/gateway.js";
import { warmLanguages } from "./languages/configuration.js";
import type { Runtime } from "./languages/runtime.js";
import { Runtimes } from "./languages/runtimes.js";
import { Playground } from "./playground/playground.js";
import { messageOf, problem } from "./wire/problem.js";
import { Sandboxes } from "./sandboxes/sandboxes.js";
import { Snapshots } from "./sandboxes/snapshots.js";
import { assertAllowedHostPaths, Volumes } from "./host/volumes.js";
import { ServerDirectory, sweepStaleDirectories } from "./host/server-directory.js";

/** The host name of a server without a port. RFC 2606 reserves it, so no resolver knows it. */
const IN_PROCESS_HOST = "opensandbox.invalid";

/** Memory for the supervisor and the system libraries of a box, in addition to the sandbox's own. */
const OF_SUPERVISOR_BYTES = 128 * 2 ** 20;
/** How long process exit waits for files to be removed. The next server removes what is left. */
const REMOVAL_LIMIT_MS = 10_000;

/** Options of {@link startLocalServer}. */
export interface LocalServerOptions {
  /**
   * The TCP port. `0` takes any free port. With `false` the server has no port, and only its `fetch` in
   * this process reaches it.
   * @default 0
   */
  readonly port?: number | false | undefined;
  /**
   * The address to listen on. `"0.0.0.0"` and `"::"` listen on all networks of this machine. Requires an API key if it is not
   * a loopback address. The connection is not encrypted. @default "127.0.0.1"
   */
  readonly host?: string | undefined;
  /**
   * Further names by which clients reach the server, such as `"host.docker.internal"` or the name of a tunnel, each
   * with or without a port. The server refuses requests whose `Host` header has another name than these, `localhost`
   * and the address that the client is connected to. Requires an API key. @default none
   */
  readonly allowedHosts?: readonly string[] | undefined;
  /** The API key that clients must send. An empty string disables authentication. @default a random key */
  readonly apiKey?: string | undefined;
  /**
   * How sandboxes are isolated from this machine. `"auto"` uses the best isolation available here, and refuses to start
   * without any. `"none"` runs code with your own privileges: only for code that you trust.
   * @default "auto"
   */
  readonly isolation?: IsolationMode | undefined;
  /**
   * Whether sandboxes may use the network, or the hosts that they may reach through a proxy. A sandbox that is created
   * with a `networkPolicy` has that instead. Without isolation sandboxes can always use the network, and a policy is
   * refused.
   * @default "deny"
   */
  readonly network?: "deny" | "allow" | LocalNetworkPolicy | undefined;
  /**
   * Directories of this machine that sandboxes may mount as volumes, with everything below them. Their absolute paths.
   * Code that may write there can change files that your programs use later. Requires bubblewrap. @default none
   */
  readonly allowedHostPaths?: readonly string[] | undefined;
  /**
   * What runs Python code: `"auto"` uses IPython if it can be imported, as the real server does; `"plain"` uses the
   * standard library only.
   * @default "auto"
   */
  readonly pythonShell?: "auto" | "plain" | undefined;
  /**
   * The Python to use: the path of an interpreter or of a virtual environment. A sandbox can choose another one with
   * `env.PYTHON_VERSION`.
   * @default the `python3` of this process
   */
  readonly python?: string | undefined;
  /**
   * The origins of web pages that may use the server, such as `"http://localhost:5173"`, or `"*"` for any page with
   * the API key.
   * @default none
   */
  readonly cors?: "*" | readonly string[] | undefined;
  /**
   * Serves the playground, a web page that runs code, on a port of its own: this number, or for `true` any free port.
   * Pages that sandboxes serve then have another origin. Requires that the server has a port. @default false
   */
  readonly ui?: boolean | number | undefined;
  /** Faults of all sandboxes, for tests. {@link LocalServer.setFaults} changes them. @default none */
  readonly faults?: Faults | undefined;
  /** Aborts the start. It has no effect on a running server. */
  readonly signal?: AbortSignal | undefined;
}

/** Connection options for a local server. Pass them as `connectionConfig` anywhere in the SDK. */
export interface LocalConnectionOptions {
  /** The host and port, as `host:port`. */
  readonly domain: string;
  readonly protocol: "http";
  readonly apiKey: string;
  /** Reaches a server without a port. */
  readonly fetch?: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
}

/** A running local server. */
export interface LocalServer extends AsyncDisposable {
  /** The server's URL for programs of this machine: `http://127.0.0.1:…`, or for a server without a port a URL that only its `fetch` understands. */
  readonly url: string;
  /** How its sandboxes are isolated. */
  readonly isolation: IsolationName;
  /** The Python that its sandboxes use, or `null` if none was found. Python runs then end with an error. */
  readonly python: string | null;
  /** The connection options to pass to the SDK. */
  readonly connectionConfig: LocalConnectionOptions;
  /** Sends a request to the server, with or without a port. Supports `signal` and streaming. */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
  /** A link that opens the playground once; `undefined` without `ui`. Keep it secret: it gives access to the server. */
  readonly uiUrl: string | undefined;
  /**
   * Replaces the faults of one sandbox, or of `"all"`; `{}` removes them. The faults of a sandbox override those of
   * all. Takes effect with the next request.
   *
   * @throws {InvalidArgumentException} if a fault is unknown or invalid
   */
  setFaults(sandboxId: string, faults: Faults): void;
  /** Ends every sandbox, removes its files and frees the port. Calling it again has no effect. */
  close(): Promise<void>;
}

/**
 * Starts a server on this machine that implements OpenSandbox's API and really runs the code: contexts in every
 * language that is installed here, and shell commands. Each sandbox runs in its own box, without access to your files
 * or the network.
 *
 * A sandbox chooses versions with `PYTHON_VERSION`, `NODE_VERSION`, `JAVA_VERSION` and `GO_VERSION` in its `env`, each
 * as exact as you like: `3`, `3.12` or `3.12.1`. If this machine has no matching version, its default version runs, and
 * the first run of each context reports that on stderr. `npx opensandbox-code-interpreter doctor` shows what is
 * installed.
 *
 * If Go is found, its standard library is compiled once in the background, at low priority, into
 * `~/.cache/opensandbox-code-interpreter` (about 100 MB). Sandboxes share it read-only.
 *
 * Close the server when you are done. If the process ends first, by a signal or an uncaught exception, its sandboxes
 * and files are removed then. A server without a port keeps the process alive only while a request runs.
 *
 * @example
 * ```ts
 * await using server = await startLocalServer({ port: false });
 * const sandbox = await Sandbox.create({ connectionConfig: server.connectionConfig });
 * ```
 *
 * @throws {SandboxException} `NO_ISOLATION` with the package to install or the setting to change, `PORT_UNAVAILABLE`
 * @throws {InvalidArgumentException} if an option is invalid
 */
export async function startLocalServer(options: LocalServerOptions = {}): Promise<LocalServer> {
  checkOptions(options, "the options of startLocalServer");
  const { port = 0, apiKey = randomBytes(24).toString("hex"), signal } = options;
  const {
    isolation: mode = "auto",
    network = "deny",
    pythonShell = "auto",
    python,
    cors = [],
    ui = false,
    faults = {},
    host = "127.0.0.1",
    allowedHosts = [],
    allowedHostPaths = [],
  } = options;
  assertNode();
  assertOptions({ port, mode, apiKey, cors, ui });
  const defaultNetwork = readNetwork(network);
  const hosts = new OwnHosts({ host, allowedHosts });
  assertReachable(hosts, { port, apiKey });
  assertAllowedHostPaths(allowedHostPaths);
  checkFaults(faults);
  signal?.throwIfAborted();
  const assets = resolveAssets();
  const runtimes = new Runtimes();
  if (python !== undefined) await runtimes.use("python", python);
  // Resolved now, so that the first sandbox does not wait for it.
  const [isolation, { installed }] = await Promise.all([resolveIsolation(mode, signal), runtimes.select({})]);
  signal?.throwIfAborted();
  if (typeof defaultNetwork !== "string" && !isolation.hasNetworkRules) {
    throw new SandboxException({ code: "NO_ISOLATION", message: noNetworkRules(isolation) });
  }

  await sweepStaleDirectories(isolation);
  const directory = await ServerDirectory.make(isolation);
  const registry = new FaultRegistry();
  registry.set("all", faults);
  const cores = availableCores();
  let ordinal = 0;
  const sandboxes = new Sandboxes(
    directory,
    async (boxDirectory, { env, limits, network: own }, mounts) => {
      if (own !== undefined && !isolation.hasNetworkRules) {
        throw problem(400, "SANDBOX::INVALID_PARAMETER", noNetworkRules(isolation));
      }
      const chosen = chooseCores(limits.cpuCount, cores, ordinal++);
      const selected = await runtimes.select(env);
      const boxGroup = directory.group?.makeChild(path.basename(boxDirectory));
      boxGroup?.limitMemory(limits.memoryBytes + OF_SUPERVISOR_BYTES);
      return Box.start({
        plan: {
          directory: boxDirectory,
          assets,
          runtimes: selected.installed,
          mounts,
          limits,
          network: own ?? defaultNetwork,
          cores: chosen,
        },
        isolation,
        group: boxGroup,
        env,
        ipython: pythonShell === "auto",
        prewarm: true,
        notices: selected.notices,
      });
    },
    {
      snapshots: new Snapshots(directory),
      volumes: new Volumes(directory, allowedHostPaths, isolation),
      faults: registry,
    },
  );
  const stopWarming = warmLanguages(installed, directory.path);
  const forget = onProcessEndSync(() => {
    stopWarming();
    sandboxes.killSync();
    directory.removeSync(REMOVAL_LIMIT_MS);
  });
  const app = createApp(sandboxes, { apiKey, cors });
  const listeners: Listener[] = [];
  const listen = async (at: number, handler: FetchHandler): Promise<Listener> => {
    const listener = await Listener.open(at, handler, { hosts });
    listeners.push(listener);
    listener.acceptUpgrades((request) => connectForUpgrade(request, sandboxes, cors));
    return listener;
  };
  const stopListening = () => Promise.all(listeners.map((listener) => listener.close()));
  let listener: Listener | undefined;
  let uiUrl: string | undefined;
  try {
    if (port !== false) listener = await listen(port, app);
    if (ui !== false) {
      const playground = new Playground(assets.playground, apiKey);
      const { host: address } = await listen(ui === true ? 0 : ui, playground.beside(app));
      uiUrl = playground.link(address);
    }
    signal?.throwIfAborted();
  } catch (error) {
    await stopListening();
    stopWarming();
    await directory.remove();
    forget();
    throw error;
  }
  const close = async () => {
    // First, so that no new request arrives. Open streams break, as when a server dies.
    await stopListening();
    stopWarming();
    try {
      await sandboxes.close();
    } finally {
      await directory.remove().finally(forget);
    }
  };
  const setFaults = (target: string, changed: Faults) => {
    registry.set(target, changed);
    for (const sandbox of sandboxes.list()) {
      if (target === "all" || target === sandbox.id) sandboxes.applyFaults(sandbox);
    }
  };
  return describe({
    app,
    apiKey,
    listener,
    uiUrl,
    isolation,
    python: installed.python,
    setFaults,
    close,
  });
}

interface Parts {
  readonly app: FetchHandler;
  readonly apiKey: string;
  readonly listener: Listener | undefined;
  readonly uiUrl: string | undefined;
  readonly isolation: Isolation;
  readonly python: Runtime | null;
  readonly setFaults: LocalServer["setFaults"];
  readonly close: () => Promise<void>;
}

function describe(parts: Parts): LocalServer {
  const { app, apiKey, listener, uiUrl, isolation, python, setFaults, close } = parts;
  let closing: Promise<void> | undefined;
  const closeOnce = () => (closing ??= close());
  const domain = listener?.host ?? IN_PROCESS_HOST;
  const fetch = async (input: string | URL | Request, init?: RequestInit) => {
    const request = new Request(input, init);
    // Let timers and other work run between requests in a loop, as with any server.
    await setImmediate();
    if (closing !== undefined) throw closedError();
    request.signal.throwIfAborted();
    return app(request);
  };
  return {
    url: `http://${domain}`,
    uiUrl,
    isolation: isolation.name,
    python: python?.executable ?? null,
    connectionConfig: { domain, protocol: "http", apiKey, ...(listener === undefined && { fetch }) },
    fetch,
    setFaults,
    close: closeOnce,
    [Symbol.asyncDispose]: closeOnce,
  };
}

function closedError(): SandboxConnectionException {
  return new SandboxConnectionException({ code: "CLOSED", message: "The local server is closed." });
}

/** Bun and Deno lack APIs that the supervisor's HTTP/2 and the JavaScript kernel need. */
function assertNode(): void {
  const other = ["bun", "deno"].find((name) => name in process.versions);
  if (other === undefined) return;
  throw new SandboxException({
    code: "NODE_REQUIRED",
    message: `The local server needs Node.js 20.16 or newer; this program runs on ${other} ${process.versions[other] ?? ""}. Start the server with Node.js (npx opensandbox-code-interpreter serve) and connect to it from here.`,
  });
}

interface Checked {
  readonly port: number | false;
  readonly mode: string;
  readonly apiKey: string;
  readonly cors: Cors;
  readonly ui: boolean | number;
}

function assertOptions({ port, mode, apiKey, cors, ui }: Checked): void {
  if (port !== false && !isPort(port)) {
    throw new InvalidArgumentException(
      `port must be a whole number from 0 to 65535, or false; got ${String(port)}`,
    );
  }
  if (typeof ui !== "boolean" && !isPort(ui)) {
    throw new InvalidArgumentException(
      `ui must be true, false, or the port of the page from 0 to 65535; got ${String(ui)}`,
    );
  }
  if (ui !== false && port === false) {
    throw new InvalidArgumentException("ui needs a server with a port; got port: false");
  }
  assertOneOf("isolation", mode, ["auto", "bubblewrap", "sandbox-exec", "none"]);
  if (typeof apiKey !== "string" || /[^\x21-\x7e]/.test(apiKey)) {
    throw new InvalidArgumentException(
      "apiKey must be a string of printable ASCII characters without spaces",
    );
  }
  if (cors !== "*" && !(Array.isArray(cors) && cors.every(isOrigin))) {
    throw new InvalidArgumentException(
      `cors must be "*" or a list of origins such as "http://localhost:5173"; got ${JSON.stringify(cors)}`,
    );
  }
}

/** Asserts that nobody runs code here just because the server is reached from elsewhere. */
function assertReachable(hosts: OwnHosts, { port, apiKey }: Pick<Checked, "port" | "apiKey">): void {
  if (hosts.areLocal) return;
  if (port === false)
    throw new InvalidArgumentException("host and allowedHosts need a port; got port: false");
  if (apiKey === "") {
    throw new InvalidArgumentException(
      "apiKey must not be empty with allowedHosts or a host other than the loopback interface: anybody could run code",
    );
  }
}

function readNetwork(network: NonNullable<LocalServerOptions["network"]>): BoxNetwork {
  if (network === "deny" || network === "allow") return network;
  try {
    return new Rules(network);
  } catch (error) {
    const expected = 'must be "deny", "allow" or a network policy';
    throw new InvalidArgumentException(`network ${expected}: ${messageOf(error)}`, { cause: error });
  }
}

function noNetworkRules({ name }: Isolation): string {
  return `Network policies need bubblewrap on Linux: with the isolation "${name}", code could use the network directly.`;
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 65_535;
}

function isOrigin(value: unknown): boolean {
  return typeof value === "string" && URL.canParse(value) && new URL(value).origin === value;
}

function assertOneOf(name: string, value: string, allowed: readonly string[]): void {
  if (allowed.includes(value)) return;
  const names = allowed.map((item) => `"${item}"`).join(", ");
  throw new InvalidArgumentException(`${name} must be one of ${names}; got ${JSON.stringify(value)}`);
}
