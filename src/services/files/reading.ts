import { assertText } from "../../arguments.js";
import { InvalidArgumentException } from "../../errors.js";
import { explainRefusedRange, verifyDownload, type Download } from "./download.js";
import type { FileTransport } from "./file-transport.js";
import { assertPath } from "./paths.js";
import { toLineQuery, toRangeHeader } from "./range.js";
import type { ReadFileOptions } from "./requests.js";

/** Requests a file, or a part of it. */
export async function openFile(
  execd: FileTransport,
  path: string,
  options: Omit<ReadFileOptions, "encoding">,
): Promise<Download> {
  assertPath(path);
  const { range, lines, signal } = options;
  if (range !== undefined && lines !== undefined) {
    throw new InvalidArgumentException("range and lines exclude each other.");
  }
  const header = range === undefined ? undefined : toRangeHeader(range);
  const call = execd.download({ signal });
  const { response } = await execd.client
    .GET("/files/download", {
      params: {
        query: { path, ...(lines !== undefined && toLineQuery(lines)) },
        ...(header !== undefined && { header: { Range: header } }),
      },
      fetch: call.fetch,
      parseAs: "stream",
    })
    .catch((error: unknown) => {
      throw explainRefusedRange(error, path, header);
    });
  const { body, headers } = call.receive(response);
  return verifyDownload(body, { path, headers, isRange: header !== undefined, call });
}

/** Creates a decoder that keeps a byte order mark. @throws {InvalidArgumentException} for an unknown encoding */
export function newDecoder(encoding: string): InstanceType<typeof TextDecoder> {
  assertText(encoding, "encoding");
  try {
    return new TextDecoder(encoding, { ignoreBOM: true });
  } catch (cause) {
    throw new InvalidArgumentException(
      `encoding ${JSON.stringify(encoding)} is not supported by this runtime.`,
      { cause },
    );
  }
}
