import type { Command, Option } from "commander";
import { shellQuote } from "./text.js";

/** The shells that have a script. */
export type Shell = "bash" | "zsh" | "fish";

/** The words and options that can follow a command. */
interface Completed {
  /** The words of the command, such as `files ls`; empty for the program itself. */
  readonly path: string;
  /** Its subcommands, and the values of its arguments. */
  readonly words: readonly Word[];
  readonly options: readonly Option[];
}

interface Word {
  readonly name: string;
  readonly description: string;
}

/** Describes the program to {@link completionScript}. */
export interface ProgramReader {
  /** The names by which the program is called. */
  readonly names: readonly string[];
  /** Returns the subcommands of a command. */
  readonly commandsOf: (command: Command) => readonly Command[];
  /** Returns the options of a command, including those of the program. */
  readonly optionsOf: (command: Command) => readonly Option[];
}

/** Returns a script with which a shell completes the commands and options of a program, and files for free values. */
export function completionScript(program: Command, shell: Shell, reader: ProgramReader): string {
  const tree = [...walk(program, "", reader)];
  const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };
  return scripts[shell](tree, reader.names);
}

function* walk(command: Command, path: string, reader: ProgramReader): Generator<Completed> {
  const commands = reader.commandsOf(command);
  const values = command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices);
  const words = [
    ...commands.map((each) => ({ name: each.name(), description: each.description() })),
    ...values.map((name) => ({ name, description: "" })),
  ];
  yield { path, words, options: reader.optionsOf(command) };
  for (const each of commands) yield* walk(each, `${path} ${each.name()}`.trim(), reader);
}

function bashScript(tree: readonly Completed[], names: readonly string[]): string {
  const cases = tree.map(({ path, words, options }) => [
    `      ${shellQuote(path)}) commands=${shellQuote(namesOf(words).join(" "))}`,
    `        options=${shellQuote(options.flatMap(flagsOf).join(" "))} ;;`,
  ]);
  const values = valuePatterns(tree, {
    // Without a candidate, "complete -o default" offers files.
    files: "return",
    choice: (choices) => `COMPREPLY=($(compgen -W ${shellQuote(choices)} -- "$current")); return`,
  });
  return `_osci() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} path="" commands="" options="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path $word" in
      ${pathPatterns(tree)}) path="\${path:+$path }$word" ;;
    esac
  done
  COMPREPLY=()
  case "$path $previous" in
${values}
  esac
  case "$path" in
${cases.flat().join("\n")}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
    *) COMPREPLY=($(compgen -W "$commands" -- "$current")) ;;
  esac
}
complete -o default -F _osci ${names.join(" ")}
`;
}

function zshScript(tree: readonly Completed[], names: readonly string[]): string {
  const described = (entries: readonly (readonly [string, string])[]): string =>
    entries.map(([name, description]) => shellQuote(`${name}:${description}`)).join(" ");
  const cases = tree.map(({ path, words, options }) => [
    `    ${shellQuote(path)}) commands=(${described(words.map((each) => [each.name, each.description]))})`,
    `      options=(${described(options.flatMap((each) => flagsOf(each).map((flag) => [flag, each.description] as const)))}) ;;`,
  ]);
  const values = valuePatterns(tree, {
    files: "_files; return",
    choice: (choices) => `compadd -- ${choices}; return`,
  });
  return `#compdef ${names.join(" ")}
_osci() {
  local current=\${words[CURRENT]} previous=\${words[CURRENT-1]} path_="" word
  local -a commands options
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$path_ $word" in
      ${pathPatterns(tree)}) path_="\${path_:+$path_ }$word" ;;
    esac
  done
  case "$path_ $previous" in
${values}
  esac
  case "$path_" in
${cases.flat().join("\n")}
  esac
  if [[ $current == -* ]]; then
    _describe option options
  elif (( $#commands )); then
    _describe command commands
  else
    _files
  fi
}
compdef _osci ${names.join(" ")}
`;
}

function fishScript(tree: readonly Completed[], names: readonly string[]): string {
  const lines = tree.flatMap(({ path, words, options }) => {
    const seen = path === "" ? [] : path.split(" ").map((word) => `__fish_seen_subcommand_from ${word}`);
    const none = words.length === 0 ? [] : [`not __fish_seen_subcommand_from ${namesOf(words).join(" ")}`];
    const condition = `-n ${fishQuoted([...seen, ...none].join("; and "))}`;
    return [
      ...words.map(({ name, description }) => `${condition} -f -a ${name} -d ${fishQuoted(description)}`),
      ...options.map((option) => `${condition} ${fishOption(option)}`),
    ];
  });
  return names.flatMap((name) => lines.map((line) => `complete -c ${name} ${line}\n`)).join("");
}

function fishOption({ short, long, description, argChoices, required, optional }: Option): string {
  const flags = [
    ...(short === undefined ? [] : [`-s ${short.slice(1)}`]),
    ...(long === undefined ? [] : [`-l ${long.slice(2)}`]),
  ];
  const value =
    argChoices !== undefined
      ? [`-x -a ${fishQuoted(argChoices.join(" "))}`]
      : required || optional
        ? ["-r"]
        : [];
  return [...flags, ...value, `-d ${fishQuoted(description)}`].join(" ");
}

/** Returns the patterns of all commands, word by word, with a space before the last word. */
function pathPatterns(tree: readonly Completed[]): string {
  return tree
    .filter(({ path }) => path !== "")
    .map(({ path }) => shellQuote(path.includes(" ") ? path : ` ${path}`))
    .join("|");
}

/** Returns the cases of all options with a value. A free value is completed by files. */
function valuePatterns(
  tree: readonly Completed[],
  { files, choice }: { readonly files: string; readonly choice: (choices: string) => string },
): string {
  return tree
    .flatMap(({ path, options }) =>
      options
        .filter(({ required, optional }) => required || optional)
        .map((option) => {
          const patterns = flagsOf(option).map((flag) => shellQuote(`${path} ${flag}`));
          const { argChoices } = option;
          return `    ${patterns.join("|")}) ${argChoices === undefined ? files : choice(argChoices.join(" "))} ;;`;
        }),
    )
    .join("\n");
}

function namesOf(words: readonly Word[]): string[] {
  return words.map(({ name }) => name);
}

function flagsOf({ short, long }: Option): string[] {
  return [short, long].filter((flag) => flag !== undefined);
}

function fishQuoted(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}
