// @ts-check
// The manager: find sandboxes by state and label over all pages, and look after them by their ids.
//
// In one terminal: npx opensandbox-code-interpreter serve
// In another, after the two `export` lines that it prints: node examples/manager.mjs
import { Sandbox, SandboxManager } from "opensandbox-code-interpreter";

const batch = `batch-${Date.now()}`;
const manager = SandboxManager.create();
try {
  // Three at once; these objects are not needed any more, the sandboxes live on.
  for (const sandbox of await Promise.all([0, 1, 2].map(() => Sandbox.create({ metadata: { batch } })))) {
    await sandbox.close();
  }

  const page = await manager.listSandboxInfos({ states: ["Running"], metadata: { batch }, pageSize: 2 });
  console.log("on the first page:", page.items.length, "of", page.pagination.totalItems);

  const ids = [];
  for await (const { id } of page) ids.push(id); // goes over this page and all behind it
  console.log("over all pages:", ids.length);

  const [first = "", second = ""] = ids;
  await manager.pauseSandbox(first);
  console.log("paused:", (await manager.getSandboxInfo(first)).status.state);
  await manager.resumeSandbox(first);
  const expiresAt = await manager.renewSandbox(first, 1_800);
  console.log("renewed:", Math.round((expiresAt.getTime() - Date.now()) / 60_000), "minutes left");

  await manager.patchSandboxMetadata(second, { keep: "yes" });
  const kept = await manager.listSandboxInfos({ metadata: { batch, keep: "yes" } });
  console.log("to keep:", kept.items.map(({ id }) => id === second).join());

  // One that is gone already is not listed: a second call by its id would say 404.
  await manager.killSandbox(second);
  console.log("after one kill:", (await manager.listSandboxInfos({ metadata: { batch } })).items.length);
} finally {
  let killed = 0;
  for await (const { id } of await manager.listSandboxInfos({ metadata: { batch } })) {
    await manager.killSandbox(id);
    killed += 1;
  }
  console.log("killed at the end:", killed);
  await manager.close();
}
