import { InvalidArgumentException, Sandbox, SupportedLanguage, type Logger } from "../index.js";
import type { CodeToolName, CodeToolsOptions } from "./types.js";

/** The names of all tools, in the order in which models see them. */
export const TOOL_NAMES = [
  "run_code",
  "run_command",
  "read_file",
  "write_file",
  "list_files",
  "reset_context",
] as const satisfies readonly CodeToolName[];

/** {@link CodeToolsOptions}, checked and with defaults. */
export interface CodeToolsConfig {
  readonly connectionConfig: CodeToolsOptions["connectionConfig"];
  readonly sandbox: Sandbox | undefined;
  readonly create: CodeToolsOptions["create"];
  readonly languages: readonly string[];
  readonly tools: readonly CodeToolName[];
  readonly timeoutSeconds: number;
  readonly maxOutputBytes: number;
  readonly maxImages: number;
  readonly approve: CodeToolsOptions["approve"];
  readonly isolation: NonNullable<CodeToolsOptions["isolation"]>;
  readonly logger: Logger | undefined;
}

const ISOLATION_MODES = ["auto", "bubblewrap", "sandbox-exec", "none"];

/** @throws {InvalidArgumentException} if an option is unknown or invalid */
export function resolveOptions(options: CodeToolsOptions): CodeToolsConfig {
  if (!isObject(options)) refuse(`options must be an object; got ${kindOf(options)}`);
  const {
    connectionConfig,
    sandbox,
    create,
    languages = Object.values(SupportedLanguage),
    tools = TOOL_NAMES,
    timeoutSeconds = 60,
    maxOutputBytes = 20_000,
    maxImages = 4,
    approve,
    isolation = "auto",
    logger,
    ...unknown
  } = options;
  const [name] = Object.keys(unknown);
  if (name !== undefined) refuse(`"${name}" is not an option of createCodeTools`);
  if (sandbox !== undefined && !(sandbox instanceof Sandbox)) refuse("sandbox must be a Sandbox");
  if (sandbox !== undefined && (create !== undefined || connectionConfig !== undefined)) {
    refuse("sandbox cannot be combined with create or connectionConfig: it has a connection of its own");
  }
  if (create !== undefined && typeof create !== "function" && !isObject(create)) {
    refuse("create must be options of Sandbox.create, or a function that returns a Sandbox");
  }
  if (!isTextList(languages)) refuse("languages must be a list of at least one language");
  if (!isTextList(tools)) refuse("tools must be a list of at least one tool's name");
  const unknownTool = tools.find((tool) => !TOOL_NAMES.includes(tool));
  if (unknownTool !== undefined) {
    refuse(`tools must be some of ${TOOL_NAMES.join(", ")}; got "${unknownTool}"`);
  }
  if (!isNumberFrom(timeoutSeconds, Number.MIN_VALUE)) refuse("timeoutSeconds must be a number above 0");
  if (!isIntegerFrom(maxOutputBytes, 100)) refuse("maxOutputBytes must be an integer of at least 100");
  if (!isIntegerFrom(maxImages, 0)) refuse("maxImages must be an integer of at least 0");
  if (approve !== undefined && typeof approve !== "function") refuse("approve must be a function");
  if (!ISOLATION_MODES.includes(isolation)) {
    refuse(`isolation must be one of ${ISOLATION_MODES.join(", ")}`);
  }
  if (logger !== undefined && !isObject(logger)) refuse("logger must be an object");
  return {
    connectionConfig,
    sandbox,
    create,
    languages: [...languages],
    tools: TOOL_NAMES.filter((tool) => tools.includes(tool)),
    timeoutSeconds,
    maxOutputBytes,
    maxImages,
    approve,
    isolation,
    logger: logger ?? connectionConfig?.logger,
  };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTextList(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string" && item !== "")
  );
}

function isNumberFrom(value: unknown, minimum: number): boolean {
  return typeof value === "number" && Number.isFinite(value) && value >= minimum;
}

function isIntegerFrom(value: unknown, minimum: number): boolean {
  return Number.isSafeInteger(value) && isNumberFrom(value, minimum);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : typeof value;
}

function refuse(message: string): never {
  throw new InvalidArgumentException(`${message}.`);
}
