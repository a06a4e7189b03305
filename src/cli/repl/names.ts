import { SupportedLanguage, type CodeContext, type Codes } from "../../index.js";

/** The time limit for asking a kernel for names, in seconds. */
const TIMEOUT_SECONDS = 2;
const MOST_NAMES = 200;

/** Names that complete a line, and the part of the line that they replace, as `readline` expects them. */
export type Completions = [names: string[], replaced: string];

/** Asks the kernel for names that complete a line. If it returns none, uses the words of earlier input. */
export async function completeNames(
  codes: Codes,
  context: CodeContext,
  line: string,
  earlierInput: string,
): Promise<Completions> {
  const code = completionCode(context.language, line);
  const [, word = ""] = /([\w$]*)$/.exec(line) ?? [];
  if (code === undefined) return [wordsOf(earlierInput, word), word];
  const { stdout, error } = await codes.run(code, { context, timeoutSeconds: TIMEOUT_SECONDS });
  const found = error === undefined ? parseNames(stdout) : undefined;
  if (found === undefined) return [wordsOf(earlierInput, word), word];
  const [replaced, names] = found;
  const isScript =
    context.language === SupportedLanguage.JavaScript || context.language === SupportedLanguage.TypeScript;
  // Declarations such as `const` are not properties of any object.
  const declared = isScript && !replaced.includes(".") ? wordsOf(earlierInput, replaced) : [];
  return [[...new Set([...names, ...declared])].slice(0, MOST_NAMES), replaced];
}

function wordsOf(text: string, prefix: string): string[] {
  if (prefix === "") return [];
  const words = new Set(text.match(/[\p{L}_$][\p{L}\p{N}_$]{2,}/gu));
  return [...words].filter((word) => word.startsWith(prefix)).sort();
}

function parseNames(output: string): [replaced: string, names: string[]] | undefined {
  try {
    const [replaced, names] = JSON.parse(output) as [unknown, unknown];
    if (typeof replaced !== "string" || !Array.isArray(names)) return undefined;
    return [replaced, names.filter((name) => typeof name === "string")];
  } catch {
    return undefined;
  }
}

/** Code that prints `[replaced, names]` as JSON and leaves nothing behind. */
function completionCode(language: string, line: string): string | undefined {
  const text = JSON.stringify(line);
  switch (language) {
    case SupportedLanguage.Python:
      return `
def __complete(line):
    import json, re, rlcompleter
    try:
        shell = get_ipython()
        # Its static analysis takes half a minute for the first name, where it cannot keep its cache.
        shell.Completer.use_jedi = False
        word, names = shell.complete(None, line, len(line))
    except NameError:
        word = re.search(r"[\\w.]*$", line).group()
        completer, names = rlcompleter.Completer(globals()), []
        while len(names) < ${MOST_NAMES} and (name := completer.complete(word, len(names))) is not None:
            names.append(name.rstrip("( "))
    print(json.dumps([word, list(names)[:${MOST_NAMES}]]))
__complete(${text})
del __complete
`;
    case SupportedLanguage.JavaScript:
    case SupportedLanguage.TypeScript:
      return `((line) => {
  const [word, path = "", start] = /((?:[\\w$]+\\.)+)?([\\w$]*)$/.exec(line);
  const names = new Set();
  let at = path === "" ? globalThis : (0, eval)(path.slice(0, -1));
  for (at = Object(at ?? {}); at !== null; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) {
      if (name.startsWith(start) && /^[\\w$]+$/.test(name) && !/^\\d/.test(name)) names.add(path + name);
    }
  }
  console.log(JSON.stringify([word, [...names].sort().slice(0, ${MOST_NAMES})]));
})(${text});`;
    case SupportedLanguage.Bash: {
      const [, dollar = "", word = ""] = /(\$?)([\w./~-]*)$/.exec(line) ?? [];
      const kinds = dollar === "$" ? "-v" : /^\s*[\w./~-]*$/.test(line) ? "-c -f" : "-f";
      // Prints names as JSON without a JSON library. Names that would need an escape are left out.
      return `(printf '[%s,[' '"${dollar}${word}"'; compgen ${kinds} -- '${word}' | grep -v '["\\\\[:cntrl:]]' | sort -u | head -n ${MOST_NAMES} | sed 's/.*/"${dollar === "$" ? "\\$" : ""}&"/' | paste -sd,; printf ']]')`;
    }
    default:
      return undefined;
  }
}
