import type { CodeToolName, ToolInputSchema } from "./types.js";

/** The definition of a tool for models and people. */
export interface ToolDefinition {
  readonly name: CodeToolName;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: ToolInputSchema;
}

/** What the descriptions depend on. */
export interface DefinitionContext {
  readonly languages: readonly string[];
  readonly timeoutSeconds: number;
}

/**
 * Returns the definitions of all tools. Each model call pays for these texts: together they stay below 2,500 bytes, as
 * a test checks.
 */
export function defineTools({ languages, timeoutSeconds }: DefinitionContext): readonly ToolDefinition[] {
  const language = { type: "string", enum: languages };
  return [
    {
      name: "run_code",
      title: "Run code",
      description: `Run code in a sandbox. Returns printed text, the last expression's value, pictures (e.g. matplotlib) and changed files. Variables and imports persist between calls, per language and context. Stopped after ${timeoutSeconds} s, keeping state. Files are relative to the working directory; there may be no internet access.`,
      inputSchema: objectOf(
        {
          code: { type: "string" },
          language: { ...language, description: `Default: ${languages[0] ?? ""}` },
          context: { type: "string", description: "Name of a separate state" },
        },
        "code",
      ),
    },
    {
      name: "run_command",
      title: "Run a shell command",
      description:
        "Run a bash command in the same sandbox. Returns stdout, stderr and exit code. Each call is a new shell; files are shared with run_code.",
      inputSchema: objectOf(
        {
          command: { type: "string" },
          cwd: { type: "string" },
          timeoutSeconds: { type: "number", description: `At most ${timeoutSeconds}` },
        },
        "command",
      ),
    },
    {
      name: "read_file",
      title: "Read a file",
      description: "Read a text file, or view a picture, in the sandbox. Long files: by lines, from 1.",
      inputSchema: objectOf(
        {
          path: { type: "string" },
          startLine: { type: "integer", minimum: 1 },
          endLine: { type: "integer", minimum: 1, description: "Inclusive" },
        },
        "path",
      ),
    },
    {
      name: "write_file",
      title: "Write a file",
      description: "Create or replace a text file; missing directories are created.",
      inputSchema: objectOf({ path: { type: "string" }, content: { type: "string" } }, "path", "content"),
    },
    {
      name: "list_files",
      title: "List files",
      description: "List a directory with sizes.",
      inputSchema: objectOf({
        path: { type: "string", description: "Default: working directory" },
        depth: { type: "integer", minimum: 1, description: "Default: 1" },
      }),
    },
    {
      name: "reset_context",
      title: "Reset the state of a language",
      description: "Forget the variables of a language, or of all. Files stay.",
      inputSchema: objectOf({ language }),
    },
  ];
}

function objectOf(properties: ToolInputSchema["properties"], ...required: string[]): ToolInputSchema {
  return { type: "object", properties, required, additionalProperties: false };
}
