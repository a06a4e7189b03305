import { describe, expect, test } from "@jest/globals";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { packed, tools } from "./packed-package.js";
import { root, run } from "./programs.js";

/** The consumers' projects differ in the module format and resolution, and in what else they declare. */
const CONSUMERS = ["node-esm", "node-cjs", "browser", "bare"];
const COMPILERS = ["typescript-5.4", "typescript-5.9", "typescript-6", "typescript-7"];

describe.each(COMPILERS)("with %s", (compiler) => {
  test.each(CONSUMERS)("the declarations compile for the consumer %s", async (name) => {
    const project = join(packed.consumer, "types", name);
    for (const program of ["main.ts", "local.ts"])
      cpSync(join(packed.consumer, "types", program), join(project, program));
    const tsc = join(tools, compiler, "bin/tsc");
    const typeRoots = join(root, "node_modules/@types");
    const { exitCode, output } = await run(process.execPath, [tsc, "-p", project, "--typeRoots", typeRoots]);
    expect({ exitCode, output }).toEqual({ exitCode: 0, output: "" });
  });
});
