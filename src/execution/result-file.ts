import { InvalidArgumentException } from "../errors.js";
import { fileSystem } from "../transport/platform.js";
import type { ExecutionResult } from "./result.js";

/** MIME types by file extension, where the extension is not the end of the type (as in `image/png`). */
const TYPES_BY_EXTENSION: Readonly<Record<string, string>> = {
  txt: "text/plain",
  htm: "text/html",
  md: "text/markdown",
  svg: "image/svg+xml",
  jpg: "image/jpeg",
  tex: "text/latex",
  js: "application/javascript",
};
/** Implements {@link ExecutionResult.toFile}. */
export async function writeResult(result: ExecutionResult, path: string): Promise<void> {
  const extension = /\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
  const mimeType =
    TYPES_BY_EXTENSION[extension] ?? result.mimeTypes.find((type) => type.endsWith(`/${extension}`)) ?? "";
  const bytes = result.getBytes(mimeType);
  if (bytes === undefined) {
    throw new InvalidArgumentException(
      `The result has no format for the extension "${extension}"; it has ${result.mimeTypes.join(", ")}.`,
    );
  }
  const files = fileSystem();
  if (files === undefined) throw new InvalidArgumentException("Only Node can write files; use getBytes.");
  try {
    await files.writeFile(path, bytes);
  } catch (cause) {
    throw new InvalidArgumentException(`The result cannot be written: ${String(cause)}`, { cause });
  }
}
