#!/usr/bin/env node
/** `npx opensandbox-code-interpreter serve`: the local server as a program; `doctor` says what it finds here. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { InvalidArgumentException, isSandboxException } from "../errors.js";
import { doctor } from "./doctor.js";
import { startLocalServer, type LocalServer, type LocalServerOptions } from "../local/server.js";

// Where the SDK looks when it is told nothing: with it a client needs no domain.
const DEFAULT_PORT = 8080;
const API_KEY_VARIABLE = "OPEN_SANDBOX_API_KEY";

const HELP = `Usage: opensandbox-code-interpreter serve [options]
       opensandbox-code-interpreter mcp [--http PORT] [--print-config HOST]
       opensandbox-code-interpreter doctor

serve starts a local OpenSandbox server that runs code and shell commands on this
machine, each sandbox isolated from your files and from the network. doctor shows, for
each language and for the isolation, what was found here and how to get what is missing.

Options of serve:
  --port N            the port on 127.0.0.1; 0 takes one that is free (default: ${DEFAULT_PORT})
  --api-key KEY       what clients must send (default: $${API_KEY_VARIABLE}, else a random key)
  --isolation MODE    auto, bubblewrap, sandbox-exec (macOS), or none: code then runs
                      with your own rights (default: auto)
  --network MODE      deny or allow (default: deny)
  --help              print this
  --version           print the version

Exit status: 0 after an orderly end, 1 when the server cannot start or the doctor misses
something, 2 for wrong usage.
`;

const OPTIONS = {
  port: { type: "string" },
  "api-key": { type: "string" },
  isolation: { type: "string" },
  network: { type: "string" },
  http: { type: "string" },
  "print-config": { type: "string" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
} as const;

class UsageProblem extends Error {}

async function main(argv: readonly string[]): Promise<number> {
  try {
    const { values, positionals } = parse(argv);
    if (values.version === true) return say(version());
    if (values.help === true) return say(HELP.trimEnd());
    const [command, ...rest] = positionals;
    if (command === "mcp") return await mcp(values);
    if (command === undefined) throw new UsageProblem(`Which command? There are "serve" and "doctor".`);
    if (command !== "serve" && command !== "doctor") {
      throw new UsageProblem(`Unknown command "${command}". There are "serve" and "doctor".`);
    }
    if (rest.length > 0) throw new UsageProblem(`Unexpected argument "${rest.join(" ")}".`);
    if (command === "doctor") {
      const [option] = Object.keys(values);
      if (option !== undefined) throw new UsageProblem(`doctor takes no option --${option}.`);
      return await doctor(say);
    }
    return await serve(readOptions(values));
  } catch (error) {
    return complain(error);
  }
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    // Its second sentence is about arguments that begin with a dash, of which there are none here.
    throw new UsageProblem(error instanceof Error ? error.message.replace(/\. .*$/s, ".") : String(error));
  }
}

async function mcp({ http, isolation, "print-config": host }: Values): Promise<number> {
  // Loaded by this command alone: it has the whole protocol in it.
  const { describeHost, MCP_HOSTS, runMcpCommand } = await import("./mcp.js");
  if (host !== undefined) {
    const { config, place } = describeHost(oneOf("print-config", host, MCP_HOSTS) ?? "claude-code");
    console.error(`For ${place}:`);
    return say(config);
  }
  return await runMcpCommand({
    ...(http !== undefined && { http: readPort("http", http) }),
    isolation: oneOf("isolation", isolation, ["auto", "bubblewrap", "sandbox-exec", "none"] as const),
  });
}

type Values = ReturnType<typeof parse>["values"];

function readOptions({
  port = String(DEFAULT_PORT),
  isolation,
  network,
  ...others
}: Values): LocalServerOptions {
  const ofEnvironment = process.env[API_KEY_VARIABLE];
  return {
    port: readPort("port", port),
    apiKey: others["api-key"] ?? (ofEnvironment === "" ? undefined : ofEnvironment),
    isolation: oneOf("isolation", isolation, ["auto", "bubblewrap", "sandbox-exec", "none"] as const),
    network: oneOf("network", network, ["deny", "allow"] as const),
  };
}

function readPort(name: string, given: string): number {
  if (/^\d{1,5}$/.test(given) && Number(given) <= 65_535) return Number(given);
  throw new UsageProblem(`--${name} must be a number from 0 to 65535, not "${given}".`);
}

function oneOf<T extends string>(
  name: string,
  given: string | undefined,
  allowed: readonly T[],
): T | undefined {
  const found = allowed.find((value) => value === given);
  if (given !== undefined && found === undefined) {
    throw new UsageProblem(`--${name} must be one of ${allowed.join(", ")}, not "${given}".`);
  }
  return found;
}

async function serve(options: LocalServerOptions): Promise<number> {
  const stopping = new AbortController();
  const stop = () => {
    // The second time it is meant: what an orderly end would have done, the exit handlers do in haste.
    if (stopping.signal.aborted) process.exit(1);
    stopping.abort();
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  let server: LocalServer;
  try {
    server = await startLocalServer({ ...options, signal: stopping.signal });
  } catch (error) {
    if (stopping.signal.aborted) return 0;
    throw error;
  }
  console.log(describe(server, options));
  if (!stopping.signal.aborted) await once(stopping.signal, "abort");
  await server.close();
  console.log("Stopped.");
  return 0;
}

function describe(
  { url, connectionConfig, isolation, python }: LocalServer,
  options: LocalServerOptions,
): string {
  const separation =
    isolation === "none"
      ? "none: code runs with your own rights"
      : `${isolation}, ${options.network === "allow" ? "network allowed" : "no network"}`;
  const interpreter =
    python ?? "not found: Python runs will fail until python3 is installed; shell commands work";
  return `OpenSandbox local server: ${url}

  API key    ${connectionConfig.apiKey === "" ? "none" : connectionConfig.apiKey}
  isolation  ${separation}
  python     ${interpreter}

For your program, in another terminal:

  export OPEN_SANDBOX_DOMAIN=${connectionConfig.domain}
  export ${API_KEY_VARIABLE}=${connectionConfig.apiKey}

Stop it with Ctrl-C.`;
}

function complain(error: unknown): number {
  if (error instanceof UsageProblem || error instanceof InvalidArgumentException) {
    console.error(`${error.message}\nRun "opensandbox-code-interpreter --help" for what there is.`);
    return 2;
  }
  // A defect shows where it is; everything that can be expected to go wrong is one paragraph.
  console.error(isSandboxException(error) ? remedyFor(error.error.code, error.message) : error);
  return 1;
}

function remedyFor(code: string, message: string): string {
  return code === "PORT_UNAVAILABLE" ? `${message} For example: --port 0` : message;
}

function version(): string {
  // Two levels up from here, in the sources as well as in the package.
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const found =
    typeof manifest === "object" && manifest !== null && "version" in manifest ? manifest.version : "";
  return String(found);
}

function say(text: string): number {
  console.log(text);
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
