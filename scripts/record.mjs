// Records the responses of a server, as a fixture for the contract tests:
//
//   npm run record -- --domain HOST [--api-key KEY] [--server lifecycle|execd] [--sandbox ID] REQUESTS.json OUT.json
//
// REQUESTS.json is a list of `{ label, method, path, headers?, body?, keep? }`. A string body is sent as it is, any other
// as JSON. `keep` names parts of the response for later requests: with `{ "id": "\"text\":\"([^\"]+)\"" }`, `{{id}}` in a
// path or body is replaced by what the first group matched. For execd, a sandbox is created and killed, unless `--sandbox`
// names one.
//
// Credentials are sent but not recorded, neither as headers nor where their values occur in the text.
import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { ConnectionConfig, Sandbox } from "../dist/index.mjs";
import { record, Redaction } from "./lib/recorder.mjs";

const USAGE =
  "usage: npm run record -- --domain HOST [--api-key KEY] [--server lifecycle|execd] [--sandbox ID] REQUESTS.json OUT.json";
const EXECD_PORT = 44_772;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    domain: { type: "string" },
    "api-key": { type: "string" },
    server: { type: "string", default: "execd" },
    sandbox: { type: "string" },
  },
});
const [requestsFile, outFile, ...rest] = positionals;
if (
  options.domain === undefined ||
  outFile === undefined ||
  rest.length > 0 ||
  !["lifecycle", "execd"].includes(options.server)
) {
  console.error(USAGE);
  process.exit(2);
}

const config = new ConnectionConfig({
  domain: options.domain,
  ...(options["api-key"] !== undefined && { apiKey: options["api-key"] }),
});
const requests = JSON.parse(await readFile(requestsFile, "utf8"));
const exchanges = options.server === "execd" ? await recordExecd() : await recordLifecycle();
await writeFile(outFile, `${JSON.stringify(exchanges, null, 1)}\n`);
console.log(`${outFile}: ${exchanges.length} exchanges`);

async function recordLifecycle() {
  const headers = config.apiKey === undefined ? {} : { "OPEN-SANDBOX-API-KEY": config.apiKey };
  return await record(requests, {
    baseUrl: config.baseUrl,
    credentials: headers,
    redaction: new Redaction([config.apiKey]),
  });
}

async function recordExecd() {
  const sandbox =
    options.sandbox === undefined
      ? await Sandbox.create({ connectionConfig: config })
      : await Sandbox.connect({ connectionConfig: config, sandboxId: options.sandbox });
  try {
    const { url, headers } = await sandbox.getEndpoint(EXECD_PORT);
    return await record(requests, {
      baseUrl: url,
      credentials: headers,
      redaction: new Redaction([config.apiKey, ...Object.values(headers)]),
    });
  } finally {
    if (options.sandbox === undefined) await sandbox.kill();
    await sandbox.close();
  }
}
