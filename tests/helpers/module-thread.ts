import { once } from "node:events";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { afterAll } from "@jest/globals";

const PROGRAM = `
const { parentPort } = require("node:worker_threads");
parentPort.on("message", async ([url, name, args]) => {
  try {
    parentPort.postMessage({ value: await (await import(url))[name](...args) });
  } catch (error) {
    parentPort.postMessage({ error });
  }
});`;

/** The thread of this test file, and what it does last. */
let worker: Worker | undefined;
let last: Promise<unknown> = Promise.resolve();

/**
 * Returns a function that calls an exported function of an ES module, which jest cannot import. The module is loaded once,
 * in a thread that all such functions of a test file share, and that ends after the file's tests. Arguments and results
 * are copied.
 *
 * @param file relative to the root of the project
 */
export function moduleFunction<Result>(
  file: string,
  name: string,
): (...args: readonly unknown[]) => Promise<Result> {
  // Jest runs the tests as CommonJS.
  const url = pathToFileURL(path.join(__dirname, "../..", file)).href;
  afterAll(async () => {
    await worker?.terminate();
    worker = undefined;
  });
  const call = async (args: readonly unknown[]): Promise<Result> => {
    worker ??= new Worker(PROGRAM, { eval: true });
    worker.postMessage([url, name, args]);
    const [outcome] = (await once(worker, "message")) as [{ value: Result } | { error: unknown }];
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  };
  return (...args) => {
    const result = last.then(() => call(args));
    last = result.catch(() => undefined);
    return result;
  };
}
