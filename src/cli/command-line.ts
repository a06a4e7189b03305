import { Argument, Command, Option } from "commander";
import { UsageError, USAGE } from "./errors.js";
import type { Io, IoOptions } from "./io.js";
import { MCP_HOSTS } from "./mcp-hosts.js";
import { PICTURE_MODES } from "./pictures.js";
import { oneLine } from "./text.js";
import {
  collect,
  collectPairs,
  collectTransfers,
  parseDuration,
  parseNetwork,
  parseOptionalDuration,
  parsePort,
} from "./option-parsers.js";
import type { WorkspaceOptions } from "./workspace.js";
import type { Shell } from "./completion.js";
import type { ListSandboxesOptions, CreateSandboxOptions } from "./commands/sandboxes.js";
import type { ExecOptions } from "./commands/exec.js";
import type { ReplOptions } from "./commands/repl.js";
import type { RunProgramOptions } from "./commands/run.js";
import type { ShellOptions } from "./commands/shell.js";
import type { McpOptions } from "./commands/mcp.js";
import type { ServeOptions } from "./commands/serve.js";

/** The options that come before or after the name of a command. */
interface GlobalOptions extends IoOptions {
  readonly domain?: string;
  readonly apiKeyFile?: string;
  readonly sandbox?: string;
  readonly keep?: boolean;
}

type GlobalOption = keyof GlobalOptions;

const REPORTING: readonly GlobalOption[] = ["output", "verbose", "color"];
const CONNECTION: readonly GlobalOption[] = ["domain", "apiKeyFile", ...REPORTING];
const EXISTING_SANDBOX: readonly GlobalOption[] = ["sandbox", ...CONNECTION];
const ANY_SANDBOX: readonly GlobalOption[] = ["keep", ...EXISTING_SANDBOX];

const SHELLS: readonly Shell[] = ["bash", "zsh", "fish"];

/** The dependencies of the program. */
interface ProgramOptions {
  /** The name by which it was called. */
  readonly name: string;
  /** All names by which it can be called. */
  readonly names: readonly string[];
  readonly version: string;
  readonly io: Io;
}

/** Creates the command line: commands, options and help. The code of a command is loaded when it runs. */
export function createProgram({ name, names, version, io }: ProgramOptions): {
  execute(argv: readonly string[]): Promise<number>;
} {
  let exitCode = 0;
  const program = new Command(name);
  const globalOptions = new Map<Command, readonly Option[]>();

  /** Adds a command. `uses` lists the global options that it accepts. */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- commander's options are untyped; their type is what the calls below declare
  function add<Options>(
    parent: Command,
    usage: string,
    summary: string,
    uses: readonly GlobalOption[],
    run: (operands: string[], options: Options & GlobalOptions) => Promise<number>,
  ): Command {
    const command = parent.command(usage).description(summary);
    command.action(async () => {
      const options = command.optsWithGlobals<Options & GlobalOptions>();
      io.configure({ output: options.output, verbose: options.verbose, color: options.color });
      refuseUnused(command, uses);
      exitCode = await run(command.args, options);
    });
    const used = program.options.filter((option) => uses.some((each) => each === option.attributeName()));
    globalOptions.set(command, used);
    const flags = used.map(({ short, long }) => short ?? long ?? "");
    if (flags.length > 0)
      command.addHelpText("after", `\nGlobal options, see "${name} --help":\n  ${flags.join("  ")}`);
    return command;
  }

  function refuseUnused(command: Command, uses: readonly GlobalOption[]): void {
    const unused = program.options.find((option) => {
      const attribute = option.attributeName();
      return program.getOptionValueSource(attribute) === "cli" && !uses.some((each) => each === attribute);
    });
    if (unused === undefined) return;
    throw new UsageError(`${commandPath(command)} does not use ${unused.long ?? unused.flags}.`);
  }

  program
    .description("Runs code and commands in OpenSandbox sandboxes, or isolated on this machine.")
    .usage("COMMAND [options]")
    .option("--domain <host>", "server, host:port or URL ($OPEN_SANDBOX_DOMAIN)")
    .option("--api-key-file <file>", "file with its API key ($OPEN_SANDBOX_API_KEY)")
    .option("--sandbox <id>", "use a sandbox that exists")
    .option("--keep", "leave the sandbox alive at the end")
    .addOption(new Option("-o, --output <format>", "text or json").choices(["text", "json"]).default("text"))
    .option("--verbose", "show all details of errors", false)
    // Hidden, so that the help fits a screen: the variable is better known.
    .addOption(new Option("--no-color", "show no colours ($NO_COLOR)").hideHelp())
    .version(version, "-v, --version", "print the version")
    .configureHelp({
      // Every help fits a screen: --help itself is not listed.
      visibleCommands: shownCommands,
      visibleOptions: (command) => command.options.filter((option) => !option.hidden),
      optionDescription: ({ description, defaultValue }) =>
        typeof defaultValue === "number" ? `${description} (default: ${defaultValue})` : description,
      subcommandTerm: (command) => command.name(),
    })
    .configureOutput({ outputError: (text, write) => write(usageMessage(text)) })
    .exitOverride();

  function usageMessage(text: string): string {
    const message = oneLine(text.replace(/^error: /, ""));
    return `${name}: ${/[.?!)]$/.test(message) ? message : `${message}.`} "${name} --help" lists the commands and options.\n`;
  }

  const isolation = () =>
    new Option("--isolation <mode>", "local server: auto, bubblewrap, sandbox-exec, none").choices([
      "auto",
      "bubblewrap",
      "sandbox-exec",
      "none",
    ]);
  const network = () =>
    new Option("--network <rule>", "allow, deny, or the only hosts: 'pypi.org,*.npmjs.org'")
      .choices(["allow", "deny"])
      // Replaces the parser of `choices`, which are for the completion.
      .argParser(parseNetwork);
  const env = () =>
    new Option("--env <name=value>", "an environment variable of the sandbox; repeatable").argParser(
      collectPairs,
    );
  const image = () => new Option("--image <uri>", "the sandbox's image, on a server");
  const images = () =>
    new Option("--images <mode>", "pictures inline: auto, kitty, iterm, sixel, none")
      .choices([...PICTURE_MODES])
      .default("auto");

  add<RunProgramOptions>(
    program,
    "run [FILE] [ARGS...]",
    "run a program from a file, standard input or -e",
    ANY_SANDBOX,
    async (operands, options) => (await import("./commands/run.js")).run(operands, options, io),
  )
    .usage("[options] [FILE | -] [-- ARGS]")
    .option("-e, --eval <code>", "run this code")
    .option("-l, --language <name>", "python, javascript, typescript, bash, go or java")
    .option("--timeout <duration>", "interrupt the program after this time: 90, 10m, 1h30m", parseDuration)
    .option("--upload <from[:to]>", "copy a file or folder in first; repeatable", collectTransfers)
    .option("--download <from[:to]>", "copy a file or folder out after; repeatable", collectTransfers)
    .addOption(env())
    .addOption(network())
    .addOption(image())
    .addOption(images())
    .addOption(isolation());

  add<ReplOptions>(
    program,
    "repl [LANGUAGE]",
    "enter code line by line; Python unless named",
    ANY_SANDBOX,
    async ([language = "python"], options) =>
      (await import("./commands/repl.js")).repl(language, options, io),
  )
    .addOption(env())
    .addOption(network())
    .addOption(image())
    .addOption(images())
    .addOption(isolation());

  add<ExecOptions>(program, "exec [COMMAND...]", "run a shell command", ANY_SANDBOX, async (words, options) =>
    (await import("./commands/exec.js")).exec(words, options, io),
  )
    .usage("[options] -- COMMAND [ARGS]")
    .addHelpText("before", "One word is a line for the shell; several are a program and its arguments.\n")
    .option("--cwd <folder>", "where it runs")
    .option("--timeout <duration>", "end the command after this time: 90, 10m, 1h30m", parseDuration)
    .addOption(env())
    .addOption(network())
    .addOption(image())
    .addOption(isolation());

  add<ShellOptions>(
    program,
    "shell [COMMAND...]",
    "open a shell on this terminal",
    ANY_SANDBOX.filter((option) => option !== "output"),
    async (words, options) => (await import("./commands/shell.js")).shell(words, options, io),
  )
    .usage("[options] [-- COMMAND]")
    .option("--cwd <folder>", "where it starts")
    .addOption(env())
    .addOption(network())
    .addOption(image())
    .addOption(isolation());

  addFiles(program.command("files").description("list, show, copy and delete files of a sandbox"));
  addSandboxes(program.command("sandboxes").description("list, create and manage sandboxes"));

  function addFiles(files: Command): void {
    const load = () => import("./commands/files.js");
    add<WorkspaceOptions & { depth?: number }>(
      files,
      "ls [FOLDER]",
      "list a folder",
      EXISTING_SANDBOX,
      async ([folder = "."], options) => (await load()).list(folder, options, io),
    ).option("--depth <levels>", "how many levels", Number);
    add<WorkspaceOptions>(
      files,
      "cat <FILE...>",
      "print files, byte for byte",
      EXISTING_SANDBOX,
      async (paths, options) => (await load()).cat(paths, options, io),
    );
    add<WorkspaceOptions>(
      files,
      "push <FROM> [TO]",
      "copy a local file or folder into the sandbox",
      EXISTING_SANDBOX,
      async ([from = "", to], options) => (await load()).push({ from, to }, options, io),
    );
    add<WorkspaceOptions>(
      files,
      "pull <FROM> [TO]",
      "copy a file or folder of the sandbox to here",
      EXISTING_SANDBOX,
      async ([from = "", to], options) => (await load()).pull({ from, to }, options, io),
    );
    add<WorkspaceOptions & { recursive?: boolean }>(
      files,
      "rm <PATH...>",
      "delete files",
      EXISTING_SANDBOX,
      async (paths, options) => (await load()).remove(paths, options, io),
    ).option("-r, --recursive", "folders too, with everything in them");
  }

  function addSandboxes(sandboxes: Command): void {
    const load = () => import("./commands/sandboxes.js");
    add<ListSandboxesOptions>(
      sandboxes,
      "ls",
      "list the sandboxes, the newest first",
      CONNECTION,
      async (_, options) => (await load()).list(options, io),
    )
      .option("--state <state>", "only these, such as Running; repeatable", collect)
      .option("--metadata <name=value>", "only with this label; repeatable", collectPairs);
    add<CreateSandboxOptions>(
      sandboxes,
      "create",
      "create a sandbox and print its id",
      CONNECTION,
      async (_, options) => (await load()).create(options, io),
    )
      .addOption(image())
      .option("--snapshot <id>", "start from a snapshot")
      .option("--timeout <duration>", "how long it lives: 10m, 2h, none", parseOptionalDuration)
      .addOption(env())
      .option("--metadata <name=value>", "a label; repeatable", collectPairs)
      .addOption(network())
      .option("--cpu <amount>", "such as 2 or 500m")
      .option("--memory <amount>", "such as 512Mi or 4Gi");
    add<object>(sandboxes, "info <ID>", "describe a sandbox", CONNECTION, async ([id = ""], options) =>
      (await load()).info(id, options, io),
    );
    for (const action of ["pause", "resume", "kill"] as const) {
      add<object>(sandboxes, `${action} <ID...>`, `${action} sandboxes`, CONNECTION, async (ids, options) =>
        (await load()).change(ids, action, options, io),
      );
    }
    add<{ for: number }>(
      sandboxes,
      "renew <ID...>",
      "change when sandboxes expire",
      CONNECTION,
      async (ids, options) => (await load()).change(ids, { renewSeconds: options.for }, options, io),
    ).option("--for <duration>", "from now: 10m, 1h30m", parseDuration, 600);
  }

  add<ServeOptions>(
    program,
    "serve",
    "start a local server",
    ["apiKeyFile", ...REPORTING],
    async (_, options) => (await import("./commands/serve.js")).serve(options, io),
  )
    .option("--port <number>", "the port to listen on; 0 takes any free port", parsePort, 8080)
    .option(
      "--host <address>",
      "the address to listen on; 0.0.0.0 listens on all networks (default: 127.0.0.1)",
    )
    .option("--allowed-host <name>", "a further name by which clients reach it; repeatable", collect)
    .option("--api-key <key>", "what clients must send; random unless given")
    .addOption(isolation())
    .addOption(network())
    .option("--allow-host-path <folder>", "a folder that sandboxes may mount; repeatable", collect)
    .option("--python <path>", "the Python, or virtual environment, to use")
    .option("--cors <origin>", "a web page's origin that may use it; repeatable", collect)
    .option(
      "--ui [port]",
      "serve a page to run code in a browser, too; prints a link that opens it once",
      parsePort,
    );

  add<McpOptions>(
    program,
    "mcp",
    "serve the tools for an MCP host",
    [...CONNECTION.filter((option) => option !== "output"), "sandbox"],
    async (_, options) => (await import("./commands/mcp.js")).mcp(options, io),
  )
    .option("--http <port>", "streamable HTTP on 127.0.0.1 instead of stdio", parsePort)
    .addOption(new Option("--print-config <host>", `for ${MCP_HOSTS.join(", ")}`).choices([...MCP_HOSTS]))
    .addOption(isolation());

  add<object>(program, "doctor", "show what this machine has for a local server", REPORTING, async () =>
    (await import("./commands/doctor.js")).doctor(io),
  );

  add<object>(
    program,
    "completion",
    "print a script that completes in bash, zsh or fish",
    [],
    async ([shell]) => {
      const { completionScript } = await import("./completion.js");
      const optionsOf = (command: Command) => [...command.options, ...(globalOptions.get(command) ?? [])];
      const reader = { names, commandsOf: shownCommands, optionsOf };
      // The argument has no other values.
      await io.write(completionScript(program, shell as Shell, reader));
      return 0;
    },
  ).addArgument(new Argument("<SHELL>").choices(SHELLS));

  program.command("version", { hidden: true }).action(async () => {
    await io.write(`${version}\n`);
  });

  return {
    async execute(argv) {
      if (argv.length === 0) {
        program.outputHelp({ error: true });
        return USAGE;
      }
      await program.parseAsync(argv, { from: "user" });
      return exitCode;
    },
  };
}

/** Returns the commands that help and completion list: all but `help` and `version`, which work nevertheless. */
function shownCommands({ commands }: Command): Command[] {
  return commands.filter((command) => command.name() !== "version");
}

/** Returns the words of a command, without the program's name. */
function commandPath(command: Command): string {
  const parent = command.parent?.parent === null ? undefined : command.parent;
  return parent === undefined || parent === null ? command.name() : `${parent.name()} ${command.name()}`;
}
