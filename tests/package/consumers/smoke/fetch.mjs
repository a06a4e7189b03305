// Runs the smoke suite with the `fetch` of another library, then moves files: `fetch.mjs JSON undici|node-fetch FILE`, where
// FILE is the library's main file. Prints the results as JSON.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import * as library from "opensandbox-code-interpreter";
import { smoke } from "./smoke.mjs";

const [servers, name, file] = process.argv.slice(2);
const { connection, cutting } = JSON.parse(servers);
const own = await import(pathToFileURL(file).href);
let calls = 0;
const dispatchers = [];

/** As the documentation says how a library's own `fetch` is used. */
function makeFetch() {
  if (name === "node-fetch") return (url, init) => (calls++, own.default(url, init));
  const dispatcher = new own.Agent();
  dispatchers.push(dispatcher);
  return (url, init) => (calls++, own.fetch(url, { ...init, dispatcher }));
}

const fetch = makeFetch();
const results = await smoke(library, {
  connection: { ...connection, fetch },
  cutting: { ...cutting, fetch },
});

/** More than what sockets hold. */
const content = "0123456789abcdef".repeat(2 ** 19);
const directory = await mkdtemp(join(tmpdir(), "fetch-"));
const sandbox = await library.Sandbox.create({ connectionConfig: { ...connection, fetch } });
const steps = {
  "uploads a file": async () => {
    await writeFile(join(directory, "up"), content);
    await sandbox.files.upload(join(directory, "up"), "/tmp/up");
    const { stdout } = await sandbox.commands.run("wc -c < /tmp/up");
    equal(stdout.trim(), String(content.length));
  },
  "uploads a stream": async () => {
    const data = new Blob([content]).stream();
    await sandbox.files.writeFiles([{ path: "/tmp/stream", data }]);
    equal((await sandbox.commands.run("cmp /tmp/up /tmp/stream")).exitCode, 0);
  },
  "downloads a file": async () => {
    await sandbox.files.download("/tmp/up", join(directory, "down"));
    equal((await readFile(join(directory, "down"), "utf8")) === content, true);
  },
  "streams a download": async () => {
    let bytes = 0;
    for await (const chunk of await sandbox.files.readBytesStream("/tmp/up")) bytes += chunk.byteLength;
    equal(bytes, content.length);
  },
  "leaves a run early": async () => {
    const controller = new AbortController();
    const run = sandbox.commands.run("echo on; sleep 60", {
      signal: controller.signal,
      handlers: { onStdout: () => controller.abort(new Error("enough")) },
    });
    equal((await run.catch((error) => error)).message, "enough");
  },
  "used this library": () => equal(calls > 20, true),
};
for (const [step, work] of Object.entries(steps)) {
  try {
    await work();
    results.push({ name: step });
  } catch (error) {
    results.push({ name: step, failure: String(error?.stack ?? error) });
  }
}
await sandbox.kill();
await rm(directory, { recursive: true });
for (const dispatcher of dispatchers) await dispatcher.destroy();
console.log(JSON.stringify(results));

function equal(actual, expected) {
  if (actual !== expected) throw new Error(`Expected ${expected}; got ${actual}`);
}
