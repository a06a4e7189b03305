// What is compared: this SDK, the official SDK, and the floor, the minimum cost of reading a response.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { CodeInterpreter, Sandbox } from "../../dist/index.mjs";

const OFFICIAL = "@alibaba-group/opensandbox";
const require = createRequire(import.meta.url);

/** Installs the official SDK beside this file on first use. @returns its version, or `undefined` if that failed */
export function installOfficial() {
  const directory = new URL(".", import.meta.url);
  const manifest = new URL(`node_modules/${OFFICIAL}/package.json`, directory);
  try {
    if (!existsSync(manifest)) {
      const args = ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
      execFileSync("npm", args, { cwd: directory, stdio: ["ignore", "ignore", "inherit"] });
    }
    return require(manifest.pathname).version;
  } catch (error) {
    console.error(`The official SDK is left out, as it cannot be installed: ${error.message}`);
    return undefined;
  }
}

/** Returns the path of the official SDK's module. */
export function officialEntry() {
  return require.resolve(OFFICIAL).replace("/cjs/index.cjs", "/index.js");
}

// `init` and `execution_complete` are added to the requested events, so readers of events count two more.

/**
 * @returns for each contestant its operations. Objects that the server understands say what to replay. The official
 * interpreter is not in any registry; the official commands, which read the same frames, stand in for it.
 */
export async function openContestants(port, { official = true } = {}) {
  const contestants = { ours: await openOurs(port), floor: openFloor(port) };
  if (official) contestants.official = await openOfficial(port);
  return contestants;
}

async function openOurs(port) {
  const sandbox = await Sandbox.create({ connectionConfig: connectionTo(port) });
  const { codes, files, commands } = await CodeInterpreter.create(sandbox);
  return {
    create: () => Sandbox.create({ connectionConfig: connectionTo(port) }),
    run: async (what) => {
      const { logs, results } = await codes.run(JSON.stringify(what));
      return logs.stdout.length + results.length;
    },
    iterate: async (what) => (await count(codes.run(JSON.stringify(what)))) - 2,
    stream: async (what, onEvent) =>
      (await count(codes.runStream({ code: JSON.stringify(what) }), onEvent)) - 2,
    // Runs in one context are queued; commands, like those of the official SDK, are not.
    runAtOnce: async (what) => await commands.run(JSON.stringify(what)),
    command: async (command) => await commands.run(command),
    upload: (bytes) => files.writeFiles([{ path: "/upload", data: zeros(bytes), size: bytes }]),
    download: async (bytes) => await drain(await files.readBytesStream(`/${bytes}`)),
  };
}

async function openOfficial(port) {
  const { Sandbox: Official } = await import(pathToFileURL(officialEntry()));
  const options = { image: "bench", connectionConfig: { ...connectionTo(port), disableMetrics: true } };
  const { commands, files } = await Official.create(options);
  return {
    isQuadratic: true,
    create: () => Official.create(options),
    run: async (what) => {
      const { logs, result } = await commands.run(JSON.stringify(what));
      return logs.stdout.length + result.length;
    },
    iterate: async (what) => (await count(commands.runStream(JSON.stringify(what)))) - 2,
    stream: async (what, onEvent) => (await count(commands.runStream(JSON.stringify(what)), onEvent)) - 2,
    runAtOnce: async (what) => await commands.run(JSON.stringify(what)),
    command: async (command) => await commands.run(command),
    upload: (bytes) => files.writeFiles([{ path: "/upload", data: zeros(bytes) }]),
    download: async (bytes) => {
      let received = 0;
      for await (const chunk of files.readBytesStream(`/${bytes}`)) received += chunk.byteLength;
      return received;
    },
  };
}

/** Bare `fetch`, split at newlines, `JSON.parse`: without checks or cancellation. */
function openFloor(port) {
  const base = `http://127.0.0.1:${port}`;
  const post = (path, body) => fetch(base + path, { method: "POST", body: JSON.stringify(body) });
  const run = async (what) => {
    const events = [];
    await readFrames(await post("/code", { code: JSON.stringify(what) }), (event) => events.push(event));
    return events.length - 2;
  };
  const stream = async (what, onEvent = () => undefined) => {
    let events = 0;
    await readFrames(await post("/code", { code: JSON.stringify(what) }), () => onEvent((events += 1)));
    return events - 2;
  };
  return {
    run,
    iterate: run,
    stream,
    runAtOnce: run,
    command: async (command) => await (await post("/command", { command })).text(),
    upload: async (bytes) => {
      const init = {
        method: "POST",
        body: zeros(bytes),
        duplex: "half",
        headers: { "content-length": `${bytes}` },
      };
      await (await fetch(`${base}/files/upload`, init)).text();
    },
    download: async (bytes) => await drain((await fetch(`${base}/files/download?path=/${bytes}`)).body),
  };
}

async function readFrames(response, onFrame) {
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  let pieces = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = decoder.decode(value, { stream: true }).split("\n");
    if (pieces.length > 0 && lines.length > 1) lines[0] = pieces.splice(0).join("") + lines[0];
    pieces.push(lines.pop());
    for (const line of lines) if (line !== "") onFrame(JSON.parse(line));
  }
}

function connectionTo(port) {
  return { domain: `127.0.0.1:${port}`, protocol: "http", apiKey: "bench" };
}

async function count(events, onEvent) {
  let total = 0;
  const iterator = events[Symbol.asyncIterator]();
  while (!(await iterator.next()).done) {
    total += 1;
    onEvent?.(total);
  }
  return total;
}

async function drain(body) {
  const reader = body.getReader();
  let received = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return received;
    received += value.byteLength;
  }
}

/** Returns a stream of zeros that produces only what is read. */
function zeros(bytes) {
  const block = new Uint8Array(64 * 1024);
  let left = bytes;
  return new ReadableStream(
    {
      pull(controller) {
        if (left <= 0) return controller.close();
        controller.enqueue(block.subarray(0, Math.min(left, block.byteLength)));
        left -= block.byteLength;
      },
    },
    { highWaterMark: 0 },
  );
}
