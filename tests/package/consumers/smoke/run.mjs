// Runs the smoke suite under Node, Bun or Deno: `run.mjs JSON`. Prints the results as JSON.
import process from "node:process";
import * as library from "opensandbox-code-interpreter";
import { smoke } from "./smoke.mjs";

console.log(JSON.stringify(await smoke(library, JSON.parse(process.argv[2]))));
