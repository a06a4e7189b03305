// @ts-check
// A pool: keep sandboxes with a warm interpreter ready, use each of them once, see what the pool does.
//
// In one terminal: npx opensandbox-code-interpreter serve
// In another, after the two `export` lines that it prints: node examples/pool.mjs
import { CodeInterpreter } from "opensandbox-code-interpreter";
import { SandboxPool } from "opensandbox-code-interpreter/pool";

const pool = SandboxPool.create({
  size: 2,
  // How long a sandbox lives after it was acquired.
  create: { timeoutSeconds: 300, metadata: { purpose: "example" } },
  // Runs once in each sandbox, before it is idle.
  prepare: async (sandbox, { signal }) => {
    const { codes } = await CodeInterpreter.create(sandbox);
    await codes.run("import math", { language: "python", signal });
  },
  onPoolEvent: (event) => {
    if (event.type === "create_failed") console.error("no sandbox:", event.error);
  },
});
try {
  await pool.waitUntilFull();
  console.log("idle:", pool.stats.idle);

  // Killed afterwards, also if the function throws.
  const root = await pool.use(async (sandbox) => {
    const { codes } = await CodeInterpreter.create(sandbox);
    return (await codes.run("math.isqrt(1764)", { language: "python" })).text;
  });
  console.log("the root:", root);

  // Or yours, until you kill it.
  const sandbox = await pool.acquire({ timeoutSeconds: 30 });
  try {
    console.log("in another sandbox:", (await sandbox.commands.run("echo hello")).stdout.trim());
  } finally {
    await sandbox.kill();
    await sandbox.close();
  }

  // More callers than sandboxes: each gets one of its own.
  const ids = await Promise.all([1, 2, 3, 4].map(() => pool.use(({ id }) => id)));
  console.log("different sandboxes:", new Set(ids).size);

  await pool.waitUntilFull();
  const { size, idle, acquired } = pool.stats;
  console.log("in the end:", idle, "of", size, "idle,", acquired, "acquired");
} finally {
  await pool.close();
}
