import { SupportedLanguage } from "../index.js";
import { shellQuote } from "./text.js";

/** A program to run. */
export interface Program {
  readonly language: string;
  readonly code: string;
  /** Its source: the path of its file, `-` for standard input, `-e` for code on the command line. */
  readonly name: string;
  readonly arguments: readonly string[];
}

/** The parts of a program, which run in this order in one context, so that it finds its arguments in the usual place. */
export interface Plan {
  /** Sets the arguments. Its output is not shown. */
  readonly before?: string;
  readonly code: string;
  /** Calls a function that the code defines. */
  readonly call?: string;
  /** Returns the exit code that the program has set without ending. */
  readonly exitCode?: string;
}

/** Splits a program into its parts. Line numbers in errors match those of its file. */
export function planProgram({ language, code: text, name, arguments: args }: Program): Plan {
  const code = text.replace(/^\ufeff/, "");
  switch (language) {
    case SupportedLanguage.Python:
      return { before: pythonArguments(name, args), code };
    case SupportedLanguage.JavaScript:
    case SupportedLanguage.TypeScript: {
      // As Node does: code on the command line has no name.
      const argv = JSON.stringify([...(name === "-e" ? [] : [name]), ...args]);
      const before = `void process.argv.splice(1, process.argv.length, ...${argv});`;
      return { before, code: withoutShebang(code), exitCode: "process.exitCode" };
    }
    case SupportedLanguage.Bash:
      return {
        before: `BASH_ARGV0=${shellQuote(name === "-e" ? "bash" : name)}; set -- ${args.map(shellQuote).join(" ")}`,
        code,
      };
    case SupportedLanguage.Go:
      return { code: withGoArguments(withoutShebang(code), [name === "-e" ? "main" : name, ...args]) };
    case SupportedLanguage.Java:
      return planJava(withoutShebang(code), args);
    default:
      return { code };
  }
}

function pythonArguments(name: string, args: readonly string[]): string {
  const argv = [name === "-e" ? "-c" : name, ...args].map(pythonString).join(", ");
  const isFile = name !== "-e" && name !== "-";
  const file = isFile
    ? `; __file__ = __import__("os").path.abspath(${pythonString(name.replace(/^.*[\\/]/, ""))})`
    : "";
  return `__import__("sys").argv[:] = [${argv}]${file}\n${COUNT_FROM_ONE}`;
}

/** The program is the first cell of its tracebacks, though this one runs before it. Without IPython nothing is counted. */
const COUNT_FROM_ONE = `try:
    get_ipython().history_manager.reset()
    get_ipython().execution_count = 0
except Exception:
    pass`;

/** Encodes a text as a Python literal: Python has the same escapes as JSON, except for lone surrogates. */
function pythonString(text: string): string {
  return JSON.stringify(text);
}

/** Turns a `#!` line into a comment, for languages that do not support it, without changing line numbers. */
function withoutShebang(code: string): string {
  return code.replace(/^#!/, "//");
}

/**
 * Sets `os.Args` before anything else of the program is initialized, without moving a line: in front of the first
 * declaration that is not an import.
 */
function withGoArguments(code: string, argv: readonly string[]): string {
  const pattern = /\/\*[^]*?\*\/|\/\/.*|"(?:\\.|[^"\\\n])*"|`[^`]*`|^(?:func|var|const|type)\b/gm;
  for (const match of code.matchAll(pattern)) {
    if (!/^[fvct]/.test(match[0])) continue;
    const list = argv.map((each) => JSON.stringify(each)).join(", ");
    const setter = `import programArguments "os"; var _ = func() bool { programArguments.Args = []string{${list}}; return true }(); `;
    return code.slice(0, match.index) + setter + code.slice(match.index);
  }
  return code;
}

/** Calls `main` of a source file, since JShell only declares its class. */
function planJava(code: string, args: readonly string[]): Plan {
  const list = args.map((each) => JSON.stringify(each)).join(", ");
  const before = `String[] args = new String[] {${list}};`;
  const text = code.replace(/\/\*[^]*?\*\/|\/\/.*|"""[^]*?"""|"(?:\\.|[^"\\\n])*"/g, (match) =>
    match.replace(/[^\n]/g, " "),
  );
  const main = /\bstatic\s+(?:final\s+)?void\s+main\s*\(\s*(?:final\s+)?String\b/.exec(text);
  if (main === null) return { before, code };
  const types = [
    ...text.slice(0, main.index).matchAll(/^(?:[\w@]+\s+)*(?:class|interface|enum|record)\s+(\w+)/gm),
  ];
  const type = types.at(-1)?.[1];
  // JShell does not support packages.
  const unpackaged = code.replace(/^\s*package\s+[\w.]+\s*;/m, (match) => match.replace(/[^\n]/g, " "));
  return { before, code: unpackaged, call: type === undefined ? "main(args);" : `${type}.main(args);` };
}
