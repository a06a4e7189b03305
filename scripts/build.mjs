// Builds dist/: `node scripts/build.mjs [--js] [--outdir DIR]`. `--js` leaves the type declarations out and takes
// well under a second, which is what the tests and the quickstart need.
import { parseArgs } from "node:util";
import { bundleJavaScript } from "./lib/bundle-javascript.mjs";
import { bundleTypes } from "./lib/bundle-types.mjs";
import { checkSources } from "./lib/entries.mjs";
import { writeOutputs } from "./lib/outputs.mjs";

const { values: options } = parseArgs({
  options: { js: { type: "boolean", default: false }, outdir: { type: "string", default: "dist" } },
});

const start = performance.now();
try {
  checkSources();
  const [javaScript, types] = await Promise.all([bundleJavaScript(), options.js ? new Map() : bundleTypes()]);
  const written = writeOutputs(options.outdir, new Map([...javaScript, ...types]), {
    // A build without types must not take away the declarations of an earlier, full one.
    keeps: (path) => options.js && /\.d\.[mc]ts$/.test(path),
  });
  const millis = Math.round(performance.now() - start);
  console.log(
    `Built ${options.outdir}/ in ${millis} ms: ${written.total} files, ${written.changed} changed.`,
  );
} catch (error) {
  // esbuild has already said on stderr what is wrong, and where.
  if (!(error instanceof Error && "errors" in error && "warnings" in error))
    console.error(error instanceof Error ? error.stack : error);
  console.error("The build failed.");
  process.exitCode = 1;
}
