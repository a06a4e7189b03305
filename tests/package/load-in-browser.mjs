// Loads a main entry as a page would: bundled, with nothing of Node in reach: `node load-in-browser.mjs ENTRY`.
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";

const { outputFiles } = await build({
  entryPoints: [process.argv[2]],
  bundle: true,
  write: false,
  format: "iife",
  globalName: "library",
  platform: "browser",
  target: "es2022",
});
const page = createContext({
  ...{
    AbortController,
    AbortSignal,
    Blob,
    Headers,
    ReadableStream,
    Request,
    Response,
    TextDecoder,
    TextEncoder,
  },
  ...{
    URL,
    URLSearchParams,
    clearTimeout,
    console,
    crypto,
    fetch,
    queueMicrotask,
    setTimeout,
    structuredClone,
  },
});
runInContext(outputFiles[0].text, page);
console.log(JSON.stringify(Object.keys(page.library).sort()));
