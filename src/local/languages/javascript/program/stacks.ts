type CallSite = NodeJS.CallSite;

const INSPECTOR = "node:inspector";

/**
 * Leaves out of the stack of every error what evaluates the code, wherever the stack is shown, and puts the positions
 * right.
 *
 * @param ours - the file whose frames say nothing about the user's code
 * @param place - puts the positions in a frame right
 */
export function cleanStacks(ours: string, place: (frame: string) => string): void {
  const isOfNode = nodeErrorMark();
  Error.prepareStackTrace = (error, frames) => {
    const code = "code" in error ? error.code : undefined;
    // Node's own way to begin it, which is not used any more when there is a function here.
    const heading =
      isOfNode in error ? `${error.name} [${String(code)}]: ${error.message}` : headingOf(error);
    const shown: readonly unknown[] = usersFrames(frames, ours); // whose text their type does not know
    return [heading, ...shown.map((frame) => `    at ${place(String(frame))}`)].join("\n");
  };
}

function usersFrames(frames: readonly CallSite[], ours: string): CallSite[] {
  const isOurs = (frame: CallSite | undefined) => frame?.getFileName() === ours;
  const below = frames.findIndex(
    (frame, i) => frame.getFileName() === INSPECTOR && isOurs(frames[i + 1] ?? frame),
  );
  return frames.slice(0, below === -1 ? frames.length : below).filter((frame) => !isOurs(frame));
}

function headingOf(error: Error): string {
  try {
    return Error.prototype.toString.call(error);
  } catch {
    return "<error>"; // its name or its message throws
  }
}

/** The symbol by which Node knows errors of its own, whose codes belong to their headings. */
function nodeErrorMark(): symbol {
  try {
    Buffer.alloc(-1);
  } catch (error: unknown) {
    for (
      let holder = error;
      typeof holder === "object" && holder !== null;
      holder = Object.getPrototypeOf(holder)
    ) {
      const symbols = Object.getOwnPropertySymbols(holder);
      const found = symbols.find(({ description }) => description === "kIsNodeError");
      if (found !== undefined) return found;
    }
  }
  return Symbol();
}
