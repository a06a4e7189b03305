import { Session } from "node:inspector";
import { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import type { ListenerMessage, RunCell } from "./messages.js";

const CHANNEL = 3;
// If the code only waits, the other thread ends the run by itself within this time.
const GRACE_MS = 10;

/** Runs the second thread: it passes requests on, and terminates code that keeps the first thread busy. */
export function listen(): void {
  const listener = new Listener(workerData as RunCell);
  const socket = new Socket({ fd: CHANNEL, readable: true, writable: false });
  let held = "";
  socket.setEncoding("utf8").on("data", (text: string) => {
    const lines = (held + text).split("\n");
    held = lines.pop() ?? "";
    for (const line of lines) listener.onRequest(JSON.parse(line) as Request);
  });
  // Without the supervisor, no output can reach anyone.
  socket.on("end", () => process.kill(process.pid, "SIGKILL"));
}

/** Handles the supervisor's requests. The first one has the settings. */
type Request =
  | { readonly marker: string; readonly typescript: boolean }
  | { readonly code: string }
  | { readonly interrupt: true };

class Listener {
  readonly #running: RunCell;
  #interrupted = 0;
  #terminating = 0;

  constructor(running: RunCell) {
    this.#running = running;
  }

  onRequest(request: Request): void {
    if ("marker" in request) send({ type: "settings", ...request });
    else if ("code" in request) void this.#run(request.code);
    else void this.#interrupt(Atomics.load(this.#running, 0));
  }

  async #run(code: string): Promise<void> {
    // A termination that found no code to end would end the next code, which must not be the user's.
    while (this.#terminating > 0) {
      send({ type: "nudge" });
      await delay(1);
    }
    send({ type: "code", code });
  }

  async #interrupt(run: number): Promise<void> {
    if (run === this.#interrupted) return;
    this.#interrupted = run;
    const goesOn = () => run !== 0 && Atomics.load(this.#running, 0) === run;
    while (goesOn()) {
      send({ type: "interrupt", run });
      await delay(GRACE_MS);
      if (!goesOn()) return;
      this.#terminate(run);
      await delay(GRACE_MS);
    }
  }

  #terminate(run: number): void {
    // Connected only while needed: `process.exit` waits for an attached inspector and prints that it does.
    const session = new Session();
    session.connectToMainThread();
    this.#terminating += 1;
    session.post("Runtime.terminateExecution", () => {
      this.#terminating -= 1;
      session.disconnect();
      // The termination may have hit the end of the run itself.
      send({ type: "interrupt", run });
    });
  }
}

function send(message: ListenerMessage): void {
  parentPort?.postMessage(message);
}
