/**
 * The supervisor: the only process of the local server inside a box. It starts kernels and commands and responds as execd
 * does, over HTTP/2 on the socket that it inherits as descriptor 3. It ends when that socket closes.
 */
import { performServerHandshake, type ServerHttp2Stream, type IncomingHttpHeaders } from "node:http2";
import { Socket } from "node:net";
import { json } from "node:stream/consumers";
import { killStrays } from "../box/processes.js";
import { Contexts } from "./code/contexts.js";
import type { Configuration } from "./environment.js";
import { PipePool } from "./code/pipes.js";
import { killEveryGroup, signalEverything } from "./processes.js";
import { Execd } from "./routes.js";
import { Watchdog } from "./limits/watchdog.js";

const CHANNEL = 3;

function serve(): void {
  const socket = new Socket({ fd: CHANNEL });
  socket.once("close", () => process.exit(0));
  // What a slow reader leaves unread counts against this, in MB, and its streams must not fail for it.
  const session = performServerHandshake(socket, { maxSessionMemory: 1000 });
  session.on("error", () => socket.destroy());
  let execd: Execd | undefined;
  session.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on("error", () => undefined); // a client that goes away
    // Methods that no client can use: the server lets only HTTP's own through.
    if (headers[":method"] === "PAUSE" || headers[":method"] === "RESUME") {
      signalEverything(headers[":method"] === "PAUSE" ? "SIGSTOP" : "SIGCONT", isAlone);
      stream.respond({ ":status": 200 }, { endStream: true });
      return;
    }
    if (execd !== undefined) {
      if (watchdog !== undefined) stream.once("close", watchdog.begin());
      void execd.handle(stream, headers);
      return;
    }
    // The first request is the server's own: it comes before any client can know of this sandbox.
    configure(stream).then(
      (configured) => {
        execd = configured;
        stream.respond({ ":status": 200 }, { endStream: true });
      },
      () => socket.destroy(),
    );
  });
}

/** Whether every other process that can be seen is the sandbox's own. */
let isAlone = false;
let watchdog: Watchdog | undefined;
/** Where code runs that is not alone; it may leave processes behind. */
let sharedWorkspace: string | undefined;

function endEverything(): void {
  killEveryGroup();
  if (sharedWorkspace !== undefined) killStrays(sharedWorkspace);
}

async function configure(stream: ServerHttp2Stream): Promise<Execd> {
  // Not validated: the server holds the other end of this socket and decides what runs in the box.
  const configuration = (await json(stream)) as Configuration;
  process.chdir(configuration.workspace);
  isAlone = configuration.limits !== null;
  if (!isAlone) sharedWorkspace = configuration.workspace;
  // The modes of new files are those of a container, whatever the host's user prefers.
  if (isAlone) process.umask(0o022);
  if (configuration.limits !== null) {
    watchdog = new Watchdog(configuration.limits, (line) => process.stderr.write(`${line}\n`));
    watchdog.start();
  }
  const pipes = new PipePool(configuration.scratch);
  await pipes.fill();
  return new Execd(configuration, new Contexts(configuration, pipes), pipes);
}

// Signals that a terminal sends to everyone are the host's business, which ends the supervisor by closing its socket. At
// SIGUSR1 Node would open a debugger, with which code in the sandbox, or who else reaches its port, could take it over.
for (const signal of ["SIGINT", "SIGHUP", "SIGUSR1"] as const) process.on(signal, () => undefined);
for (const signal of ["SIGTERM"] as const) process.once(signal, () => process.exit(0));
process.once("exit", endEverything);
serve();
