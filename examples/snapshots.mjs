// @ts-check
// Snapshots: save a sandbox's files, start others from them, find and delete what was saved.
//
// In one terminal: npx opensandbox-code-interpreter serve
// In another, after the two `export` lines that it prints: node examples/snapshots.mjs
import {
  CODE_INTERPRETER_ENTRYPOINT,
  CodeInterpreter,
  Sandbox,
  SandboxManager,
} from "opensandbox-code-interpreter";

const manager = SandboxManager.create();
const original = await Sandbox.create();
try {
  await original.files.writeFiles([{ path: "notes.txt", data: "as it was\n" }]);
  const { id } = await original.createSnapshot({ name: "example" });
  try {
    console.log("snapshot:", await finished(id));
    await original.files.writeFiles([{ path: "notes.txt", data: "changed since\n" }]);

    // Files are saved, processes and variables are not. Only this entrypoint starts the kernels again.
    const copy = await Sandbox.create({ snapshotId: id, entrypoint: CODE_INTERPRETER_ENTRYPOINT });
    try {
      const { codes } = await CodeInterpreter.create(copy);
      console.log("in the copy:", (await codes.run("print(open('notes.txt').read(), end='')")).stdout.trim());
    } finally {
      await copy.kill();
      await copy.close();
    }
    console.log("in the original:", (await original.files.readFile("notes.txt")).trim());

    for await (const snapshot of await manager.listSnapshots({ sandboxId: original.id })) {
      console.log("listed:", snapshot.name, snapshot.status.state);
    }
  } finally {
    await manager.deleteSnapshot(id);
  }
  const { pagination } = await manager.listSnapshots({ sandboxId: original.id });
  console.log("left:", pagination.totalItems);
} finally {
  await original.kill();
  await original.close();
  await manager.close();
}

/**
 * Saving goes on in the background.
 *
 * @param {string} id
 */
async function finished(id) {
  for (;;) {
    const { state } = (await manager.getSnapshot(id)).status;
    if (state === "Ready" || state === "Failed") return state;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
