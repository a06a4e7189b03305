import { writeFile } from "node:fs/promises";
import path from "node:path";
import { root, run } from "../package/programs.js";

const TSC = path.join(root, "node_modules/typescript-native/bin/tsc");

/** Settings of the compiler, as tsconfig.json has them. */
export interface TypeCheckConfig {
  readonly extends?: string;
  readonly compilerOptions?: Readonly<Record<string, unknown>>;
  readonly files: readonly string[];
}

/**
 * Type-checks programs in a directory.
 *
 * @returns one line per error, as in `use.ts(3,1): error TS2322: …`, with paths relative to the directory
 */
export async function typeCheck(directory: string, config: TypeCheckConfig): Promise<string[]> {
  const file = path.join(directory, "tsconfig.check.json");
  const compilerOptions = { noEmit: true, typeRoots: [path.join(root, "node_modules/@types")] };
  await writeFile(
    file,
    JSON.stringify({
      ...config,
      compilerOptions: { ...compilerOptions, ...config.compilerOptions },
      include: [],
    }),
  );
  const args = [TSC, "-p", file, "--pretty", "false"];
  const { exitCode, output } = await run(process.execPath, args, { cwd: directory });
  const lines = output.split("\n").filter((line) => line !== "");
  // An error that the lines do not show would pass for a check without errors.
  if ((exitCode === 0) !== (lines.length === 0))
    throw new Error(`The compiler ended with ${exitCode}: ${output}`);
  return lines;
}
