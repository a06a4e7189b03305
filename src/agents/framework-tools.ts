import type { CallOptions, CodeInterpreter } from "../index.js";
import {
  createCodeTools,
  type CodeTool,
  type CodeToolName,
  type CodeTools,
  type CodeToolsOptions,
  type ToolInputSchema,
} from "./index.js";

/** Options of a framework's `codeTools`: those of `createCodeTools`, with the names of the tools kept in the type. */
export interface FrameworkToolsOptions<Name extends CodeToolName> extends CodeToolsOptions {
  readonly tools?: readonly Name[] | undefined;
}

/** A toolbox in a framework's own form. */
export interface FrameworkTools<Tools> extends AsyncDisposable {
  /** The tools, to be given to the framework. */
  readonly tools: Tools;
  /** Returns the interpreter that the tools use, to upload files before or to download them afterwards. */
  readonly interpreter: (options?: CallOptions) => Promise<CodeInterpreter>;
  /** Stops what is running, and ends the sandbox and the local server if the tools created them. */
  readonly close: () => Promise<void>;
}

/** Creates the core's toolbox and translates its tools. */
export function frameworkTools<Tools>(
  options: CodeToolsOptions,
  translate: (tools: readonly CodeTool[]) => Tools,
): FrameworkTools<Tools> {
  const codeTools: CodeTools = createCodeTools(options);
  const close = (): Promise<void> => codeTools.close();
  return {
    tools: translate(codeTools.tools),
    interpreter: (callOptions) => codeTools.interpreter(callOptions),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A schema by the Standard Schema and Standard JSON Schema specifications. */
export interface StandardInputSchema {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => { readonly value: unknown };
    readonly jsonSchema: Readonly<Record<"input" | "output", () => Record<string, unknown>>>;
  };
}

/**
 * Wraps the JSON Schema of a tool. It accepts every value, since the tool itself checks its input: it is more lenient
 * with what models send, and its messages are written for them.
 */
export function standardSchema(inputSchema: ToolInputSchema): StandardInputSchema {
  const jsonSchema = (): Record<string, unknown> => structuredClone({ ...inputSchema });
  return {
    "~standard": {
      version: 1,
      vendor: "opensandbox-code-interpreter",
      validate: (value) => ({ value }),
      jsonSchema: { input: jsonSchema, output: jsonSchema },
    },
  };
}
