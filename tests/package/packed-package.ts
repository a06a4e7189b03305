import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, succeed } from "./programs.js";

/** The package as it would be published, and a project in which it is installed. */
export class PackedPackage {
  /** Holds all the others. */
  readonly directory: string = mkdtempSync(join(tmpdir(), "opensandbox-package-"));
  /** What is packed: a build of its own, so that no test which runs meanwhile sees its files change. */
  readonly staged: string = join(this.directory, "staged");
  /** The consumer's project. */
  readonly consumer: string = join(this.directory, "consumer");
  /** The package inside the consumer's `node_modules`. */
  readonly installed: string = join(this.consumer, "node_modules/opensandbox-code-interpreter");
  /** The packed file. */
  tarball = "";
  /** The paths in it. */
  files: readonly string[] = [];

  /** Builds, packs and installs; takes some seconds and needs no network. */
  async make(): Promise<void> {
    await succeed(process.execPath, ["scripts/build.mjs", "--outdir", join(this.staged, "dist")]);
    for (const name of ["package.json", "README.md", "LICENSE", "CHANGELOG.md"]) {
      if (existsSync(join(root, name))) cpSync(join(root, name), join(this.staged, name));
    }
    // Without scripts: `prepack` would build once more, and has no sources here.
    const packed = await succeed(
      "npm",
      ["pack", "--json", "--ignore-scripts", "--pack-destination", this.directory],
      this.staged,
    );
    const [{ filename, files }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
    this.tarball = join(this.directory, filename);
    this.files = files.map(({ path }) => path).sort();
    await this.#install();
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #install(): Promise<void> {
    cpSync(join(root, "tests/package/consumers"), this.consumer, { recursive: true });
    // The dependencies are taken from where this repository has them, in the versions that its lock file names.
    const dependencies = Object.fromEntries(
      runtimeDependencies().map((name) => [name, `file:${modulePath(name)}`]),
    );
    writeFileSync(
      join(this.consumer, "package.json"),
      JSON.stringify({
        private: true,
        dependencies: { "opensandbox-code-interpreter": `file:${this.tarball}`, ...dependencies },
      }),
    );
    await succeed(
      "npm",
      ["install", "--offline", "--install-links", "--ignore-scripts", "--no-audit", "--no-fund"],
      this.consumer,
    );
  }
}

/** The packages that an installation of this one brings along. */
export function runtimeDependencies(): string[] {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>;
  };
  return Object.entries(lock.packages)
    .filter(([path, { dev, devOptional }]) => path !== "" && dev !== true && devOptional !== true)
    .map(([path]) => path.replace(/^node_modules\//, ""));
}

function modulePath(name: string): string {
  return join(root, "node_modules", name);
}
