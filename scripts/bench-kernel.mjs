// Where the time of `1+1` in a warm Python context goes: `node scripts/bench-kernel.mjs [RUNS]`, after `npm run build`.
// Each row is a median in milliseconds. The rows are measured in turns, so that a busy machine slows all of them alike.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { CodeInterpreter, Sandbox } from "../dist/index.mjs";
import { startLocalServer } from "../dist/local/index.mjs";

const runs = Number(process.argv[2] ?? 300);

const server = await startLocalServer();
const bare = await startKernel();
try {
  const sandbox = await Sandbox.create({ connectionConfig: server.connectionConfig });
  const { codes } = await CodeInterpreter.create(sandbox);
  const context = await codes.createContext("python");
  const { url, headers } = await sandbox.getEndpoint(44772);
  const body = JSON.stringify({ code: "1+1", context });
  const json = { ...headers, "content-type": "application/json" };
  const steps = {
    "the SDK over HTTP": () => codes.run("1+1", { context }),
    "fetch over HTTP": () => read(fetch(`${url}/code`, { method: "POST", headers: json, body })),
    "fetch in the process, without the listener": () =>
      read(server.fetch(`${url}/code`, { method: "POST", headers: json, body })),
    "GET /ping over HTTP (client, listener, gateway, HTTP/2)": () => read(fetch(`${url}/ping`, { headers })),
    "GET /ping in the process (gateway, HTTP/2)": () => read(server.fetch(`${url}/ping`, { headers })),
    "the kernel's process alone (pipe, IPython)": () => bare.run("1+1"),
  };
  const times = Object.fromEntries(Object.keys(steps).map((name) => [name, []]));
  for (let run = -20; run < runs; run++) {
    for (const [name, step] of Object.entries(steps)) {
      const start = performance.now();
      await step();
      if (run >= 0) times[name].push(performance.now() - start);
    }
  }
  const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
  console.table(
    Object.entries(times).map(([what, list]) => ({ what, "median ms": Number(median(list).toFixed(2)) })),
  );
  console.log(
    `load: ${os
      .loadavg()
      .map((load) => load.toFixed(1))
      .join(" ")}; ${runs} rounds`,
  );
} finally {
  await bare.end();
  await server.close();
}

async function read(responding) {
  const response = await responding;
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return response.text();
}

/** The Python kernel without a supervisor, with files in place of the pipes of a run. */
async function startKernel() {
  const directory = mkdtempSync(path.join(os.tmpdir(), "bench-kernel-"));
  const child = spawn("python3", [path.resolve("dist/local/kernels/python.py")], {
    cwd: directory,
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  const channel = child.stdio[3];
  let text = "";
  let wake = () => undefined;
  channel.setEncoding("utf8").on("data", (chunk) => {
    text += chunk;
    wake();
  });
  const until = async (word) => {
    while (!text.includes(word)) await new Promise((resolve) => (wake = resolve));
    text = "";
  };
  channel.write(`${JSON.stringify({ marker: "00", ipython: true })}\n`);
  await until('"ready"');
  return {
    run: async (code) => {
      channel.write(`${JSON.stringify({ code, stdout: "/dev/null", stderr: "/dev/null" })}\n`);
      await until('"done"');
    },
    end: async () => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
      rmSync(directory, { recursive: true });
    },
  };
}
