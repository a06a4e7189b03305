import { SandboxApiException, SandboxConnectionException } from "../../errors.js";
import { concatBytes, type ResponseBody } from "../../transport/response-body.js";
import { unexpectedResponse, type ResponseInfo } from "../../transport/response.js";

/** A download of a file or of a part of it. */
export interface Download {
  readonly body: ReadableStream<Uint8Array>;
  /** The number of bytes that will arrive, if the server sends it. */
  readonly size: number | undefined;
  readonly call: ResponseInfo;
}

/**
 * Returns a download whose body fails unless it arrives completely.
 *
 * @throws {SandboxApiException} `IS_DIRECTORY`
 */
export function verifyDownload(
  body: ResponseBody,
  options: {
    readonly path: string;
    readonly headers: Headers;
    /** Whether a part of the file was requested. */
    readonly isRange: boolean;
    readonly call: ResponseInfo;
  },
): Download {
  const { path, headers, isRange, call } = options;
  const length = headers.get("content-length");
  // If a gateway has compressed the body, the header counts compressed bytes.
  const size = length === null || headers.has("content-encoding") ? undefined : Number(length);
  // For a directory, servers announce 2^63 - 1 bytes and send none.
  if (size !== undefined && !Number.isSafeInteger(size)) {
    body.cancel();
    throw isDirectory(path, call);
  }
  let received = 0;
  // A pull stream without a buffer: the platform's stream of an async generator buffers a whole body for a slow reader.
  const verified = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = await body.read();
        if (chunk !== undefined) {
          received += chunk.byteLength;
          // For an empty file, a range that starts at 0 is the whole file.
          if (isRange && call.statusCode !== 206 && received > 0) {
            body.cancel();
            throw unexpectedResponse(`The server sent all of ${path}, not the range.`, call);
          }
          controller.enqueue(chunk);
        } else if (size !== undefined && received < size) {
          const { requestId, sandboxId } = call;
          const message = `The download of ${path} ended after ${received} of ${size} bytes.`;
          throw new SandboxConnectionException({ code: "STREAM_CUT", message, requestId, sandboxId });
        } else controller.close();
      },
      cancel: () => {
        body.cancel();
      },
    },
    { highWaterMark: 0 },
  );
  return { body: verified, size, call };
}

/** Reads a whole body and returns it in one piece. */
export async function collect(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return concatBytes(chunks);
    chunks.push(value);
  }
}

/** Creates the exception for a path that leads to a directory. */
export function isDirectory(
  path: string,
  { statusCode, requestId, sandboxId }: ResponseInfo,
): SandboxApiException {
  const message = `${path} is a directory, not a file.`;
  return new SandboxApiException({ code: "IS_DIRECTORY", message, statusCode, requestId, sandboxId });
}

/** Adds a code to the error of a rejected range, since servers send none. */
export function explainRefusedRange(error: unknown, path: string, range = "that was asked for"): unknown {
  if (!(error instanceof SandboxApiException) || error.statusCode !== 416) return error;
  const { statusCode, rawBody, requestId, sandboxId } = error;
  return new SandboxApiException({
    code: "RANGE_NOT_SATISFIABLE",
    message: `${path} has no bytes in the range ${range} (the server says "${error.message}").`,
    statusCode,
    rawBody,
    requestId,
    sandboxId,
    cause: error,
  });
}

/** Returns whether a server has found no file. It sends a status 500 when a parent in the path is a file. */
export function isMissing(error: unknown): boolean {
  if (!(error instanceof SandboxApiException)) return false;
  return error.code === "FILE_NOT_FOUND" || error.message.endsWith(": not a directory");
}
