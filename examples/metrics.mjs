// @ts-check
// Metrics and health: how much processor and memory are in use, once and again and again.
//
// In one terminal: npx opensandbox-code-interpreter serve
// In another, after the two `export` lines that it prints: node examples/metrics.mjs
import { Sandbox } from "opensandbox-code-interpreter";

const sandbox = await Sandbox.create();
try {
  console.log("healthy:", await sandbox.isHealthy());

  const now = await sandbox.getMetrics();
  console.log("processors:", now.cpuCount);
  console.log(`memory: ${Math.round(now.memoryUsedMiB)} of ${Math.round(now.memoryTotalMiB)} MiB`);

  // A measurement comes about every 2 s. Leaving the loop ends the request.
  let count = 0;
  for await (const { cpuUsedPercentage, timestamp } of sandbox.metrics.watch()) {
    count += 1;
    console.log(`${new Date(timestamp).toISOString()}: ${cpuUsedPercentage.toFixed(1)} % busy`);
    if (count === 2) break;
  }
  console.log("measurements:", count);
} finally {
  await sandbox.kill();
  await sandbox.close();
}
