import { SandboxApiException, SandboxConnectionException } from "../../errors.js";
import { requestIdOf, unexpectedResponse } from "../../transport/response.js";

/** A file, or a part of one, that is about to be read. */
export interface Download {
  readonly path: string;
  readonly response: Response;
  readonly body: ReadableStream<Uint8Array>;
  /** Whether a part of it was asked for. */
  readonly isRange: boolean;
  readonly sandboxId: string;
  /** How many bytes will come, where the server says it. */
  readonly size?: number | undefined;
}

/**
 * The same download, with a body that fails unless all of it comes.
 *
 * @throws {SandboxApiException} `IS_DIRECTORY`
 */
export function verifyDownload(download: Download): Download {
  const { path, response, body, isRange, sandboxId } = download;
  const { headers } = response;
  const length = headers.get("content-length");
  // What a gateway has packed on the way is counted packed.
  const size = length === null || headers.has("content-encoding") ? undefined : Number(length);
  // For a directory servers announce 2^63 - 1 bytes, and send none.
  if (size !== undefined && !Number.isSafeInteger(size)) {
    body.cancel().catch(() => undefined);
    throw isDirectory(path, response, sandboxId);
  }
  const reader = body.getReader();
  let received = 0;
  const verified = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        if (!done) {
          received += value.byteLength;
          // Of an empty file the only range is all of it.
          if (isRange && response.status !== 206 && received > 0) {
            reader.cancel().catch(() => undefined);
            throw unexpectedResponse(`The server sent all of ${path}, not the range.`, response);
          }
          controller.enqueue(value);
        } else if (size !== undefined && received < size) {
          throw new SandboxConnectionException({
            code: "STREAM_CUT",
            message: `The download of ${path} ended after ${received} of ${size} bytes.`,
            requestId: requestIdOf(response),
            sandboxId,
          });
        } else controller.close();
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return { ...download, body: verified, size };
}

/** All of a body, in one piece. */
export async function collect(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    size += value.byteLength;
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}

/** The exception for a path that leads to a directory. */
export function isDirectory(path: string, response: Response, sandboxId: string): SandboxApiException {
  return new SandboxApiException({
    code: "IS_DIRECTORY",
    message: `${path} is a directory, not a file.`,
    statusCode: response.status,
    requestId: requestIdOf(response),
    sandboxId,
  });
}

/** The same error, with a code of its own where a range was refused: servers send none to tell it by. */
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
