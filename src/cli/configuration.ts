import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import type { ConnectionOptions } from "../index.js";
import { UsageError } from "./errors.js";
import { parseDuration, parseOptionalDuration } from "./option-parsers.js";

/** The command-line options about the server. */
export interface ConnectionFlags {
  readonly domain?: string | undefined;
  readonly apiKeyFile?: string | undefined;
}

/** The settings of one call of the command: options over environment variables over the configuration file. */
export interface Configuration {
  /** The connection to the configured server; `undefined` if none is configured. */
  readonly connection: ConnectionOptions | undefined;
  readonly apiKey: string | undefined;
  readonly color: boolean;
  /** The defaults of `sandboxes create`. */
  readonly defaults: {
    readonly image: string | undefined;
    readonly timeoutSeconds: number | null | undefined;
  };
}

/** Folder of the configuration file, which OpenSandbox's own `osb` shares, and of the history of `repl`. */
export function configurationDirectory(): string {
  return path.join(homedir(), ".opensandbox");
}

/**
 * Reads the configuration.
 *
 * @throws {UsageError} for a file that cannot be read and for a value of the wrong type, with its name
 */
export async function readConfiguration(flags: ConnectionFlags): Promise<Configuration> {
  const file = await readConfigurationFile();
  const domain = flags.domain ?? variable("OPEN_SANDBOX_DOMAIN") ?? file.text("connection", "domain");
  const apiKey =
    flags.apiKeyFile !== undefined
      ? await readKey(flags.apiKeyFile)
      : (variable("OPEN_SANDBOX_API_KEY") ?? file.text("connection", "api_key"));
  const timeout = variable("OPEN_SANDBOX_REQUEST_TIMEOUT") ?? file.number("connection", "request_timeout");
  const requestTimeoutSeconds =
    timeout === undefined ? undefined : toSeconds("request_timeout", String(timeout), parseDuration);
  const defaultTimeout = file.text("defaults", "timeout");
  return {
    connection:
      domain === undefined
        ? undefined
        : {
            domain,
            protocol: toProtocol(variable("OPEN_SANDBOX_PROTOCOL") ?? file.text("connection", "protocol")),
            // An empty key keeps the SDK from reading the environment again.
            apiKey: apiKey ?? "",
            requestTimeoutSeconds,
            useServerProxy:
              toBoolean(variable("OPEN_SANDBOX_USE_SERVER_PROXY")) ??
              file.boolean("connection", "use_server_proxy"),
          },
    apiKey,
    color: file.boolean("output", "color") ?? true,
    defaults: {
      image: file.text("defaults", "image"),
      timeoutSeconds:
        defaultTimeout === undefined
          ? undefined
          : toSeconds("defaults.timeout", defaultTimeout, parseOptionalDuration),
    },
  };
}

/** Returns the content of the configuration file by section and key. */
class ConfigurationFile {
  readonly #path: string;
  readonly #content: Record<string, unknown>;

  constructor(file: string, content: Record<string, unknown>) {
    this.#path = file;
    this.#content = content;
  }

  text(section: string, key: string): string | undefined {
    return this.#read(section, key, "a string", (value) => typeof value === "string");
  }

  number(section: string, key: string): number | undefined {
    return this.#read(section, key, "a number", (value) => typeof value === "number");
  }

  boolean(section: string, key: string): boolean | undefined {
    return this.#read(section, key, "true or false", (value) => typeof value === "boolean");
  }

  #read<T>(
    section: string,
    key: string,
    what: string,
    isRight: (value: unknown) => value is T,
  ): T | undefined {
    const table = this.#content[section];
    const value: unknown = typeof table === "object" && table !== null ? Reflect.get(table, key) : undefined;
    if (value === undefined || value === "") return undefined;
    if (isRight(value)) return value;
    throw new UsageError(`${this.#path}: ${section}.${key} must be ${what}; got ${JSON.stringify(value)}.`);
  }
}

async function readConfigurationFile(): Promise<ConfigurationFile> {
  const file = path.join(configurationDirectory(), "config.toml");
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (isMissing(error)) return new ConfigurationFile(file, {});
    throw new UsageError(`${file} cannot be read: ${String(error)}`, { cause: error });
  }
  const { parse } = await import("smol-toml");
  try {
    return new ConfigurationFile(file, parse(text));
  } catch (error) {
    const [problem = ""] = error instanceof Error ? error.message.split("\n") : [];
    throw new UsageError(`${file} is not valid TOML: ${problem}`, { cause: error });
  }
}

async function readKey(file: string): Promise<string> {
  try {
    const key = (await readFile(file === "-" ? "/dev/stdin" : file, "utf8")).trim();
    if (key !== "") return key;
  } catch (error) {
    throw new UsageError(`--api-key-file cannot be read: ${String(error)}`, { cause: error });
  }
  throw new UsageError(`--api-key-file: ${file} is empty.`);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

function variable(name: string): string | undefined {
  const value = process.env[name];
  return value === "" ? undefined : value;
}

function toProtocol(text: string | undefined): "http" | "https" | undefined {
  if (text === undefined || text === "http" || text === "https") return text;
  throw new UsageError(`protocol must be "http" or "https"; got ${JSON.stringify(text)}.`);
}

function toSeconds<T>(name: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (error) {
    throw new UsageError(`${name} must be a duration such as "30s" or "10m"; got ${JSON.stringify(text)}.`, {
      cause: error,
    });
  }
}

function toBoolean(text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  if (/^(1|true|yes|on)$/i.test(text)) return true;
  if (/^(0|false|no|off)$/i.test(text)) return false;
  throw new UsageError(`OPEN_SANDBOX_USE_SERVER_PROXY must be true or false; got ${JSON.stringify(text)}.`);
}
