import { Console } from "node:console";
import { Readable, Writable } from "node:stream";

type Print = (chunk: string | Uint8Array) => void;

const NO_INPUT = "Standard input is not available in this run.";

/** Replaces the process's standard streams, and installs a console that writes to the new ones. */
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
  // Node's own console also reports each line to the inspector, which takes many times as long as printing it. With
  // `ignoreErrors` it would add a callback per line, and code that never pauses would accumulate them.
  Object.assign(console, new Console({ stdout, stderr, ignoreErrors: false }));
  const refuse = () => {
    throw new Error(NO_INPUT);
  };
  for (const name of ["prompt", "confirm", "alert"]) {
    Object.defineProperty(globalThis, name, { configurable: true, writable: true, value: refuse });
  }
}

/** process.stdout or process.stderr. `write` is synchronous. */
class Output extends Writable {
  readonly fd: number;
  readonly #print: Print;

  constructor(fd: number, print: Print) {
    super({ decodeStrings: false });
    this.fd = fd;
    this.#print = print;
  }

  // Bypasses the stream's own queue: as in other Node programs, printing works even after `end`.
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
