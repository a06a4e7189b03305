import {
  McpServer,
  type CallToolResult,
  type ServerContext,
  type StandardSchemaWithJSON,
  type ToolAnnotations,
} from "@modelcontextprotocol/server";
import { VERSION } from "../../transport/platform.js";
import { withAnySignal } from "../cancellation.js";
import { errorResult } from "../report.js";
import type { CodeTool, CodeToolName, CodeToolResult } from "../types.js";
import type { HttpCancellations } from "./cancellations.js";
import { LiveOutput } from "./live-output.js";
import { registerFiles } from "./resources.js";
import type { ToolSource } from "./sandboxes.js";

const ANNOTATIONS: Readonly<Record<CodeToolName, ToolAnnotations>> = {
  run_code: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
  run_command: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
  read_file: { readOnlyHint: true, openWorldHint: false },
  write_file: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  list_files: { readOnlyHint: true, openWorldHint: false },
  reset_context: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
};

const HANDLE_FIELD = {
  type: "string",
  description: "The sandbox of an earlier result, to go on with its state. Default: a new one",
};

const GUIDE = `You have a sandbox in which you can run code, shell commands and file operations.

- State lasts: variables, imports and functions stay between calls of run_code in one language, so build up your work in small steps. reset_context starts a language anew.
- The value of the last expression is returned; print what else you want to see. Figures of matplotlib come back as pictures.
- Files are shared by all tools. Write results that the user wants to keep to files in the working directory; results name the files that a call created or changed.
- Long output is cut in the middle. The complete text is in the file that the result names: read the part that you need with read_file.
- An error comes with its traceback: correct the code and run only that part again. After a timeout the variables are still there, unless the result says otherwise.
- There may be no network access. If a package is missing, try what is installed before you stop.`;

const HANDLE_GUIDE = `
- Every result names its sandbox. Pass it as "sandbox" in the next call; without it you get a new, empty one.`;

/** Builds the server of one connection, or of one request, whose client may cancel it by another one. */
export function buildServer(source: ToolSource, cancellations: HttpCancellations): McpServer {
  const guide = source.hasHandles ? GUIDE + HANDLE_GUIDE : GUIDE;
  const server = new McpServer(
    { name: "opensandbox-code-interpreter", title: "OpenSandbox Code Interpreter", version: VERSION },
    { instructions: guide },
  );
  for (const tool of source.tools) registerTool(server, tool, source, cancellations);
  server.registerPrompt(
    "use_sandbox",
    { title: "Use the code sandbox well", description: "How to work with the tools that run code" },
    () => ({ messages: [{ role: "user", content: { type: "text", text: guide } }] }),
  );
  registerFiles(server, source);
  return server;
}

function registerTool(
  server: McpServer,
  tool: CodeTool,
  source: ToolSource,
  cancellations: HttpCancellations,
): void {
  const { name, title, description, inputSchema } = tool;
  const input = source.hasHandles
    ? { ...inputSchema, properties: { ...inputSchema.properties, sandbox: HANDLE_FIELD } }
    : inputSchema;
  server.registerTool(
    name,
    {
      title,
      description,
      annotations: { title, ...ANNOTATIONS[name] },
      inputSchema: describedBy(input),
      outputSchema: describedBy(outputSchema(source.hasHandles)),
    },
    async (given, context) => {
      const { handle, rest } = splitHandle(given, source.hasHandles);
      const taken = source.take(handle);
      if (taken.problem !== undefined) return toCallResult(errorResult(taken.problem), undefined);
      const output = liveOutput(context);
      try {
        const result = await cancellations.during(context, (cancelled) =>
          withAnySignal([context.mcpReq.signal, cancelled], (signal) =>
            taken.codeTools.execute(name, rest, {
              signal,
              ...(output !== undefined && { onOutput: (piece) => output.push(piece) }),
            }),
          ),
        );
        if (result.files !== undefined && !source.hasHandles && name !== "list_files") {
          server.sendResourceListChanged();
        }
        return toCallResult(result, source.hasHandles ? taken.handle : undefined);
      } finally {
        await output?.end();
        taken.release();
      }
    },
  );
}

/** Accepts every value: the tools check their inputs themselves, with messages from which a model can correct its call. */
function describedBy(schema: object): StandardSchemaWithJSON {
  return {
    "~standard": {
      version: 1,
      vendor: "opensandbox-code-interpreter",
      validate: (value) => ({ value }),
      jsonSchema: { input: () => ({ ...schema }), output: () => ({ ...schema }) },
    },
  };
}

function outputSchema(hasHandles: boolean) {
  const file = {
    type: "object",
    properties: { path: { type: "string" }, size: { type: "integer", description: "In bytes" } },
    required: ["path", "size"],
  };
  return {
    type: "object",
    properties: {
      text: { type: "string", description: "The result as text" },
      files: { type: "array", items: file, description: "Files that were created, changed or listed" },
      ...(hasHandles && { sandbox: { type: "string", description: "Pass it to the next call" } }),
    },
    required: ["text", "files"],
  };
}

function splitHandle(given: unknown, hasHandles: boolean): { handle?: string; rest: unknown } {
  if (!hasHandles || typeof given !== "object" || given === null || !("sandbox" in given))
    return { rest: given };
  const { sandbox, ...rest } = given;
  // Models send null or an empty text for optional fields.
  if (sandbox === null || sandbox === "") return { rest };
  return { handle: typeof sandbox === "string" ? sandbox : JSON.stringify(sandbox), rest };
}

function toCallResult(
  { text, images, files = [], isError }: CodeToolResult,
  handle: string | undefined,
): CallToolResult {
  const shown = handle === undefined ? text : `${text}\n[sandbox: ${handle}]`;
  return {
    content: [
      { type: "text", text: shown },
      ...images.map(({ data, mediaType }) => ({ type: "image" as const, data, mimeType: mediaType })),
    ],
    structuredContent: {
      text,
      files: files.map(({ path, size }) => ({ path, size })),
      ...(handle !== undefined && { sandbox: handle }),
    },
    isError,
  };
}

/** Sends output as progress, if the client asked for it. */
function liveOutput({ mcpReq }: ServerContext): LiveOutput | undefined {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return undefined;
  return new LiveOutput((message, progress) =>
    mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress, message } }),
  );
}
