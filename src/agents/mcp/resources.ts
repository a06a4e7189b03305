import {
  ResourceNotFoundError,
  ResourceTemplate,
  type McpServer,
  type ReadResourceResult,
} from "@modelcontextprotocol/server";
import { isSandboxException, InvalidArgumentException, type FileInfo, type Files } from "../../index.js";
import { toBase64 } from "../base64.js";
import type { ToolSource } from "./sandboxes.js";

/** The largest file that is read as a resource, in bytes: it travels in one message. */
const LARGEST_RESOURCE = 10_000_000;
const MOST_LISTED = 200;
const LISTED_DEPTH = 3;

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  csv: "text/csv",
  gif: "image/gif",
  html: "text/html",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  json: "application/json",
  md: "text/markdown",
  pdf: "application/pdf",
  png: "image/png",
  svg: "image/svg+xml",
  webp: "image/webp",
};

/** Lets clients read the files of a sandbox: `sandbox:///workspace/plot.png`, with handles `sandbox://HANDLE/workspace/…`. */
export function registerFiles(server: McpServer, source: ToolSource): void {
  const template = source.hasHandles ? "sandbox://{sandbox}/{+path}" : "sandbox:///{+path}";
  // Without a connection there is no sandbox whose files could be listed.
  const list = source.hasHandles
    ? undefined
    : async () => ({ resources: source.isInUse ? await withFiles(source, undefined, listFiles) : [] });
  server.registerResource(
    "file",
    new ResourceTemplate(template, { list }),
    { title: "A file in the sandbox", description: "Any file, by its absolute path" },
    async (uri) => {
      const path = decodeURIComponent(uri.pathname);
      try {
        return await withFiles(source, source.hasHandles ? uri.host : undefined, (files) =>
          readFile(files, uri.href, path),
        );
      } catch (error) {
        if (!isSandboxException(error) || !["FILE_NOT_FOUND", "IS_DIRECTORY"].includes(error.code))
          throw error;
        throw new ResourceNotFoundError(uri.href);
      }
    },
  );
}

async function withFiles<Value>(
  source: ToolSource,
  handle: string | undefined,
  use: (files: Files) => Promise<Value>,
): Promise<Value> {
  const taken = source.take(handle);
  if (taken.problem !== undefined) throw new InvalidArgumentException(taken.problem);
  try {
    return await use((await taken.codeTools.interpreter()).files);
  } finally {
    taken.release();
  }
}

async function listFiles(files: Files) {
  const { ".": root } = await files.getFileInfo(["."]);
  const isShown = ({ path, type }: FileInfo): boolean =>
    type === "file" && !path.slice(root?.path.length ?? 0).includes("/.");
  return (await files.listDirectory(".", { depth: LISTED_DEPTH }))
    .filter(isShown)
    .slice(0, MOST_LISTED)
    .map(({ path, size }) => ({
      uri: `sandbox://${path.split("/").map(encodeURIComponent).join("/")}`,
      name: path.slice((root?.path.length ?? 0) + 1),
      mimeType: mediaTypeOf(path),
      size,
    }));
}

async function readFile(files: Files, uri: string, path: string): Promise<ReadResourceResult> {
  const { [path]: info } = await files.getFileInfo([path]);
  if (info !== undefined && info.size > LARGEST_RESOURCE) {
    throw new InvalidArgumentException(
      `${path} has ${info.size} bytes; resources have at most ${LARGEST_RESOURCE}.`,
    );
  }
  const bytes = await files.readBytes(path);
  const mimeType = mediaTypeOf(path);
  const text = asText(bytes);
  const content = text === undefined ? { blob: toBase64(bytes) } : { text };
  return { contents: [{ uri, mimeType, ...content }] };
}

function asText(bytes: Uint8Array): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function mediaTypeOf(path: string): string | undefined {
  return MEDIA_TYPES[/\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? ""];
}
