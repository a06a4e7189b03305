import type {
  CallOptions,
  CodeInterpreter,
  ConnectionConfig,
  ConnectionOptions,
  Logger,
  Sandbox,
  SandboxCreateOptions,
  SupportedLanguage,
} from "../index.js";

/** The names of the tools, the same in every framework. */
export type CodeToolName = keyof CodeToolInputs;

/** A JSON Schema of an object, as model APIs take it. */
export interface ToolInputSchema {
  readonly type: "object";
  readonly properties: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly required: readonly string[];
  readonly additionalProperties: false;
}

/** A picture that a tool returns. */
export interface ToolImage {
  /** The bytes in base64. */
  readonly data: string;
  readonly mediaType: "image/png" | "image/jpeg" | "image/gif" | "image/webp";
}

/** A file that a tool call created or changed, or that it lists. */
export interface ToolFile {
  /** Its path: relative to the working directory if it is below it. */
  readonly path: string;
  /** Its length in bytes. */
  readonly size: number;
}

/** What a tool call returns to the model. */
export interface CodeToolResult {
  /** The whole result as text, pictures and files named in it. Never empty. */
  readonly text: string;
  /** Pictures that the call produced, for models that can see. */
  readonly images: readonly ToolImage[];
  /** Files that the call created or changed below the working directory; `undefined` if there are none. */
  readonly files?: readonly ToolFile[];
  /** Whether the call failed: the code raised an error, the exit code is not 0, the input is invalid, … */
  readonly isError: boolean;
}

/** A piece of output, while the code or command is running. */
export interface ToolOutput {
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

/** Options of {@link CodeTool.execute}. */
export interface CodeToolCallOptions extends CallOptions {
  /** Receives what `run_code` and `run_command` print while they are running. A returned promise is awaited. */
  readonly onOutput?: ((output: ToolOutput) => unknown) | undefined;
}

/** The inputs of the tools, by their names. */
export interface CodeToolInputs {
  readonly run_code: {
    readonly code: string;
    /** @default the first one of the options' languages */
    readonly language?: string;
    /** The name of a separate state. @default "main" */
    readonly context?: string;
  };
  readonly run_command: {
    readonly command: string;
    /** @default the working directory */
    readonly cwd?: string;
    /** @default the limit of the options */
    readonly timeoutSeconds?: number;
  };
  readonly read_file: {
    readonly path: string;
    /** The first line to read, from 1. @default 1 */
    readonly startLine?: number;
    /** The last line to read. @default the last one of the file */
    readonly endLine?: number;
  };
  readonly write_file: { readonly path: string; readonly content: string };
  readonly list_files: {
    /** @default the working directory */
    readonly path?: string;
    /** How many levels, from 1. @default 1 */
    readonly depth?: number;
  };
  readonly reset_context: {
    /** @default all languages */
    readonly language?: string;
  };
}

/** A tool call whose input has been checked, as `approve` gets it: `{ tool: "run_code", input: { code: "…" } }`. */
export type CodeToolCall = {
  [Name in CodeToolName]: { readonly tool: Name; readonly input: CodeToolInputs[Name] };
}[CodeToolName];

/** One tool: what a model is told about it, and the function that does it. */
export interface CodeTool {
  readonly name: CodeToolName;
  /** A short text for a person, such as "Run code". */
  readonly title: string;
  /** What a model is told about the tool. */
  readonly description: string;
  /** The input as a JSON Schema. */
  readonly inputSchema: ToolInputSchema;
  /**
   * Executes a call. Failures that a model can act on (invalid input, an error in its code, a timeout) are returned with
   * `isError: true`.
   *
   * @param input an object, or its JSON text
   * @throws {SandboxException} if no sandbox can be created, and `CLOSED` after {@link CodeTools.close}
   * @throws the reason of `signal` once it is aborted; the kernel is interrupted and keeps its state
   */
  execute(input: unknown, options?: CodeToolCallOptions): Promise<CodeToolResult>;
}

/** Creates the sandbox of a toolbox; gets the options that it would be created with otherwise. */
export type SandboxFactory = (options: SandboxCreateOptions) => Promise<Sandbox>;

/** Options of {@link createCodeTools}: at most one of `sandbox` and `create`. */
export interface CodeToolsOptions {
  /**
   * The server on which sandboxes are created.
   * @default the environment variable `OPEN_SANDBOX_DOMAIN`; without it, a local server in this process
   */
  readonly connectionConfig?: ConnectionConfig | ConnectionOptions | undefined;
  /** A sandbox to use. It is neither renewed, nor replaced, nor ended. @default one is created at the first call */
  readonly sandbox?: Sandbox | undefined;
  /**
   * How the sandbox is created: options of `Sandbox.create`, such as `image`, `env` and `timeoutSeconds`, or a function
   * that creates it. The tools own the sandbox: they renew it while it is used and kill it when they are closed.
   */
  readonly create?: SandboxCreateOptions | SandboxFactory | undefined;
  /** The languages that the model may use. The first one is the default. @default all of `SupportedLanguage` */
  readonly languages?: readonly SupportedLanguage[] | undefined;
  /** Which tools to provide. @default all */
  readonly tools?: readonly CodeToolName[] | undefined;
  /** The limit for one run of code or one command, in seconds. @default 60 */
  readonly timeoutSeconds?: number | undefined;
  /**
   * How much of each output stream the model sees, in bytes: the beginning and the end. The complete text is kept in a
   * file in the sandbox, which the result names.
   * @default 20_000
   */
  readonly maxOutputBytes?: number | undefined;
  /** How many pictures one call returns at most. @default 4 */
  readonly maxImages?: number | undefined;
  /** Asks whether a call may be executed: `true`, or `false`, or a text that tells the model why not. @default all may */
  readonly approve?:
    | ((
        call: CodeToolCall,
        options: { readonly signal: AbortSignal | undefined },
      ) => boolean | string | Promise<boolean | string>)
    | undefined;
  /**
   * How the local server isolates the code: `"auto"`, or `"none"` to run it with your own rights, for code that you
   * trust. Has no effect on other servers.
   * @default "auto"
   */
  readonly isolation?: "auto" | "bubblewrap" | "sandbox-exec" | "none" | undefined;
  /** Where to report that the local server is used, and that a sandbox was replaced. @default the connection's, or else `console` */
  readonly logger?: Logger | undefined;
}

/** A toolbox for an agent; see {@link createCodeTools}. */
export interface CodeTools extends AsyncDisposable {
  /** The tools, in the order in which models should see them. */
  readonly tools: readonly CodeTool[];
  /** Executes a call by its tool's name. An unknown name is an error for the model; otherwise as {@link CodeTool.execute}. */
  execute(name: string, input: unknown, options?: CodeToolCallOptions): Promise<CodeToolResult>;
  /**
   * Returns the interpreter that the tools use, and creates the sandbox if there is none yet: to upload files before
   * the model starts, or to download them afterwards.
   */
  interpreter(options?: CallOptions): Promise<CodeInterpreter>;
  /** Stops what is running, and ends the sandbox and the local server if the tools created them. */
  close(): Promise<void>;
}
