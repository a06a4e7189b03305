import {
  isSandboxException,
  type CallOptions,
  type CodeInterpreter,
  type SandboxException,
} from "../index.js";
import { raceAbort, withAnySignal } from "./cancellation.js";
import { listFiles, readFile, writeFile } from "./file-tools.js";
import { resolveOptions, type CodeToolsConfig } from "./options.js";
import { errorResult } from "./report.js";
import { resetContext, runCode, runCommand, type ToolCall } from "./run-tools.js";
import { SandboxOwner } from "./sandbox-owner.js";
import { defineTools, type ToolDefinition } from "./tool-definitions.js";
import { readToolCall } from "./tool-input.js";
import type {
  CodeTool,
  CodeToolCall,
  CodeToolCallOptions,
  CodeToolResult,
  CodeTools,
  CodeToolsOptions,
} from "./types.js";

/**
 * Creates tools with which a model runs code, commands and file operations in one sandbox.
 *
 * The sandbox is created at the first call, renewed while it is used and killed by `close()`. Without a server (neither
 * `connectionConfig`, `sandbox` or `create`, nor `OPEN_SANDBOX_DOMAIN`) the code runs on this machine, in an isolated
 * sandbox of a local server without network.
 *
 * @throws {InvalidArgumentException} if an option is unknown or invalid
 *
 * @example
 * ```ts
 * await using codeTools = createCodeTools();
 * const result = await codeTools.execute("run_code", { code: "print(6 * 7)" });
 * result.text; // "42"
 * ```
 */
export function createCodeTools(options: CodeToolsOptions = {}): CodeTools {
  return new Toolbox(resolveOptions(options));
}

class Toolbox implements CodeTools {
  readonly tools: readonly CodeTool[];
  readonly #config: CodeToolsConfig;
  readonly #owner: SandboxOwner;

  constructor(config: CodeToolsConfig) {
    this.#config = config;
    this.#owner = new SandboxOwner(config);
    this.tools = defineTools(config)
      .filter(({ name }) => config.tools.includes(name))
      .map((definition) => ({
        ...definition,
        execute: (input, options) => this.#execute(definition, input, options ?? {}),
      }));
  }

  async execute(name: string, input: unknown, options: CodeToolCallOptions = {}): Promise<CodeToolResult> {
    const tool = this.tools.find((each) => each.name === name);
    if (tool !== undefined) return await tool.execute(input, options);
    const names = this.tools.map((each) => each.name).join(", ");
    return errorResult(`There is no tool "${name}". Use one of ${names}.`);
  }

  async interpreter({ signal }: CallOptions = {}): Promise<CodeInterpreter> {
    return await withAnySignal([this.#owner.closing, signal], async (either) => {
      const { interpreter } = await raceAbort(this.#owner.workspace(), either);
      return interpreter;
    });
  }

  close(): Promise<void> {
    return this.#owner.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#owner.close();
  }

  async #execute(
    { name, inputSchema }: ToolDefinition,
    given: unknown,
    { signal: callSignal, onOutput }: CodeToolCallOptions,
  ): Promise<CodeToolResult> {
    return await withAnySignal([this.#owner.closing, callSignal], async (signal) => {
      const { call, problem } = readToolCall(name, inputSchema, given);
      if (problem !== undefined) return errorResult(problem);
      const refusal = await this.#refusal(call, signal);
      if (refusal !== undefined) return errorResult(refusal);
      return await this.#run(call, { signal, onOutput });
    });
  }

  async #refusal(call: CodeToolCall, signal: AbortSignal): Promise<string | undefined> {
    const { approve } = this.#config;
    if (approve === undefined) return undefined;
    const answer = await raceAbort(Promise.resolve(approve(call, { signal })), signal);
    if (answer === true) return undefined;
    const reason = typeof answer === "string" && answer !== "" ? `: ${answer}` : ".";
    return `This call of ${call.tool} was not approved${reason}`;
  }

  async #run(
    call: CodeToolCall,
    { signal, onOutput }: { readonly signal: AbortSignal } & Pick<ToolCall, "onOutput">,
  ): Promise<CodeToolResult> {
    for (let mayRepeat = true; ; mayRepeat = false) {
      const workspace = await raceAbort(this.#owner.workspace(), signal);
      try {
        const result = await perform(call, { workspace, signal, onOutput, limits: this.#config });
        return withNotices(result, workspace.takeNotices());
      } catch (error) {
        if (signal.aborted || !isSandboxException(error)) throw error;
        if (!isGoneError(error) || !(await this.#owner.isGone(workspace)))
          return errorResult(describe(error));
        if (this.#config.sandbox !== undefined)
          return errorResult("The sandbox has ended; it cannot be used any more.");
        // Nothing of the call was done: the new sandbox can do it.
        if (mayRepeat && error.execution?.id === undefined) continue;
        return errorResult(
          "The sandbox ended while this was running. The next call gets a new one: variables, files and installed packages are lost.",
        );
      }
    }
  }
}

function perform({ tool, input }: CodeToolCall, call: ToolCall): Promise<CodeToolResult> {
  switch (tool) {
    case "run_code":
      return runCode(call, input);
    case "run_command":
      return runCommand(call, input);
    case "read_file":
      return readFile(call, input);
    case "write_file":
      return writeFile(call, input);
    case "list_files":
      return listFiles(call, input);
    case "reset_context":
      return resetContext(call, input);
  }
}

/** Whether an error may come from a sandbox that is gone: not one about arguments, deadlines or what was asked for. */
function isGoneError({ code }: SandboxException): boolean {
  return code !== "INVALID_ARGUMENT" && code !== "FILE_NOT_FOUND";
}

function describe({ code, message }: SandboxException): string {
  return code === "INVALID_ARGUMENT" ? message : `${message} (${code})`;
}

function withNotices(result: CodeToolResult, notices: readonly string[]): CodeToolResult {
  if (notices.length === 0) return result;
  return { ...result, text: [...notices.map((notice) => `[${notice}]`), result.text].join("\n") };
}
