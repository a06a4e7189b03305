// @ts-check
// A sandbox's life: create, look, label, prolong, pause and resume, connect from elsewhere, diagnose, kill.
//
// In one terminal: npx opensandbox-code-interpreter serve
// In another, after the two `export` lines that it prints: node examples/lifecycle.mjs
import { Sandbox, SandboxApiException } from "opensandbox-code-interpreter";

const sandbox = await Sandbox.create({
  env: { GREETING: "hello" },
  metadata: { team: "research" },
  resource: { cpu: "1", memory: "512Mi" },
  timeoutSeconds: 300,
  onProgress: ({ phase }) => console.log("progress:", phase),
});
try {
  const { status, metadata } = await sandbox.getInfo();
  console.log("state:", status.state, "team:", metadata["team"]);

  // `null` deletes a label; those that are not named stay.
  const labelled = await sandbox.patchMetadata({ team: null, purpose: "demo" });
  console.log("labels:", JSON.stringify(labelled.metadata));

  const expiresAt = await sandbox.renew(1_200);
  console.log("minutes left:", Math.round((expiresAt.getTime() - Date.now()) / 60_000));

  await sandbox.pause();
  console.log("after pause:", await settledState());
  await sandbox.resume(); // waits until it is ready, and uses its new address where it has one
  console.log("after resume:", (await sandbox.getInfo()).status.state, "healthy:", await sandbox.isHealthy());

  // Any process that knows the id can take it up.
  const other = await Sandbox.connect({ sandboxId: sandbox.id });
  try {
    const { stdout } = await other.commands.run("echo $GREETING from the same sandbox");
    process.stdout.write(stdout);
  } finally {
    await other.close(); // frees what this object holds; the sandbox lives on
  }

  try {
    const events = await sandbox.getDiagnostics("events", { scope: "runtime" });
    console.log("events:", events.content ?? events.contentUrl);
  } catch (error) {
    // Most servers do not have it yet, the local one among them.
    if (!(error instanceof SandboxApiException) || error.statusCode !== 501) throw error;
    console.log("events:", error.error.code);
  }
} finally {
  await sandbox.kill();
  await sandbox.close();
}

try {
  await Sandbox.connect({ sandboxId: sandbox.id });
} catch (error) {
  if (!(error instanceof SandboxApiException)) throw error;
  console.log("after kill: status", error.statusCode);
}

/** Some servers pause a while after they have said yes. */
async function settledState() {
  for (;;) {
    const { state } = (await sandbox.getInfo()).status;
    if (state !== "Running" && state !== "Pausing") return state;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
