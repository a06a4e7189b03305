// How long a fork takes on the local server: `node scripts/bench-fork.mjs [MB]`, after `npm run build`.
import os from "node:os";
import { Sandbox } from "../dist/index.mjs";
import { startLocalServer } from "../dist/local/index.mjs";

const megabytes = Number(process.argv[2] ?? 100);
const server = await startLocalServer();
try {
  const sandbox = await Sandbox.create({ connectionConfig: server.connectionConfig });
  const times = [];
  for (const size of [0, megabytes]) {
    await sandbox.commands.run(`head -c ${size}M /dev/urandom > data`);
    for (let run = 1; run <= 5; run++) {
      const start = performance.now();
      const fork = await sandbox.fork();
      times.push({ "MB of files": size, run, ms: Math.round(performance.now() - start) });
      const { stdout } = await fork.commands.run("stat -c %s data");
      if (Number(stdout) !== size * 2 ** 20) throw new Error(`The fork has ${stdout} bytes.`);
      await fork.kill();
    }
  }
  console.table(times);
  console.log(
    `load: ${os
      .loadavg()
      .map((value) => value.toFixed(1))
      .join(" ")}`,
  );
} finally {
  await server.close();
}
