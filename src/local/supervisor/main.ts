/**
 * The supervisor: the only process of the local server inside a box. It starts kernels and commands and implements
 * execd's API, over HTTP/2 on the socket that it inherits as descriptor 3. It ends when that socket closes.
 */
import { performServerHandshake, type ServerHttp2Stream, type IncomingHttpHeaders } from "node:http2";
import { Socket } from "node:net";
import { statSync } from "node:fs";
import { json } from "node:stream/consumers";
import { killStrays } from "../box/processes.js";
import { Contexts } from "./code/contexts.js";
import type { Configuration } from "./configuration.js";
import { JUPYTER_PORT, openJupyterPort } from "./jupyter-port.js";
import { OutgoingConnections } from "./http/outgoing.js";
import { identityOf } from "../wire/file-identity.js";
import { OUTSIDE } from "../wire/relay.js";
import { PipePool } from "./pipes.js";
import { killEveryGroup, signalEverything } from "./process-groups.js";
import { Execd } from "./execd.js";
import { Watchdog } from "./limits/watchdog.js";
import { messageOf } from "../wire/problem.js";

const CHANNEL = 3;

/** Whether all other visible processes belong to the sandbox. */
let isAlone = false;
const outgoing = new OutgoingConnections();
let watchdog: Watchdog | undefined;
/** The workspace, if processes of others are visible. Code may leave processes running. */
let sharedWorkspace: string | undefined;

function serve(): void {
  const socket = new Socket({ fd: CHANNEL });
  socket.once("close", () => process.exit(0));
  // In MB. The unread data of slow readers counts towards this limit, which must not break their streams.
  const session = performServerHandshake(socket, { maxSessionMemory: 1000 });
  session.on("error", () => socket.destroy());
  let execd: Execd | undefined;
  session.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on("error", () => undefined); // the client disconnected
    // No client can use these methods: the server forwards only HTTP's own.
    if (headers[":method"] === "PAUSE" || headers[":method"] === "RESUME") {
      signalEverything(headers[":method"] === "PAUSE" ? "SIGSTOP" : "SIGCONT", isAlone);
      stream.respond({ ":status": 200 }, { endStream: true });
      return;
    }
    if (headers[":authority"] === OUTSIDE) {
      outgoing.offer(stream);
      return;
    }
    if (execd !== undefined) {
      if (watchdog !== undefined) stream.once("close", watchdog.begin());
      void execd.handle(stream, headers);
      return;
    }
    // The first request comes from the server, before any client knows this sandbox.
    configure(stream).then(
      (configured) => {
        execd = configured;
        stream.respond({ ":status": 200 }, { endStream: true });
      },
      (error: unknown) => {
        process.stderr.write(`${messageOf(error)}\n`);
        socket.destroy();
      },
    );
  });
}

function endEverything(): void {
  killEveryGroup();
  if (sharedWorkspace !== undefined) killStrays(sharedWorkspace);
}

/** Tells code and commands the port where clients look for Jupyter, if it is not the usual one. */
function withJupyterPort(configuration: Configuration, port: number | undefined): Configuration {
  if (port === undefined || port === JUPYTER_PORT) return configuration;
  return { ...configuration, env: { ...configuration.env, JUPYTER_PORT: String(port) } };
}

/**
 * Asserts that the right directories are mounted, before any code runs: code in another box can exchange a directory for
 * a link until the moment of the mount.
 */
function assertMounts({ mounts }: Configuration): void {
  for (const { target, identity } of mounts) {
    if (identityOf(statSync(target, { bigint: true })) === identity) continue;
    throw new Error(`the volume for ${target} was exchanged while it was mounted`);
  }
}

async function configure(stream: ServerHttp2Stream): Promise<Execd> {
  // Not validated: the server holds the other end of this socket and decides what runs in the box.
  const configuration = (await json(stream)) as Configuration;
  assertMounts(configuration);
  process.chdir(configuration.workspace);
  isAlone = configuration.limits !== null;
  if (!isAlone) sharedWorkspace = configuration.workspace;
  // New files get the same modes as in a container, regardless of the host user's settings.
  if (isAlone) process.umask(0o022);
  if (configuration.limits !== null) {
    watchdog = new Watchdog(configuration.limits, (line) => process.stderr.write(`${line}\n`));
    watchdog.start();
  }
  const jupyterPort = await openJupyterPort(configuration.jupyterPorts);
  const configured = withJupyterPort(configuration, jupyterPort);
  if (configuration.proxyPort !== undefined) await outgoing.listen(configuration.proxyPort);
  const pipes = new PipePool(configuration.scratch);
  await pipes.fill();
  return new Execd(configured, new Contexts(configured, pipes), pipes);
}

// The host handles signals from a terminal, and ends the supervisor by closing its socket. On SIGUSR1 Node.js would
// open a debugger, through which code in the sandbox could take over the supervisor.
for (const signal of ["SIGINT", "SIGHUP", "SIGUSR1"] as const) process.on(signal, () => undefined);
process.once("SIGTERM", () => process.exit(0));
process.once("exit", endEverything);
serve();
