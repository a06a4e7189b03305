import { Console } from "node:console";
import { Readable, Writable } from "node:stream";

type Print = (chunk: string | Uint8Array) => void;

const NO_INPUT = "The code has no standard input: nobody is there to answer.";

/** Puts streams of ours in the place of the process's own, and a console that writes to them. */
export function replaceStreams(print: { readonly stdout: Print; readonly stderr: Print }): void {
  const stdout = new Output(1, print.stdout);
  const stderr = new Output(2, print.stderr);
  const stdin = new Readable({
    read() {
      this.destroy(new Error(NO_INPUT));
    },
  });
  for (const [name, stream] of Object.entries({ stdout, stderr, stdin })) {
    Object.defineProperty(process, name, { configurable: true, enumerable: true, get: () => stream });
  }
  // Node's own also tells the inspector of each line, which takes many times as long as to print it.
  // Errors would be ignored by a callback for each line, and code that does not pause would pile these up.
  Object.assign(console, new Console({ stdout, stderr, ignoreErrors: false }));
  const refuse = () => {
    throw new Error(NO_INPUT);
  };
  for (const name of ["prompt", "confirm", "alert"]) {
    Object.defineProperty(globalThis, name, { configurable: true, writable: true, value: refuse });
  }
}

/** process.stdout or process.stderr: what is written is on its way when `write` returns. */
class Output extends Writable {
  readonly fd: number;
  readonly #print: Print;

  constructor(fd: number, print: Print) {
    super({ decodeStrings: false });
    this.fd = fd;
    this.#print = print;
  }

  // Around the stream's own queue: printing goes on after `end`, as in every other program of Node's.
  override write(chunk: unknown, encoding?: unknown, callback?: unknown): boolean {
    if (typeof chunk === "string" && typeof encoding === "string" && Buffer.isEncoding(encoding)) {
      this.#print(Buffer.from(chunk, encoding));
    } else if (typeof chunk === "string" || chunk instanceof Uint8Array) {
      this.#print(chunk);
    } else {
      throw new TypeError("The chunk must be a string or a Uint8Array.");
    }
    const done = typeof encoding === "function" ? encoding : callback;
    if (typeof done === "function") process.nextTick(done);
    return true;
  }
}
