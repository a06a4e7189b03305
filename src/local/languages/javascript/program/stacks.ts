type CallSite = NodeJS.CallSite;

const INSPECTOR = "node:inspector";

/**
 * Removes the kernel's frames from the stack of every error, wherever it is shown, and maps the positions.
 *
 * @param ours - the file whose frames are removed
 * @param place - maps the positions in a frame
 */
export function cleanStacks(ours: string, place: (frame: string) => string): void {
  const isOfNode = nodeErrorMark();
  Error.prepareStackTrace = (error, frames) => {
    const code = "code" in error ? error.code : undefined;
    // Node's own heading, which it does not add if this function is set.
    const heading =
      isOfNode in error ? `${error.name} [${String(code)}]: ${error.message}` : headingOf(error);
    const shown: readonly unknown[] = usersFrames(frames, ours); // Their type lacks `toString`.
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
    return "<error>"; // Its name or message has a getter that throws.
  }
}

/** The symbol that marks Node's own errors, whose headings contain their codes. */
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
