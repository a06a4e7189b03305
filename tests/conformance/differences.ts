import { expect } from "@jest/globals";
import { pythonModules } from "../helpers/skips.js";

/** An intended difference between a response here and the recorded one. */
export interface Difference {
  readonly because: string;
  /**
   * The properties that differ; all others are as recorded, unless the status differs. `{}` means no difference on this
   * machine.
   */
  readonly here: Readonly<Record<string, unknown>>;
}
type Differences = Readonly<Record<string, Difference>>;

const shows = (text: string) => ({ stdout: "", counts: true, results: [{ text }] });
const raises = (name: string, value: unknown) => ({ stderr: "", statuses: ["error"], error: [name, value] });
const refuses = (status: number, code: string) => ({
  status,
  body: expect.stringMatching(`^\\{"code":"${code}","message":"(?:[^"\\\\]|\\\\.)+"\\}$`),
});
const NODE_RESULT = "the last value is a result; tslab prints it";
const NODE_ERROR = "what is thrown is an error event; tslab writes it to stderr";
const ENGINE_WORDS =
  "the words are those of Node's engine, as an error event; tslab writes TypeScript's to stderr";
const FREE = "the run before it ended, so that the context is free";

const JAVA_GO = {
  javaNull: "null is a value like any other; the real kernel shows nothing",
  javaError: "the error has the exception's own class and message",
  compiler: "the error has the compiler's message and the line",
  allLines: "all lines arrive; execd loses some",
  javaInterrupt: "the error does not repeat the code",
  earlyInterrupt: "the run ends at once with an error; the real one does not report the interrupt",
  exit: "the run ends with an error; the real one never ends",
  bare: "statements run without `%%`",
  goCompiler: "the error has the compiler's message and the line",
  panic: "the error has the panic's message, and the trace the cell's lines",
  goEnd: "the error has its own name, and stderr does not repeat it",
} as const;

const MODULES = pythonModules("IPython", "matplotlib", "pandas");
const AS_RECORDED = {};
/** What a run that needs some modules comes to with all of them, or without the first that is missing. */
const needing = (modules: readonly string[], here: Difference["here"], missing?: Difference["here"]) => {
  const absent = modules.find((name) => !MODULES.has(name));
  if (absent === undefined) return here;
  const error = missing ?? raises("ModuleNotFoundError", `No module named '${absent}'`);
  return { stdout: "", counts: false, results: [], ...error };
};
/** Without IPython its magics are not Python. */
const NO_MAGIC = raises("SyntaxError", "invalid syntax (…, line 1)");
const PNG = expect.stringMatching(/^iVBORw0KGgo/);
const FIGURE = { text: "<Figure size 100x100 with 0 Axes>" };

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
export const DIFFERENCES: Readonly<
  Record<"execd-code" | "execd-lang" | "execd-lang-java-go" | "execd-misc", Differences>
> = {
  "execd-code": {
    "create ctx unknown lang (hangs)": {
      because: "is refused with 400 at once; execd never responds",
      here: refuses(400, "INVALID_REQUEST_BODY"),
    },
    "create ctx empty lang (hangs)": {
      because: "is refused with 400 at once; execd never responds",
      here: refuses(400, "INVALID_REQUEST_BODY"),
    },
    "run sql": { because: "there is no database: 501 `NOT_SUPPORTED`", here: refuses(501, "NOT_SUPPORTED") },
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
    dataframe: {
      because: "shows a table where pandas is installed",
      here: needing(["pandas"], {
        results: [{ text: "   a\n0  1", "text/html": expect.stringMatching(/<table [^]*<td>1<\/td>/) }],
      }),
    },
    "html repr": { because: "needs IPython", here: needing(["IPython"], AS_RECORDED) },
    "display() lost": {
      because: "what is displayed arrives as a result; execd loses it. Needs IPython",
      here: needing(
        ["IPython"],
        { results: [{ text: "<IPython.core.display.HTML object>", "text/html": "<b>x</b>" }] },
        raises("NameError", "name 'HTML' is not defined"),
      ),
    },
    "matplotlib lost": {
      because: "the figure arrives as a result; execd loses it. Needs IPython and matplotlib",
      here: needing(
        ["matplotlib", "IPython"],
        { results: [{ text: "<Figure size 640x480 with 1 Axes>", "image/png": PNG }] },
        // matplotlib knows no backend that is not installed.
        MODULES.has("matplotlib")
          ? raises("ValueError", expect.stringMatching(/^'module:.+_inline'/))
          : undefined,
      ),
    },
    "fig as result": {
      because: "the figure arrives as displayed too; execd loses that. Needs IPython and matplotlib",
      here: MODULES.has("IPython")
        ? needing(["matplotlib"], { results: [FIGURE, FIGURE] })
        : needing(["IPython"], AS_RECORDED, NO_MAGIC),
    },
    "json mime": { because: "needs IPython", here: needing(["IPython"], AS_RECORDED) },
    "png result": {
      because: "needs IPython, of which some versions end base64 with a newline",
      here: needing(["IPython"], {
        results: [{ text: "<IPython.core.display.Image object>", "image/png": PNG }],
      }),
    },
    surrogate: {
      because: "prints U+FFFD; the real kernel prints a dump of its own",
      here: { stdout: "\ufffd\n", stderr: "" },
    },
    "shell magic": {
      because: "lines end with LF, not CRLF; needs IPython",
      here: needing(["IPython"], { stdout: "from-shell\n" }, NO_MAGIC),
    },
    "display updates": { because: "needs IPython", here: needing(["IPython"], AS_RECORDED) },
    "run to interrupt": {
      because: "how far it counts is a matter of time",
      here: { stdout: expect.stringMatching(/^0\n/) },
    },
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
          "bash: eval: line 1: syntax error near unexpected token `then'\nbash: eval: line 1: `if then'\n",
      },
    },
    "bash: pwd": { because: "follows a `cd` that was not recorded", here: { stdout: "/workspace\n" } },
  },
  "execd-lang-java-go": {
    "java: null value": { because: JAVA_GO.javaNull, here: shows("null") },
    "java: runtime error": { because: JAVA_GO.javaError, here: raises("ArithmeticException", "/ by zero") },
    "java: thrown exception": { because: JAVA_GO.javaError, here: raises("IllegalStateException", "bad") },
    "java: compile error": {
      because: JAVA_GO.compiler,
      here: raises("CompilationException", expect.stringMatching(/^incompatible types: .* \(line 1\)$/)),
    },
    "java: unknown symbol": {
      because: JAVA_GO.compiler,
      here: raises(
        "CompilationException",
        expect.stringMatching(/^cannot find symbol.* undefinedThing \(line 1\)$/),
      ),
    },
    "java: incomplete": {
      because: JAVA_GO.compiler,
      here: raises("IncompleteSourceException", "the code ends too early (line 1)"),
    },
    "java: many lines": {
      because: JAVA_GO.allLines,
      here: { stdout: Array.from({ length: 2000 }, (_, index) => `${index}\n`).join("") },
    },
    "java: interrupt of a sleep": {
      because: JAVA_GO.javaInterrupt,
      here: raises("EvaluationInterruptedException", "the run was interrupted"),
    },
    "java: interrupt of a busy loop": {
      because: JAVA_GO.javaInterrupt,
      here: raises("EvaluationInterruptedException", "the run was interrupted"),
    },
    "java: interrupt at init": {
      because: JAVA_GO.earlyInterrupt,
      here: raises("EvaluationInterruptedException", "the run was interrupted"),
    },
    "java: exit": { because: JAVA_GO.exit, here: raises("SystemExit", "3") },
    "java: after exit": {
      because: FREE,
      here: { counts: true, results: [{ text: "2" }], complete: true, problem: undefined },
    },
    "go: bare statement": {
      because: JAVA_GO.bare,
      here: { stdout: "bare\n", statuses: [], error: undefined },
    },
    "go: compile error": {
      because: JAVA_GO.goCompiler,
      here: raises("CompileError", expect.stringMatching(/^<cell \d+>:2:16: cannot use 3 /)),
    },
    "go: syntax error": {
      because: JAVA_GO.goCompiler,
      here: raises("CompileError", expect.stringMatching(/^<cell \d+>:1:12: syntax error: unexpected \{/)),
    },
    "go: runtime error": {
      because: JAVA_GO.panic,
      here: {
        stderr: expect.stringMatching(/^panic: runtime error: index out of range.*\n[^]*<cell \d+>:3/),
        error: ["panic", "runtime error: index out of range [3] with length 0"],
      },
    },
    "go: exit status": { because: JAVA_GO.goEnd, here: raises("ExitError", "exit status 3") },
    "go: interrupt of a sleep": { because: JAVA_GO.goEnd, here: raises("Interrupted", "signal: interrupt") },
    "go: interrupt of a busy loop": {
      because: JAVA_GO.goEnd,
      here: raises("Interrupted", "signal: interrupt"),
    },
    "go: interrupt at init": {
      because: JAVA_GO.earlyInterrupt,
      here: raises("Interrupted", "signal: interrupt"),
    },
  },
  "execd-misc": {
    "no jupyter configured": {
      because: "there are kernels",
      here: { status: 200, body: expect.stringMatching(/"results":\{"text":"1"\}[^]*"execution_complete"/) },
    },
    "create ctx no jupyter": {
      because: "there are kernels",
      here: { status: 200, body: '{"id":"(id)","language":"python"}' },
    },
    "pty create bad cwd": {
      because: "execd appends a second object to the first",
      here: {
        status: 500,
        body: '{"code":"RUNTIME_ERROR","message":"error creating pty session: error creating PTY session work directory: mkdir /etc/passwd: not a directory"}',
      },
    },
  },
};
