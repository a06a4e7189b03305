/**
 * The JavaScript and TypeScript kernel, one file for all of its threads. The main thread runs the user's code. A second
 * thread listens to the supervisor, since it must receive an interrupt while the first one is busy. In older versions of
 * Node, the hooks of the module loader run in a third.
 */
import { isMainThread } from "node:worker_threads";
import { listen } from "./listener.js";
import { startInterpreter } from "./interpreter.js";

export { load, resolve } from "./typescript-files.js";

if (isMainThread) startInterpreter(import.meta.url);
else if (!import.meta.url.endsWith("?hooks")) listen();
