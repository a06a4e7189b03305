import type { CodeToolCall, CodeToolName, ToolInputSchema } from "./types.js";

/** A call with its checked input, or a text that tells the model what to change. */
export type ReadCall =
  | { readonly call: CodeToolCall; readonly problem?: never }
  | { readonly call?: never; readonly problem: string };

type Field = ToolInputSchema["properties"][string];

/** Spellings of languages that models use for the names of the wire. */
const LANGUAGE_ALIASES: Readonly<Record<string, string>> = {
  py: "python",
  python3: "python",
  js: "javascript",
  node: "javascript",
  ts: "typescript",
  golang: "go",
  sh: "bash",
  shell: "bash",
};

/**
 * Reads what a model sent as a tool's input. What can only mean one thing is accepted: JSON text instead of an object,
 * a number as text, `null` for a field that is left out. Everything else is a problem to tell the model about.
 */
export function readToolCall(tool: CodeToolName, schema: ToolInputSchema, given: unknown): ReadCall {
  const fields = fromJsonText(given);
  if (!isRecord(fields)) {
    return { problem: `The input of ${tool} must be a JSON object with ${describeFields(schema)}.` };
  }
  const problems: string[] = [];
  const input: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    const field = Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    if (field === undefined) {
      problems.push(`unknown field "${name}"`);
      continue;
    }
    if (value === null || value === undefined) continue;
    const read = readField(field, value);
    if (read.problem !== undefined) problems.push(`${name} ${read.problem}`);
    else input[name] = read.value;
  }
  for (const name of schema.required) {
    if (input[name] === undefined && !problems.some((problem) => problem.startsWith(`${name} `))) {
      problems.push(`${name} is missing`);
    }
  }
  // The schema is what the type says.
  if (problems.length === 0) return { call: { tool, input } as unknown as CodeToolCall };
  return { problem: `Invalid input of ${tool}: ${problems.join("; ")}. It takes ${describeFields(schema)}.` };
}

type ReadField = { readonly value: unknown; readonly problem?: never } | { readonly problem: string };

function readField(field: Field, value: unknown): ReadField {
  if (field["type"] === "string") return readText(field, value);
  const isInteger = field["type"] === "integer";
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  const minimum = Number(field["minimum"] ?? 0);
  const fits =
    typeof number === "number" &&
    (isInteger ? Number.isSafeInteger(number) && number >= minimum : Number.isFinite(number) && number > 0);
  if (fits) return { value: number };
  const expected = isInteger ? `an integer of at least ${minimum}` : "a number above 0";
  return { problem: `must be ${expected}, not ${shown(value)}` };
}

function readText(field: Field, value: unknown): ReadField {
  // Some models send a program as a list of its lines.
  const isLines = Array.isArray(value) && value.every((line) => typeof line === "string");
  const text = isLines ? value.join("\n") : typeof value === "number" ? String(value) : value;
  if (typeof text !== "string") return { problem: `must be a string, not ${shown(value)}` };
  const allowed: unknown = field["enum"];
  if (!Array.isArray(allowed)) return { value: text };
  const name = text.trim().toLowerCase();
  const found = [text, name, LANGUAGE_ALIASES[name]].find((each) => allowed.includes(each));
  return found === undefined
    ? { problem: `must be one of ${allowed.join(", ")}, not ${shown(value)}` }
    : { value: found };
}

function fromJsonText(given: unknown): unknown {
  let value = given;
  // Twice, since some models encode the JSON text of the arguments once more.
  for (let depth = 0; depth < 2 && typeof value === "string"; depth++) {
    try {
      // An empty text is what some APIs send for a tool that needs no input.
      value = value.trim() === "" ? {} : (JSON.parse(value) as unknown);
    } catch {
      return undefined;
    }
  }
  return value ?? {};
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function describeFields({ properties, required }: ToolInputSchema): string {
  return Object.entries(properties)
    .map(([name, { type }]) => `${name} (${String(type)}${required.includes(name) ? ", required" : ""})`)
    .join(", ");
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) return typeof value;
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
