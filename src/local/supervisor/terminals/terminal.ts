import { constants } from "node:os";
import type { WebSocket } from "ws";
import type { Configuration } from "../configuration.js";
import { messageOf, problem } from "../../wire/problem.js";
import { Connection, type ClientFrame } from "./connection.js";
import { ReplayBuffer } from "./replay-buffer.js";
import { TerminalProcess, type Channel } from "./terminal-process.js";

/** Closes the connection of a client that another one replaces. */
const TAKEN_OVER = 4001;
/** How many messages other than pings a viewer may send before its connection is closed. */
const MOST_VIOLATIONS = 5;

/** How a client wants to use a terminal: the query of its WebSocket. */
export interface Attachment {
  readonly isViewer: boolean;
  readonly takesOver: boolean;
  /** Only for the client that starts the program. */
  readonly isTerminal: boolean;
  /** Output from this offset on is sent again. */
  readonly since: number;
}

interface Viewer {
  readonly connection: Connection;
  offset: number;
  violations: number;
}

/** A terminal: a program that outlives its clients, and its latest output. One client holds it; any number watch. */
export class Terminal {
  readonly id: string;
  readonly #configuration: Configuration;
  readonly #cwd: string;
  readonly #command: string;
  readonly #replay = new ReplayBuffer();
  readonly #viewers = new Set<Viewer>();
  #process: TerminalProcess | undefined;
  #isTerminal = true;
  #holder: Connection | undefined;
  #isDeleted = false;
  /** How the program that ran last ended. */
  #exitCode: number | undefined;

  constructor(
    id: string,
    configuration: Configuration,
    { cwd, command }: { readonly cwd: string; readonly command: string },
  ) {
    this.id = id;
    this.#configuration = configuration;
    this.#cwd = cwd;
    this.#command = command;
  }

  get state(): object {
    return {
      session_id: this.id,
      running: this.#process !== undefined,
      output_offset: this.#replay.end,
      // execd does not tell it, so that it is lost if nobody is connected.
      exit_code: this.#exitCode,
    };
  }

  /** @throws {Problem} 409 if a client may not attach like this */
  assertAttachable({ isViewer, takesOver }: Attachment): void {
    if (isViewer && this.#process === undefined) {
      const message = `pty session ${this.id} must be running before a viewer can attach`;
      throw problem(409, "VIEWER_REQUIRES_RUNNING_SESSION", message);
    }
    if (!isViewer && this.#holder !== undefined && !takesOver) {
      const message = `another client is already connected to pty session ${this.id}`;
      throw problem(409, "ALREADY_CONNECTED", message);
    }
  }

  /** Connects a client, and starts the program if it does not run. */
  attach(socket: WebSocket, attachment: Attachment): void {
    if (attachment.isViewer) this.#view(socket, attachment.since);
    else this.#hold(socket, attachment);
  }

  /** Kills the program and disconnects all clients. */
  delete(): void {
    this.#isDeleted = true;
    if (this.#process !== undefined) this.#process.kill();
    else this.#disconnect(-1);
  }

  #hold(socket: WebSocket, { isTerminal, since }: Attachment): void {
    this.#holder?.close(TAKEN_OVER, "TAKEN_OVER");
    const connection = new Connection(socket, {
      onFrame: (frame) => this.#onFrame(frame, connection),
      onFlow: (isFlowing) => {
        if (this.#holder === connection) this.#process?.setFlowing(isFlowing);
      },
      onClose: () => {
        if (this.#holder === connection) this.#holder = undefined;
      },
    });
    this.#holder = connection;
    try {
      this.#start(isTerminal);
    } catch (error) {
      connection.sendError("START_FAILED", messageOf(error));
      connection.close(1011, "START_FAILED");
      this.#holder = undefined;
      return;
    }
    // The client before may have left the program waiting.
    this.#process?.setFlowing(true);
    const { offset, data } = this.#replay.read(since);
    if (data.length > 0) connection.sendReplay(offset, data);
    this.#greet(connection, "holder");
  }

  #view(socket: WebSocket, since: number): void {
    const viewer: Viewer = {
      connection: new Connection(socket, {
        onFrame: (frame) => this.#onViewerFrame(frame, viewer),
        onFlow: (isFlowing) => isFlowing && this.#show(viewer),
        onClose: () => this.#viewers.delete(viewer),
      }),
      offset: since,
      violations: 0,
    };
    this.#show(viewer);
    this.#greet(viewer.connection, "viewer");
    this.#viewers.add(viewer);
  }

  #greet(connection: Connection, role: "holder" | "viewer"): void {
    const mode = this.#isTerminal ? "pty" : "pipe";
    connection.sendJson({ type: "connected", session_id: this.id, mode, role });
  }

  /** Sends a viewer what it has not seen, unless it has to catch up first; then the oldest may be lost to it. */
  #show(viewer: Viewer): void {
    if (viewer.connection.isSaturated) return;
    const { offset, data } = this.#replay.read(viewer.offset);
    viewer.offset = offset + data.length;
    if (data.length > 0) viewer.connection.sendReplay(offset, data);
  }

  #start(isTerminal: boolean): void {
    if (this.#isDeleted) throw new Error("pty session is closing");
    if (this.#process !== undefined) return;
    this.#exitCode = undefined;
    this.#isTerminal = isTerminal;
    this.#process = new TerminalProcess(
      { command: this.#command, cwd: this.#cwd, isTerminal },
      this.#configuration,
      {
        onOutput: (channel, chunk) => this.#onOutput(channel, chunk),
        onExit: (code) => {
          this.#process = undefined;
          this.#exitCode = code;
          this.#disconnect(code);
        },
      },
    );
  }

  #onOutput(channel: Channel, chunk: Buffer): void {
    this.#replay.push(chunk);
    this.#holder?.sendOutput(this.#isTerminal ? "stdout" : channel, chunk);
    for (const viewer of this.#viewers) this.#show(viewer);
  }

  #disconnect(code: number): void {
    for (const connection of [this.#holder, ...[...this.#viewers].map((viewer) => viewer.connection)]) {
      connection?.sendJson({ type: "exit", exit_code: code });
      connection?.close(1000, "process exited");
    }
    // From here on another client may start the program again.
    this.#holder = undefined;
    this.#viewers.clear();
  }

  #onFrame(frame: ClientFrame, connection: Connection): void {
    if (frame.type === "ping") return connection.sendJson({ type: "pong" });
    if (frame.type === "unknown") return refuseUnknown(frame.name, connection);
    // A client that was replaced may still have sent something.
    if (this.#holder !== connection) return;
    const program = this.#process;
    switch (frame.type) {
      case "stdin":
        if (program?.write(frame.data, () => connection.resume()) === false) connection.pause();
        return;
      case "resize":
        if (frame.rows > 0 && frame.columns > 0) program?.resize(frame.rows, frame.columns);
        return;
      case "signal":
        if (isSignal(frame.signal)) program?.signal(frame.signal);
    }
  }

  #onViewerFrame(frame: ClientFrame, viewer: Viewer): void {
    const { connection } = viewer;
    if (frame.type === "ping") return connection.sendJson({ type: "pong" });
    if (frame.type === "unknown") return refuseUnknown(frame.name, connection);
    connection.sendError("READ_ONLY", "viewer connections are read-only");
    viewer.violations += 1;
    if (viewer.violations >= MOST_VIOLATIONS) connection.close(1008, "READ_ONLY");
  }
}

function refuseUnknown(name: string, connection: Connection): void {
  connection.sendError("INVALID_FRAME", `unknown frame type ${JSON.stringify(name)}`);
}

function isSignal(name: string): name is NodeJS.Signals {
  return Object.hasOwn(constants.signals, name);
}
