// @ts-check
// Files: write, read, find, change and move them, and copy between your disk and the sandbox.
//
// In one terminal: npx opensandbox-code-interpreter serve
// In another, after the two `export` lines that it prints: node examples/files.mjs
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Sandbox } from "opensandbox-code-interpreter";

const directory = await mkdtemp(join(tmpdir(), "files-example-"));
const sandbox = await Sandbox.create();
const { files } = sandbox;
try {
  // Many small files go in one request, and directories are made as needed.
  await files.writeFiles([
    { path: "/tmp/shop/prices.csv", data: "item,price\napple,3\npear,4\n" },
    { path: "/tmp/shop/bin/total.sh", data: "#!/bin/sh\necho 7\n", mode: 0o755 },
    { path: "/tmp/shop/logo.bin", data: new Uint8Array([0, 1, 2, 255]) },
  ]);

  console.log(
    "second line:",
    await files.readFile("/tmp/shop/prices.csv", { lines: { first: 2, count: 1 } }),
  );
  console.log("last byte:", (await files.readBytes("/tmp/shop/logo.bin", { range: { start: -1 } }))[0]);

  for (const { path, type, size, mode } of await files.listDirectory("/tmp/shop", { depth: 2 })) {
    console.log("listed:", path, type, type === "file" ? size : "-", mode);
  }
  for (const { path } of await files.search("/tmp/shop", { pattern: "*.sh" })) console.log("found:", path);

  const [replaced] = await files.replaceContents([
    { path: "/tmp/shop/prices.csv", oldContent: "apple", newContent: "plum" },
  ]);
  console.log("replaced:", replaced?.replacedCount);
  await files.setPermissions([{ path: "/tmp/shop/prices.csv", mode: 0o600 }]);
  await files.createDirectories(["/tmp/shop/archive"]);
  await files.moveFiles([{ src: "/tmp/shop/prices.csv", dest: "/tmp/shop/archive/2026.csv" }]);
  const { "/tmp/shop/archive/2026.csv": info } = await files.getFileInfo(["/tmp/shop/archive/2026.csv"]);
  console.log("moved:", info?.path, info?.mode);

  // From the disk and back, streamed whatever the size.
  const [original, copy] = [join(directory, "original.txt"), join(directory, "copy.txt")];
  await writeFile(original, "from my disk\n".repeat(100_000));
  let uploaded = 0;
  await files.upload(original, "/tmp/shop/big.txt", {
    onProgress: ({ transferredBytes }) => (uploaded = transferredBytes),
  });
  await files.download("/tmp/shop/big.txt", copy);
  console.log(
    "uploaded:",
    uploaded,
    "and back the same:",
    (await readFile(copy)).equals(await readFile(original)),
  );

  // A stream to read from, for what need not be on a disk. Leaving the loop ends the request.
  let bytes = 0;
  for await (const chunk of await files.readBytesStream("/tmp/shop/big.txt")) bytes += chunk.length;
  console.log("streamed:", bytes);

  await files.deleteFiles(["/tmp/shop/big.txt", "/tmp/shop/logo.bin"]);
  await files.deleteDirectories(["/tmp/shop/bin"]);
  const left = await files.search("/tmp/shop");
  console.log("left:", left.map(({ path }) => path).join(", "));
} finally {
  await sandbox.kill();
  await sandbox.close();
  await rm(directory, { recursive: true });
}
