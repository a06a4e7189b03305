import { describe, expect, test } from "@jest/globals";
import { createCodeTools } from "../../src/agents/index.js";
import { defineTools } from "../../src/agents/tool-definitions.js";
import { readToolCall } from "../../src/agents/tool-input.js";
import type { CodeToolName } from "../../src/agents/types.js";

const definitions = defineTools({ languages: ["python", "javascript", "bash"], timeoutSeconds: 60 });

function read(tool: CodeToolName, input: unknown) {
  const definition = definitions.find(({ name }) => name === tool);
  if (definition === undefined) throw new Error(`There is no definition of ${tool}.`);
  return readToolCall(tool, definition.inputSchema, input);
}

describe("an input that can only mean one thing", () => {
  test.each<[string, CodeToolName, unknown, object]>([
    ["an object", "run_code", { code: "1" }, { code: "1" }],
    ["JSON text", "run_code", '{"code":"1"}', { code: "1" }],
    ["JSON text that is encoded twice", "run_code", JSON.stringify('{"code":"1"}'), { code: "1" }],
    ["a number for a text", "run_code", { code: 1 }, { code: "1" }],
    ["a list of lines for a text", "run_code", { code: ["a = 1", "a"] }, { code: "a = 1\na" }],
    ...(["Py", "Python", "PYTHON3", " python "] as const).map(
      (language): [string, CodeToolName, unknown, object] => [
        `${JSON.stringify(language)} for a language`,
        ...(["run_code", { code: "1", language }, { code: "1", language: "python" }] as const),
      ],
    ),
    ["js for a language", "reset_context", { language: "js" }, { language: "javascript" }],
    ["null for a field that is left out", "run_code", { code: "1", context: null }, { code: "1" }],
    ["a text for a number", "read_file", { path: "a", startLine: "3" }, { path: "a", startLine: 3 }],
    ["no input at all", "list_files", undefined, {}],
    ["null", "list_files", null, {}],
    ["an empty text", "reset_context", "", {}],
  ])("is accepted: %s", (_, tool, input, expected) => {
    expect(read(tool, input)).toEqual({ call: { tool, input: expected } });
  });
});

describe("an invalid input is described to the model", () => {
  test.each<[string, CodeToolName, unknown, string]>([
    [
      "a missing field",
      "run_code",
      {},
      "Invalid input of run_code: code is missing. It takes code (string, required), language (string), context (string).",
    ],
    ["an unknown field", "run_code", { code: "1", timeout: 3 }, 'unknown field "timeout"'],
    [
      "a name of Object's prototype",
      "run_code",
      { code: "1", constructor: 3 },
      'unknown field "constructor"',
    ],
    [
      "an unknown language",
      "run_code",
      { code: "1", language: "cobol" },
      'language must be one of python, javascript, bash, not "cobol"',
    ],
    ["an object for a text", "run_code", { code: { a: 1 } }, 'code must be a string, not {"a":1}'],
    [
      "a text that is not a number",
      "read_file",
      { path: "a", startLine: "x" },
      'startLine must be an integer of at least 1, not "x"',
    ],
    [
      "zero for a line",
      "read_file",
      { path: "a", startLine: 0 },
      "startLine must be an integer of at least 1, not 0",
    ],
    [
      "a negative time",
      "run_command",
      { command: "a", timeoutSeconds: -1 },
      "timeoutSeconds must be a number above 0, not -1",
    ],
    [
      "text that is not JSON",
      "run_code",
      "print(1)",
      "The input of run_code must be a JSON object with code (string, required)",
    ],
    ["a list", "run_code", [], "must be a JSON object"],
  ])("%s", (_, tool, input, problem) => {
    expect(read(tool, input).problem).toContain(problem);
  });

  test("an unknown tool", async () => {
    await using codeTools = createCodeTools({ tools: ["run_code", "read_file"] });
    expect(await codeTools.execute("python", {})).toEqual({
      text: 'There is no tool "python". Use one of run_code, read_file.',
      images: [],
      isError: true,
    });
  });
});

test("all definitions together have at most 2,500 bytes, since each model call pays for them", () => {
  const { tools } = createCodeTools();
  const sent = tools.map(({ name, description, inputSchema }) => ({ name, description, inputSchema }));
  expect(sent.length).toBe(6);
  expect(Buffer.byteLength(JSON.stringify(sent))).toBeLessThanOrEqual(2_500);
});

describe("createCodeTools refuses", () => {
  test.each<[string, object, string]>([
    ["an unknown option", { timeout: 3 }, '"timeout" is not an option of createCodeTools.'],
    ["an unknown tool", { tools: ["python"] }, 'got "python"'],
    ["no languages", { languages: [] }, "languages must be a list of at least one language."],
    ["a timeout of zero", { timeoutSeconds: 0 }, "timeoutSeconds must be a number above 0."],
    [
      "too small a limit of output",
      { maxOutputBytes: 10 },
      "maxOutputBytes must be an integer of at least 100.",
    ],
    ["something else than a sandbox", { sandbox: {} }, "sandbox must be a Sandbox."],
    ["an unknown isolation", { isolation: "docker" }, "isolation must be one of"],
  ])("%s", (_, options, message) => {
    expect(() => createCodeTools(options)).toThrow(message);
  });
});
