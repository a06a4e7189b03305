/**
 * The JavaScript and TypeScript kernel, one file with two threads: this one runs the user's code, the other one listens
 * to the supervisor, as it must hear an interrupt while this one is busy.
 */
import { isMainThread } from "node:worker_threads";
import { listen } from "./listener.js";
import { startInterpreter } from "./interpreter.js";

if (isMainThread) startInterpreter(import.meta.url);
else listen();
