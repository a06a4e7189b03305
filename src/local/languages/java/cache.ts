import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { lowerPriority } from "../../box/processes.js";
import { cacheDirectory, resolveAssets } from "../../host/assets.js";
import type { Runtime } from "../runtime.js";

const SOURCE = "JavaKernel.java";

/**
 * Returns the directory of the compiled kernel, which all sandboxes share read-only. To compile it takes longer than all else
 * in the start of a kernel. The directory exists once it is complete.
 */
export function javaClassesDirectory(version: string): string {
  const source = readFileSync(path.join(resolveAssets().kernels, SOURCE));
  const hash = createHash("sha256").update(source).digest("hex").slice(0, 16);
  return cacheDirectory(`java-kernel-${version}-${hash}`);
}

/**
 * Starts to compile the kernel into that directory in the background with low priority, unless it is there already.
 * Until then, kernels compile their source when they start.
 *
 * @returns a function that stops it; the next call begins again
 */
export function warmJavaClasses({ executable, version }: Runtime): () => void {
  let unfinished: string;
  const directory = javaClassesDirectory(version);
  try {
    if (existsSync(directory)) return () => undefined;
    mkdirSync(path.dirname(directory), { recursive: true, mode: 0o755 });
    unfinished = mkdtempSync(`${directory}-`);
  } catch {
    return () => undefined; // The cache is not writable.
  }
  const forget = (): void => rmSync(unfinished, { recursive: true, force: true });
  const compiler = spawn(
    path.join(path.dirname(executable), "javac"),
    ["-nowarn", "-encoding", "UTF-8", "-d", unfinished, path.join(resolveAssets().kernels, SOURCE)],
    { stdio: "ignore" },
  );
  compiler.once("error", forget);
  lowerPriority(compiler);
  compiler.once("exit", (code) => {
    try {
      if (code === 0) renameSync(unfinished, directory);
    } catch {
      // Another server was faster.
    }
    forget();
  });
  compiler.unref();
  return () => {
    if (compiler.exitCode !== null || compiler.signalCode !== null) return;
    compiler.kill("SIGKILL");
    forget();
  };
}
