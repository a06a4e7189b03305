import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { PipePool, type OutputPipe } from "../../../src/local/supervisor/pipes.js";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), "pipes-test-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** What another process writes that opens a pipe by its name. */
async function writtenByName(pipe: OutputPipe): Promise<string> {
  let text = "";
  pipe.listen((chunk) => (text += chunk.toString()));
  const ended = new Promise<void>((resolve) => pipe.onEnd(resolve));
  execFileSync("bash", ["-c", 'echo hello > "$0"', pipe.writeName]);
  pipe.closeWriteEnd();
  await ended;
  return text;
}

test.each([
  ["has the name of a descriptor, as on Linux", false],
  ["has a name of its own, as on macOS", true],
])("a pipe that %s can be opened until its write end is closed", async (_name, keepsNames) => {
  const pipe = await new PipePool(directory, keepsNames).take();
  const name = pipe.writeName;
  expect(path.dirname(name) === directory).toBe(keepsNames);
  expect(await writtenByName(pipe)).toBe("hello\n");
  expect(readdirSync(directory)).not.toContain(path.basename(name));
});
