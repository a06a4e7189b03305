import { Session, type Runtime } from "node:inspector";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { Attribution } from "./attribution.js";
import { bundleOf } from "./bundles.js";
import { Channel, type RunError, type Stream } from "./channel.js";
import {
  describePosition,
  describeSyntaxError,
  describeThrown,
  describeUnsupported,
  INTERRUPTED,
  isTranspilerError,
} from "./failures.js";
import { LateCode } from "./late-code.js";
import type { ListenerMessage, RunCell } from "./messages.js";
import { provideModules, rewriteModuleSyntax } from "./modules.js";
import { Places } from "./places.js";
import { cleanStacks } from "./stacks.js";
import { replaceStreams } from "./streams.js";
import { findRemovedCode, findUnsupported } from "./unsupported-syntax.js";

const PROTOTYPE = Promise.prototype;
const TERMINATED = "Execution was terminated";

interface Run {
  readonly number: number;
}

/** Starts the listening thread and runs the code that it passes on. */
export function startInterpreter(file: string): void {
  const running: RunCell = new Int32Array(new SharedArrayBuffer(4));
  const interpreter = new Interpreter(running, file);
  // Otherwise the thread's standard streams would be those of this thread, which belong to the user's code.
  const listener = new Worker(fileURLToPath(file), { workerData: running, stdout: true, stderr: true });
  listener.on("message", (message: ListenerMessage) => interpreter.onMessage(message));
  listener.on("error", () => process.abort());
  // SIGINT is meant for the processes that the code started; the other thread stops the code itself.
  process.on("SIGINT", () => undefined);
  process.once("exit", () => interpreter.close());
}

class Interpreter {
  readonly #running: RunCell;
  readonly #channel = new Channel();
  readonly #session = new Session();
  readonly #runs = new Attribution<Run>();
  readonly #hook: Runtime.RemoteObjectId;
  #receive: (value: unknown) => void = () => undefined;
  readonly #places = new Places();
  readonly #late: LateCode<Run>;
  readonly #handlers = {
    uncaughtException: (thrown: unknown) => {
      if (isLeftToUs("uncaughtException") && this.#runs.isCurrent()) this.#endWith(thrown);
    },
    unhandledRejection: (thrown: unknown, promise: Promise<unknown>) => {
      if (isLeftToUs("unhandledRejection") && this.#runs.isCurrent(promise)) this.#endWith(thrown);
    },
  };
  readonly #file: string;
  #typescript = false;
  #count = 0;
  #isClosing = false;

  constructor(running: RunCell, file: string) {
    this.#running = running;
    this.#file = file;
    this.#late = new LateCode(this.#runs, (run) => this.#channel.tell({ type: "late", run }));
    this.#session.connect();
    this.#hook = this.#makeHook();
    cleanStacks(file, (frame) => this.#places.inFrame(frame));
  }

  /** Closes the inspector session, which Node would wait for before it exits. */
  close(): void {
    // Pending inspector calls then fail, which must not become the error of the run.
    this.#isClosing = true;
    this.#session.disconnect();
  }

  onMessage(message: ListenerMessage): void {
    this.#channel.flush();
    switch (message.type) {
      case "settings":
        this.#start(message);
        break;
      case "code":
        this.#run(message.code);
        break;
      case "interrupt":
        if (this.#runs.current?.number === message.run) this.#end(this.#runs.current, INTERRUPTED);
        break;
      case "nudge":
    }
  }

  #start({ marker, typescript }: ListenerMessage & { type: "settings" }): void {
    this.#typescript = typescript;
    this.#channel.start(marker);
    const print = (stream: Stream) => (chunk: string | Uint8Array) => {
      if (this.#runs.isCurrent()) this.#channel.print(stream, chunk);
      else this.#late.notePrinting(this.#count);
    };
    replaceStreams({ stdout: print("stdout"), stderr: print("stderr") });
    provideModules(fileURLToPath(this.#file), typescript);
    this.#late.guardExit();
    const display = (...values: readonly unknown[]) => {
      for (const value of values) this.#show(value, null);
    };
    Object.defineProperty(globalThis, "display", { configurable: true, writable: true, value: display });
    this.#channel.tell({ type: "ready" });
  }

  /** Makes an uncaught error end the run instead of the process. Called before each run, as code may remove handlers. */
  #installHandlers(): void {
    const { uncaughtException, unhandledRejection } = this.#handlers;
    if (!process.listeners("uncaughtException").includes(uncaughtException))
      process.on("uncaughtException", uncaughtException);
    if (!process.listeners("unhandledRejection").includes(unhandledRejection))
      process.on("unhandledRejection", unhandledRejection);
  }

  #endWith(thrown: unknown): void {
    if (this.#runs.current !== undefined) this.#end(this.#runs.current, describeThrown(thrown));
  }

  #run(code: string): void {
    this.#count += 1;
    const run: Run = { number: this.#count };
    this.#runs.current = run;
    this.#installHandlers();
    Atomics.store(this.#running, 0, run.number);
    // No interrupt is lost: the supervisor sends none before it has read this.
    this.#channel.tell({ type: "started" });
    this.#evaluate(run, code);
  }

  #evaluate(run: Run, code: string): void {
    const cell = `<cell-${run.number}>`;
    let expression: string;
    const removed = this.#typescript ? findRemovedCode(code) : undefined;
    if (removed !== undefined) return this.#end(run, describeUnsupported(removed, code, cell));
    try {
      expression = rewriteModuleSyntax(this.#typescript ? this.#places.withoutTypes(code, cell) : code);
    } catch (error) {
      if (isTranspilerError(error)) {
        const unsupported = findUnsupported(code, this.#typescript);
        const described =
          unsupported === undefined
            ? describePosition(error, code, cell)
            : describeUnsupported(unsupported, code, cell);
        return this.#end(run, described);
      }
      expression = code; // V8 describes the error more clearly.
    }
    // The type declarations lack `replMode`.
    const parameters: Runtime.EvaluateParameterType & { replMode: boolean } = {
      expression: `${expression}\n//# sourceURL=${cell}`,
      replMode: true,
      awaitPromise: true,
      objectGroup: "run",
    };
    this.#session.post("Runtime.evaluate", parameters, (error, response) => {
      // After an interrupt has ended the run, the inspector's response comes late or never.
      if (run !== this.#runs.current || this.#isClosing) return;
      if (error !== null)
        this.#end(run, error.message.includes(TERMINATED) ? INTERRUPTED : describeThrown(error));
      else if (response.exceptionDetails !== undefined)
        this.#fail(run, response.exceptionDetails, code, cell);
      else this.#succeed(run, response.result);
    });
  }

  #succeed(run: Run, result: Runtime.RemoteObject): void {
    if (result.subtype === "promise") {
      const failure = this.#take(result, (promise) => this.#await(run, promise as Promise<unknown>));
      if (failure !== undefined) this.#end(run, failure);
      return;
    }
    if (result.type !== "undefined") {
      const failure = this.#take(result, (value) => this.#show(value, run.number));
      if (failure !== undefined) return this.#end(run, failure);
    }
    // An unhandled rejection is reported only after all microtasks have run.
    setImmediate(() => this.#end(run));
  }

  /** Waits for a promise that is the last value: most programs end in a call of `main()`. */
  #await(run: Run, promise: Promise<unknown>): void {
    const settle = (use: () => void) => {
      if (run !== this.#runs.current) return;
      let failure: RunError | undefined;
      try {
        use();
      } catch (error) {
        failure = describeThrown(error);
      }
      setImmediate(() => this.#end(run, failure));
    };
    // The code may have replaced the promise's own `then`.
    void PROTOTYPE.then.call(
      promise,
      (value: unknown) => settle(() => value !== undefined && this.#show(value, run.number)),
      (thrown: unknown) => this.#end(run, describeThrown(thrown)),
    );
  }

  #fail(run: Run, details: Runtime.ExceptionDetails, code: string, cell: string): void {
    let described: RunError | undefined;
    const failure = this.#take(details.exception ?? { type: "undefined" }, (thrown) => {
      // An error without a stack is a syntax error of the script.
      const isOfParser = thrown instanceof SyntaxError && details.scriptId !== undefined;
      const { line, column } = this.#places.find(cell, details.lineNumber, details.columnNumber);
      const unsupported = isOfParser ? findUnsupported(code, this.#typescript) : undefined;
      if (unsupported !== undefined) described = describeUnsupported(unsupported, code, cell);
      else if (isOfParser) described = describeSyntaxError(thrown, { line, column, code, cell });
      else described = describeThrown(thrown);
    });
    this.#end(run, described ?? failure);
  }

  #end(run: Run, error?: RunError): void {
    if (run !== this.#runs.current) return;
    // First, so that the listener no longer terminates this thread. If it is just doing so, it calls this again.
    Atomics.store(this.#running, 0, 0);
    if (error === INTERRUPTED) this.#runs.cancelTimers(run);
    this.#session.post("Runtime.releaseObjectGroup", { objectGroup: "run" });
    const last = error === undefined ? [] : [{ type: "error" as const, ...error }];
    this.#channel.end(run.number, ...last, { type: "done" });
    this.#runs.current = undefined;
  }

  #show(value: unknown, count: number | null): void {
    const data = bundleOf(value);
    if (!this.#runs.isCurrent()) return;
    try {
      this.#channel.send({ type: "result", count, data });
    } catch (error) {
      // JSON cannot express the representation; the text always works.
      if (!(error instanceof TypeError)) throw error;
      this.#channel.send({ type: "result", count, data: { "text/plain": data["text/plain"] } });
    }
  }

  /** Passes the value of a remote object to a function. Returns the error if that fails. */
  #take(remote: Runtime.RemoteObject, use: (value: unknown) => void): RunError | undefined {
    let failure: RunError | undefined;
    this.#receive = (value) => {
      try {
        use(value);
      } catch (error) {
        failure = describeThrown(error);
      }
    };
    const { objectId, unserializableValue } = remote;
    const argument: Runtime.CallArgument =
      objectId !== undefined
        ? { objectId }
        : unserializableValue !== undefined
          ? { unserializableValue }
          : { value: remote.value as unknown };
    this.#session.post(
      "Runtime.callFunctionOn",
      {
        objectId: this.#hook,
        functionDeclaration: "function (value) { this.receive(value); }",
        arguments: [argument],
      },
      (error) => {
        if (error !== null) failure = INTERRUPTED;
      },
    );
    return failure;
  }

  /** Creates a function that the inspector can call and the user's code cannot see. */
  #makeHook(): Runtime.RemoteObjectId {
    const receive = (value: unknown) => this.#receive(value);
    const name = "__hook";
    let id: string | undefined;
    Object.defineProperty(globalThis, name, { configurable: true, value: { receive } });
    this.#session.post("Runtime.evaluate", { expression: name }, (_error, response) => {
      id = response.result.objectId;
    });
    Reflect.deleteProperty(globalThis, name);
    if (id === undefined) throw new Error("the inspector does not respond");
    return id;
  }
}

/** Returns whether the user's code has no handler for an event that ends a program by default. */
function isLeftToUs(event: "uncaughtException" | "unhandledRejection"): boolean {
  return process.listenerCount(event) === 1;
}
