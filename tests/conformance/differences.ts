/** How an answer here differs from the recorded one, on purpose. */
export interface Difference {
  readonly because: string;
  /** What is different in it; where there is nothing, only what depends on this machine is, and the status is the same. */
  readonly here?: Readonly<Record<string, unknown>>;
}
type Differences = Readonly<Record<string, Difference>>;

const shows = (text: string) => ({ stdout: "", counts: true, results: [{ text }] });
const raises = (name: string, value: string) => ({ stderr: "", statuses: ["error"], error: [name, value] });
const NODE_RESULT = "the last value is a result; tslab prints it";
const NODE_ERROR = "what is thrown is an error event; tslab writes it to stderr";
const ENGINE_WORDS =
  "the words are those of Node's engine, as an error event; tslab writes TypeScript's to stderr";
const FREE = "the run before it ended, so that the context is free";
const NO_PTY = "there are no terminals: 501 `NOT_SUPPORTED`";

const language = (name: string): Differences => ({
  [`${name}: string`]: { because: NODE_RESULT, here: shows("'abc'") },
  [`${name}: object`]: { because: NODE_RESULT, here: shows("{ a: 1, b: [ 1, 2 ] }") },
  [`${name}: declare then value`]: { because: NODE_RESULT, here: shows("4") },
  [`${name}: after error`]: { because: NODE_RESULT, here: shows("5") },
  [`${name}: throw`]: { because: NODE_ERROR, here: raises("Error", "boom") },
  [`${name}: ref error`]: {
    because: ENGINE_WORDS,
    here: raises("ReferenceError", "undefinedVar is not defined"),
  },
});

/** By recording and label. The documentation lists each of them. */
export const DIFFERENCES: Readonly<Record<"execd-code" | "execd-lang" | "execd-misc", Differences>> = {
  "execd-code": {
    "create ctx unknown lang (hangs)": {
      because: "is refused with 400 at once; execd never answers",
      here: { status: 400 },
    },
    "create ctx empty lang (hangs)": {
      because: "is refused with 400 at once; execd never answers",
      here: { status: 400 },
    },
    "run sql": { because: "there is no database: 501 `NOT_SUPPORTED`", here: { status: 501 } },
    "ctx now busy forever": {
      because: FREE,
      here: { counts: true, results: [{ text: "1" }], complete: true, problem: undefined },
    },
    "still busy": {
      because: FREE,
      here: { counts: true, results: [{ text: "1" }], complete: true, problem: undefined },
    },
    "run right after client disconnect": {
      because: FREE,
      here: { counts: true, results: [{ text: "1" }], complete: true, problem: undefined },
    },
    stderr: { because: "what was printed arrives; execd lost it", here: { stderr: "e\n" } },
    dataframe: { because: "shows a table where pandas is installed" },
    "html repr": { because: "shows HTML where IPython is installed" },
    "display() lost": { because: "what is displayed arrives as a result; execd loses it" },
    "matplotlib lost": {
      because: "a figure arrives as a result where matplotlib is installed; execd loses it",
    },
    "fig as result": { because: "shows a figure where matplotlib and IPython are installed" },
    "json mime": { because: "shows JSON where IPython is installed" },
    "png result": { because: "shows an image where IPython is installed" },
    "input()": { because: "is refused in the words of IPython, or of Python without it" },
    surrogate: {
      because: "prints U+FFFD; the real kernel prints a dump of its own",
      here: { stdout: "\ufffd\n", stderr: "" },
    },
    "shell magic": { because: "lines end with LF, not CRLF; needs IPython" },
    "display updates": { because: "`clear_output` does nothing, likewise; needs IPython" },
    "run to interrupt": { because: "how far it counts is a matter of time" },
    "run later": {
      because: "asks for a variable of a run that was not recorded",
      here: { counts: false, results: [], ...raises("NameError", "name 'flag' is not defined") },
    },
  },
  "execd-lang": {
    "typescript: warmup": { because: NODE_RESULT, here: shows("2") },
    "typescript: 1+1": { because: NODE_RESULT, here: shows("2") },
    ...language("typescript"),
    ...language("javascript"),
    "typescript: syntax error": { because: ENGINE_WORDS, here: raises("SyntaxError", "Unexpected token") },
    "typescript: type error": { because: "types are removed and not checked", here: { stderr: "" } },
    "javascript: throw (then immediately next)": { because: NODE_ERROR, here: raises("Error", "x") },
    "bash: no newline": { because: "no newline is added", here: { stdout: "abc" } },
    "bash: stderr": { because: "stderr is stderr", here: { stdout: "", stderr: "e\n" } },
    "bash: not found": {
      because: "stderr is stderr, and names the line",
      here: { stdout: "", stderr: "bash: line 1: nosuchcmd_zz: command not found\n" },
    },
    "bash: syntax error": {
      because: "stderr is stderr, and names the line",
      here: {
        stdout: "",
        stderr:
          "bash: /dev/stdin: line 1: syntax error near unexpected token `then'\nbash: /dev/stdin: line 1: `if then'\n",
      },
    },
    "bash: pwd": { because: "follows a `cd` that was not recorded", here: { stdout: "/workspace\n" } },
  },
  "execd-misc": {
    "no jupyter configured": { because: "there are kernels", here: { status: 200 } },
    "create ctx no jupyter": { because: "there are kernels", here: { status: 200 } },
    ...Object.fromEntries(
      ["create", "create no body", "create bad", "status", "status unknown", "create bad cwd", "delete"].map(
        (label) => [`pty ${label}`, { because: NO_PTY, here: { status: 501 } }],
      ),
    ),
  },
};
