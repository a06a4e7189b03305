/** Escape sequences of terminals: colours, cursor movements, titles and links. */
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;

/** Text as a terminal would show it at the end: without colours, and of a progress bar its last state. */
export function plainText(text: string): string {
  if (!/[\u001b\r]/.test(text)) return text;
  return text
    .replace(ESCAPES, "")
    .replace(/\r+\n/g, "\n")
    .replace(/^[^\n]*\r(?=[^\n])/gm, "")
    .replace(/\r/g, "");
}

/** The first line of a frame: IPython's and Python's, JavaScript's and Java's. */
const FRAME = /^\s*(?:File |Cell |Input |at )/;
/** What belongs to a Python frame: source lines with or without their numbers. */
const FRAME_BODY = /^(?:\s|-+>)/;
const LIBRARY_FRAME =
  /[\\/](?:site|dist)-packages[\\/]|[\\/]lib[\\/]python\d|<frozen |node:|[\\/]node_modules[\\/]|at (?:java|jdk)\.[\w.]+\/|at jdk\.jshell/;

/**
 * A traceback without colours, separators and frames of libraries: what is left is the user's own code and the error.
 * If no frame is the user's, the last one stays.
 */
export function userTraceback(traceback: readonly string[]): string {
  const lines = plainText(traceback.join("\n")).split("\n");
  const parts: string[][] = [];
  for (const line of lines) {
    if (/^-{10,}$/.test(line)) continue;
    const previous = parts.at(-1);
    const isBody = FRAME_BODY.test(line) && previous !== undefined && FRAME.test(previous[0] ?? "");
    if (isBody && !FRAME.test(line)) previous.push(line);
    else parts.push([line]);
  }
  const isFrame = (part: readonly string[]): boolean => FRAME.test(part[0] ?? "");
  const isLibrary = (part: readonly string[]): boolean => isFrame(part) && LIBRARY_FRAME.test(part[0] ?? "");
  const kept = parts.some((part) => isFrame(part) && !isLibrary(part)) ? undefined : parts.findLast(isFrame);
  const shown: string[] = [];
  let left = 0;
  for (const part of [...parts, []]) {
    if (part !== kept && isLibrary(part)) {
      left += 1;
      continue;
    }
    // The blank lines between frames that are left out.
    if (left > 0 && part[0] === "") continue;
    if (left > 0) shown.push(`    [${left} library ${left === 1 ? "frame" : "frames"}]`);
    left = 0;
    shown.push(...part);
  }
  return shown.join("\n").trim();
}
