import { addErrorContext, SandboxConnectionException, SandboxException } from "../errors.js";
import { onAbort } from "./abort.js";
import { mayHaveBody } from "./answer.js";
import type { Call } from "./call.js";
import { describeConnectionFailure } from "./connection-failure.js";
import { requestIdOf } from "./response.js";
import { startTimer, type IdleClock } from "./timeout.js";

const NO_BYTES = { code: "UNEXPECTED_RESPONSE", message: "the body gave what is no bytes" };

/** What {@link guardStream} needs to know. */
export interface StreamGuardOptions {
  readonly call: Call;
  readonly idle: IdleClock;
  /** The request, for messages. */
  readonly what: string;
  readonly sandboxId: string | undefined;
}

/**
 * The same answer, with a body that is read only as fast as it is consumed, that fails with the library's exceptions,
 * and whose end, in whatever way, ends the call. Cancelling it closes the request.
 */
export function guardStream(response: Response, options: StreamGuardOptions): Response {
  const { status } = response;
  if (!mayHaveBody(status)) options.call.end();
  const body = mayHaveBody(status) ? guardBody(response.body, options, requestIdOf(response)) : null;
  const isEmpty = response.headers.get("content-length") === "0";
  // In its place, where that is possible: another `Response` costs as much as a small run's whole answer.
  if (body !== null && !isEmpty) return Object.defineProperty(response, "body", { value: body });
  const headers = new Headers(response.headers);
  // The typed client takes an answer of length "0" for one without a body; a reader would rather see an empty stream.
  if (isEmpty) headers.delete("content-length");
  return new Response(body, { status, statusText: response.statusText, headers });
}

function guardBody(
  // `null` where a stand-in for `fetch` answers so.
  body: ReadableStream<Uint8Array> | null,
  { call, idle, what, sandboxId }: StreamGuardOptions,
  requestId: string | undefined,
): ReadableStream<Uint8Array> {
  const reader = body?.getReader();
  let unlink = (): void => undefined;
  let isEnded = false;
  const end = (): void => {
    isEnded = true;
    idle.stop();
    unlink();
    call.end();
  };
  // A pull stream without a buffer: an async generator of the platform buffers a whole body for a slow reader.
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const fail = (reason: unknown): void => {
          if (isEnded) return;
          end();
          // A `fetch` that does not heed the signal would keep its connection.
          reader?.cancel().catch(() => undefined);
          if (!call.isAbortedByCaller) addErrorContext(reason, { requestId });
          controller.error(reason);
        };
        if (call.signal.aborted) fail(call.signal.reason);
        else unlink = onAbort(call.signal, fail);
      },
      async pull(controller) {
        idle.start();
        try {
          const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
          idle.stop();
          if (isEnded) return;
          if (!done) {
            // A stand-in for `fetch` may give text; what follows takes it for bytes.
            if (!ArrayBuffer.isView(value)) throw new SandboxException(NO_BYTES);
            controller.enqueue(value);
            return;
          }
          end();
          controller.close();
        } catch (error) {
          // An abort has failed the stream already, with its own reason.
          if (isEnded) return;
          end();
          controller.error(
            new SandboxConnectionException({
              code: "STREAM_BROKEN",
              message: `${what}: the stream broke: ${describeConnectionFailure(error)}.`,
              cause: error,
              requestId,
              sandboxId,
            }),
          );
        }
      },
      cancel() {
        idle.stop();
        isEnded = true;
        unlink();
        call.discard();
        reader?.cancel().catch(() => undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

/**
 * Gives up a stream whose rest does not matter. It is read on for a moment, undelivered: where it ends by then, its
 * connection serves the next request.
 *
 * @returns what cancels it at once; idempotent
 */
export function leaveStream(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  limitSeconds: number,
): () => void {
  const cancel = (): void => {
    stopTimer();
    // Its failure would say nothing: the stream is given up either way.
    reader.cancel().catch(() => undefined);
  };
  const stopTimer = startTimer(limitSeconds, cancel);
  const readOn = async (): Promise<void> => {
    while (!(await reader.read()).done);
  };
  readOn().then(stopTimer, stopTimer);
  return cancel;
}
