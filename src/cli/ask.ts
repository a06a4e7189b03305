import type { InputRequest } from "../index.js";
import type { Io } from "./io.js";

const INTERRUPT = "\x03";
const END = "\x04";
const ERASE = ["\x7f", "\b"];
const ESCAPE = "\x1b";

/** Returns a handler of {@link ask} if there is a person to ask: the user's terminal, with output for people. */
export function inputHandlers(io: Io): { readonly onInput?: typeof ask } {
  return process.stdin.isTTY && process.stdout.isTTY && !io.json ? { onInput: ask } : {};
}

/**
 * Asks the user for a line on the terminal. Resolves to `undefined` after Ctrl-D. Nothing is shown of a password. Ctrl-C
 * interrupts the command as always.
 *
 * @throws the signal's reason when nobody waits for the answer any more
 */
async function ask({ prompt, isPassword, signal }: InputRequest): Promise<string | undefined> {
  signal.throwIfAborted();
  const { stdin, stdout } = process;
  // Those of the line editor of `repl`, which must not see what is typed here.
  const listeners = stdin.rawListeners("data") as ((data: Buffer) => void)[];
  for (const listener of listeners) stdin.off("data", listener);
  const wasRaw = stdin.isRaw;
  stdin.setRawMode(true);
  stdout.write(prompt);
  let finish: () => void = () => undefined;
  try {
    return await new Promise<string | undefined>((resolve, reject) => {
      let line = "";
      const decoder = new TextDecoder();
      const onData = (data: Buffer) => {
        const text = decoder.decode(data, { stream: true });
        if (text.startsWith(ESCAPE)) return; // an arrow or another key without a character
        for (const character of text) {
          if (character === "\r" || character === "\n") {
            resolve(line);
            return;
          }
          if (character === END && line === "") resolve(undefined);
          else if (character === INTERRUPT) process.kill(process.pid, "SIGINT");
          else if (ERASE.includes(character)) {
            line = line.replace(/.$/su, "");
            if (!isPassword) stdout.write(`\r\x1b[K${prompt.split("\n").at(-1) ?? ""}${line}`);
          } else if (character >= " ") {
            line += character;
            if (!isPassword) stdout.write(character);
          }
        }
      };
      const onAbort = () => reject(signal.reason as Error);
      stdin.on("data", onData);
      signal.addEventListener("abort", onAbort, { once: true });
      stdin.resume();
      finish = () => {
        stdin.off("data", onData);
        signal.removeEventListener("abort", onAbort);
      };
    });
  } finally {
    finish();
    stdout.write("\n");
    stdin.pause();
    stdin.setRawMode(wasRaw);
    for (const listener of listeners) stdin.on("data", listener);
    // Adding a listener resumes.
    stdin.pause();
  }
}
