// @ts-check
// Shell sessions: exported variables and the working directory last from run to run.
//
// In one terminal: npx opensandbox-code-interpreter serve
// In another, after the two `export` lines that it prints: node examples/sessions.mjs
import { Sandbox } from "opensandbox-code-interpreter";

const sandbox = await Sandbox.create();
try {
  const session = await sandbox.commands.createSession({ cwd: "/tmp" });
  try {
    await session.run("mkdir -p project/src && cd project/src && export MODE=test");
    console.log("kept:", (await session.run('echo "$MODE in $PWD"')).stdout.trim());

    // Each run is a shell of its own: what is not exported does not last.
    await session.run("unexported=1");
    console.log("not kept:", (await session.run('echo "${unexported:-nothing}"')).stdout.trim());

    const failed = await session.run("ls missing");
    console.log("exit code:", failed.exitCode, "-", failed.stdout.trim());

    // Another session shares nothing with the first. Its id opens it from another process too.
    const other = await sandbox.commands.createSession();
    const { stdout } = await sandbox.commands.attachSession(other.id).run('echo "${MODE:-nothing}"');
    console.log("elsewhere:", stdout.trim());
    await other.delete();

    const moved = await session.run("pwd", { cwd: "/" });
    console.log("moved to:", moved.stdout.trim(), "and stays:", (await session.run("pwd")).stdout.trim());
  } finally {
    await session.delete();
  }
} finally {
  await sandbox.kill();
  await sandbox.close();
}
