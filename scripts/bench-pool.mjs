// How long it takes to get a sandbox, on the local server: `node scripts/bench-pool.mjs [RUNS]`, after `npm run build`.
import os from "node:os";
import { Sandbox } from "../dist/index.mjs";
import { startLocalServer } from "../dist/local/index.mjs";
import { SandboxPool } from "../dist/pool/index.mjs";

const runs = Number(process.argv[2] ?? 50);

const server = await startLocalServer();
const create = { connectionConfig: server.connectionConfig };
const pool = SandboxPool.create({ size: 4, policy: "fail-fast", create });
try {
  const steps = {
    "Sandbox.create": () => Sandbox.create({ ...create, killOnDispose: true }),
    "acquire from a warm pool": () => pool.acquire(),
  };
  const idle = await Sandbox.create(create);
  const times = Object.fromEntries([...Object.keys(steps), "a single ping"].map((name) => [name, []]));
  for (let run = -5; run < runs; run++) {
    for (const [name, step] of Object.entries(steps)) {
      await pool.waitUntilFull();
      const start = performance.now();
      const sandbox = await step();
      if (run >= 0) times[name].push(performance.now() - start);
      await sandbox[Symbol.asyncDispose]();
    }
    const start = performance.now();
    await idle.health.ping();
    if (run >= 0) times["a single ping"].push(performance.now() - start);
  }
  const at = (list, share) =>
    Number(list.toSorted((a, b) => a - b)[Math.floor(list.length * share)].toFixed(1));
  console.table(
    Object.entries(times).map(([what, list]) => ({
      what,
      "median ms": at(list, 0.5),
      "90 % ms": at(list, 0.9),
    })),
  );
  const load = os.loadavg().map((value) => value.toFixed(1));
  console.log(`load: ${load.join(" ")}; ${runs} rounds`);
} finally {
  await pool.close();
  await server.close();
}
