// Prepares the tests of the package: `node scripts/prepare-package.mjs`. Installs the tools that they need, builds and
// packs the package, and installs the packed file in a project beside the tools. With `--tools` it only installs the tools.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./lib/entries.mjs";

const tools = join(root, "tests/package/tools");
const directory = join(tools, "packed");
const staged = join(directory, "staged");
const consumer = join(directory, "consumer");
/** No install scripts, and no requests that installing does not need. */
const INSTALL = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];

installTools();
if (process.argv.includes("--tools")) process.exit();
rmSync(directory, { recursive: true, force: true });
run(process.execPath, ["scripts/build.mjs", "--outdir", join(staged, "dist")], root);
for (const name of ["package.json", "README.md", "LICENSE", "CHANGELOG.md"])
  cpSync(join(root, name), join(staged, name));
// Without scripts: `prepack` would build again, and the package has no sources.
const [{ filename, files }] = JSON.parse(
  run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", directory], staged),
);
const tarball = join(directory, filename);
installPackage();
const paths = files.map(({ path }) => path).sort();
writeFileSync(join(directory, "packed.json"), JSON.stringify({ tarball, files: paths }));
console.log(`Packed ${paths.length} files.`);

/** Installs the tools, unless they match the lock file already. */
function installTools() {
  const mark = join(tools, "node_modules/.installed-from");
  const hash = createHash("sha256")
    .update(readFileSync(join(tools, "package-lock.json")))
    .digest("hex");
  if (existsSync(mark) && readFileSync(mark, "utf8") === hash) return;
  console.log("Installing the tools of the package's tests …");
  run("npm", ["ci", ...INSTALL], tools);
  writeFileSync(mark, hash);
}

/** Uses the installed dependencies of this repository, in the versions of its lock file. */
function installPackage() {
  cpSync(join(root, "tests/package/consumers"), consumer, { recursive: true });
  const dependencies = Object.fromEntries(
    runtimeDependencies().map((name) => [name, `file:${join(root, "node_modules", name)}`]),
  );
  const manifest = {
    private: true,
    dependencies: { "opensandbox-code-interpreter": `file:${tarball}`, ...dependencies },
  };
  writeFileSync(join(consumer, "package.json"), JSON.stringify(manifest));
  run("npm", ["install", "--offline", "--install-links", "--omit=peer", ...INSTALL], consumer);
}

function runtimeDependencies() {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  return Object.entries(packages)
    .filter(
      ([path, { dev, devOptional, peer }]) =>
        path !== "" && !(dev ?? false) && !(devOptional ?? false) && !peer,
    )
    .map(([path]) => path.replace(/^node_modules\//, ""));
}

function run(command, args, cwd) {
  const { status, stdout, error } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error !== undefined) throw error;
  if (status !== 0)
    throw new Error(`${command} ${args.join(" ")} failed with exit code ${status}:\n${stdout}`);
  return stdout;
}
