// Builds dist/: `node scripts/build.mjs [--js] [--outdir DIR]`. `--js` leaves the type declarations out and takes less
// than a second, which is what the tests and the quickstart need. `--exports` first writes what package.json says about
// the entries.
import { parseArgs } from "node:util";
import { bundleJavaScript } from "./lib/bundle-javascript.mjs";
import { bundleTypes } from "./lib/bundle-types.mjs";
import { checkSources } from "./lib/entries.mjs";
import { checkManifest, writeManifest } from "./lib/manifest.mjs";
import { writeOutputs } from "./lib/outputs.mjs";

const { values: options } = parseArgs({
  options: {
    js: { type: "boolean", default: false },
    outdir: { type: "string", default: "dist" },
    exports: { type: "boolean", default: false },
  },
});

const start = performance.now();
try {
  if (options.exports) writeManifest();
  checkSources();
  checkManifest();
  const [javaScript, types] = await Promise.all([bundleJavaScript(), options.js ? new Map() : bundleTypes()]);
  const written = writeOutputs(options.outdir, new Map([...javaScript, ...types]), {
    // A build without types must not delete the declarations of an earlier, full one.
    keeps: (path) => options.js && /\.d\.[mc]ts$/.test(path),
  });
  const millis = Math.round(performance.now() - start);
  console.log(
    `Built ${options.outdir}/ in ${millis} ms: ${written.total} files, ${written.changed} changed.`,
  );
} catch (error) {
  // esbuild has already printed its own errors with their places.
  if (!(error instanceof Error && "errors" in error && "warnings" in error))
    console.error(error instanceof Error ? error.stack : error);
  console.error("The build failed.");
  process.exitCode = 1;
}
