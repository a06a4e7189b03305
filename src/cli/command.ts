import { readFileSync } from "node:fs";
import path from "node:path";
import { CommanderError } from "commander";
import { USAGE } from "./errors.js";
import { Io } from "./io.js";
import { createProgram } from "./command-line.js";
import { Stopped } from "./stop.js";

const NAMES = ["osci", "opensandbox-code-interpreter"];

/** Runs the command that the arguments name, and ends the process with its exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  // With `npx opensandbox-code-interpreter`, `osci` may not be installed.
  const called = path.basename(argv[1] ?? "").replace(/\.\w+$/, "");
  const name = NAMES.includes(called) ? called : "opensandbox-code-interpreter";
  const io = new Io();
  const exitCode = await execute(argv, name, io);
  // Exit although something may be open, such as a keep-alive connection.
  await Promise.all([flush(process.stdout), flush(process.stderr)]);
  process.exit(exitCode);
}

async function execute(argv: readonly string[], name: string, io: Io): Promise<number> {
  try {
    const exitCode = await createProgram({ name, names: NAMES, version: readVersion(), io }).execute(
      argv.slice(2),
    );
    return io.stop.reason?.exitCode ?? exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
    const stopped = io.stop.reason;
    // An error that follows from a stop is not reported.
    if (stopped !== undefined && (error instanceof Stopped || !io.verbose)) return stopped.exitCode;
    const { reportFailure } = await import("./failure.js");
    const exitCode = reportFailure(error, io, name);
    return stopped?.exitCode ?? exitCode;
  }
}

function readVersion(): string {
  // Two levels up from here, in the sources as well as in the package.
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const isManifest = typeof manifest === "object" && manifest !== null && "version" in manifest;
  return isManifest ? String(manifest.version) : "unknown";
}

function flush(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.destroyed || stream.writableLength === 0) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once("error", resolve);
    stream.write("", () => resolve());
  });
}
