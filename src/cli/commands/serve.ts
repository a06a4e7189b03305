import { once } from "node:events";
import path from "node:path";
import { startLocalServer, type LocalServer, type LocalServerOptions } from "../../local/index.js";
import { readConfiguration } from "../configuration.js";
import type { Io } from "../io.js";
import { escapeControls } from "../text.js";
import { describeNetwork, type Network } from "../option-parsers.js";

/** Options of `serve`. */
export interface ServeOptions {
  readonly port: number;
  readonly host?: string | undefined;
  readonly allowedHost?: readonly string[] | undefined;
  readonly allowHostPath?: readonly string[] | undefined;
  readonly apiKey?: string | undefined;
  readonly apiKeyFile?: string | undefined;
  readonly isolation?: LocalServerOptions["isolation"];
  readonly network?: Network | undefined;
  readonly python?: string | undefined;
  readonly cors?: readonly string[] | undefined;
  readonly ui?: boolean | number | undefined;
}

/** Runs the local server until it is stopped. */
export async function serve(options: ServeOptions, io: Io): Promise<number> {
  const { port, host, isolation, network, python, cors = [], ui } = options;
  const apiKey = options.apiKey ?? (await readConfiguration({ apiKeyFile: options.apiKeyFile })).apiKey;
  const { signal } = io.stop;
  const server = await startLocalServer({
    port,
    host,
    allowedHosts: options.allowedHost,
    allowedHostPaths: options.allowHostPath?.map((folder) => path.resolve(folder)),
    apiKey,
    isolation,
    network,
    python,
    cors: cors.includes("*") ? "*" : cors,
    ui,
    signal,
  });
  await io.result(toRecord(server), escapeControls(describe(server, options)));
  if (!signal.aborted) await once(signal, "abort");
  await server.close();
  if (!io.json) await io.write("Stopped.\n");
  // A server that is stopped by a signal has succeeded.
  io.stop.forget();
  return 0;
}

function toRecord({ url, uiUrl, connectionConfig: { domain, apiKey }, isolation, python }: LocalServer) {
  return { type: "listening", url, domain, apiKey, isolation, python, ...(uiUrl !== undefined && { uiUrl }) };
}

function describe(
  { url, uiUrl, connectionConfig, isolation, python }: LocalServer,
  { network = "deny", host, allowedHost = [], allowHostPath = [], cors = [] }: ServeOptions,
): string {
  const { domain, apiKey } = connectionConfig;
  const separation =
    isolation === "none"
      ? "none: code runs with your own rights"
      : `${isolation}, ${describeNetwork(network)}`;
  const rows = [
    ["API key", apiKey === "" ? "none" : apiKey],
    ["isolation", separation],
    ["python", python ?? "not found: Python runs fail until python3 is installed; shell commands work"],
    ...(host === undefined ? [] : [["address", `${host}, without encryption`]]),
    ...(allowedHost.length > 0 ? [["names", allowedHost.join(", ")]] : []),
    ...(allowHostPath.length > 0 ? [["volumes", allowHostPath.join(", ")]] : []),
    ...(cors.length > 0 ? [["web pages", cors.join(", ")]] : []),
    ...(uiUrl === undefined ? [] : [["page", `${uiUrl} (opens once)`]]),
  ];
  return `OpenSandbox local server: ${url}

${rows.map(([label = "", text = ""]) => `  ${label.padEnd(9)}  ${text}`).join("\n")}

For your program, in another terminal:

  export OPEN_SANDBOX_DOMAIN=${domain}
  export OPEN_SANDBOX_API_KEY=${apiKey}

Stop it with Ctrl-C.`;
}
