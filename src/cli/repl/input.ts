import { SupportedLanguage } from "../../index.js";

/** The parts of a language's text that decide whether a bracket counts. */
interface Syntax {
  /** Comments and closed strings: brackets in them do not count. */
  readonly ignored: RegExp;
  /** A string or comment over several lines that has not ended. */
  readonly open: RegExp;
}

const C_COMMENTS = String.raw`\/\/.*|\/\*[^]*?\*\/`;
const QUOTED = String.raw`"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'`;
const syntax = (ignored: string, open: string): Syntax => ({
  ignored: new RegExp(ignored, "g"),
  open: new RegExp(open),
});

/** Like {@link QUOTED}, for languages in which three quotes start another kind of string. */
const SINGLE_QUOTED = String.raw`(?<!")"(?!"")(?:\\.|[^"\\\n])*"|(?<!')'(?!'')(?:\\.|[^'\\\n])*'`;
const PYTHON = syntax(
  String.raw`"""(?:\\[^]|[^\\])*?"""|'''(?:\\[^]|[^\\])*?'''|${SINGLE_QUOTED}|#.*`,
  `"""|'''`,
);
const SCRIPT = syntax(`\`(?:\\\\[^]|[^\`\\\\])*\`|${QUOTED}|${C_COMMENTS}`, "`|\\/\\*");
const GO = syntax(`\`[^\`]*\`|${QUOTED}|${C_COMMENTS}`, "`|\\/\\*");
const JAVA = syntax(String.raw`"""(?:\\[^]|[^\\])*?"""|${SINGLE_QUOTED}|${C_COMMENTS}`, String.raw`"""|\/\*`);
const BASH = syntax(String.raw`"(?:\\[^]|[^"\\])*"|'[^']*'|\\[^\n]|\$#|(?<=^|\s)#.*`, `["']`);

const SYNTAXES: Readonly<Record<string, Syntax>> = {
  [SupportedLanguage.Python]: PYTHON,
  [SupportedLanguage.JavaScript]: SCRIPT,
  [SupportedLanguage.TypeScript]: SCRIPT,
  [SupportedLanguage.Go]: GO,
  [SupportedLanguage.Java]: JAVA,
  [SupportedLanguage.Bash]: BASH,
};

/**
 * Returns whether lines are complete: without an open bracket, string or block. This does not parse the language, so two
 * blank lines end any input.
 */
export function isComplete(language: string, text: string): boolean {
  if (/\n\s*\n\s*$/.test(text) && text.trim() !== "") return true;
  if (/\\$/.test(text)) return false;
  const { ignored, open } = SYNTAXES[language] ?? SCRIPT;
  const bare = text.replace(ignored, " ");
  if (open.test(bare)) return false;
  if (language === SupportedLanguage.Bash) return isCompleteBash(text, bare);
  if (depth(bare, /[([{]/g, /[)\]}]/g) > 0) return false;
  return language !== SupportedLanguage.Python || isCompletePython(bare);
}

/** A block ends with a blank line. */
function isCompletePython(bare: string): boolean {
  const last = bare.split("\n").at(-1) ?? "";
  if (last.trim() === "") return true;
  return !/^\s/.test(last) && !/:\s*$/.test(last) && !last.startsWith("@");
}

function isCompleteBash(text: string, bare: string): boolean {
  for (const [heredoc, word = ""] of text.matchAll(/(?<!<)<<-?\s*["']?(\w+)["']?/g)) {
    const rest = text.slice(text.indexOf(heredoc) + heredoc.length);
    if (!new RegExp(`^\\t*${word}$`, "m").test(rest)) return false;
  }
  if (/(?:\||&&)\s*$/.test(bare)) return false;
  const isOpen = (opens: string, closes: string) => {
    const word = (names: string) => new RegExp(`(?<=^|[\\s;&|(])(?:${names})(?=$|[\\s;&|)])`, "gm");
    return depth(bare, word(opens), word(closes)) > 0;
  };
  return (
    !isOpen("if", "fi") &&
    !isOpen("case", "esac") &&
    !isOpen("do", "done") &&
    !isOpen("\\{|\\w+\\(\\)\\{", "\\}")
  );
}

function depth(text: string, opens: RegExp, closes: RegExp): number {
  return (text.match(opens) ?? []).length - (text.match(closes) ?? []).length;
}
