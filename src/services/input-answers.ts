import { shown } from "../arguments.js";
import { InvalidArgumentException, SandboxApiException } from "../errors.js";
import type { ExecutionEvent } from "../execution/event.js";
import type { ExecutionHandlers } from "../execution/handlers.js";
import { isRecord } from "../json.js";
import type { SandboxLink } from "./link.js";

/**
 * Sends the user's input to code that asks for it. Ignores events that ask for nothing.
 *
 * @param signal aborted when nobody waits for the input any more
 * @throws the error of the handler, or of the request
 */
export async function answerInput(
  link: SandboxLink,
  event: ExecutionEvent,
  onInput: NonNullable<ExecutionHandlers["onInput"]>,
  signal: AbortSignal,
): Promise<void> {
  const { text = "", input }: Record<string, unknown> = "raw" in event ? event.raw : {};
  if (!isRecord(input)) return;
  const { context_id: contextId, id, is_password: isPassword } = input;
  if (typeof contextId !== "string" || typeof id !== "number" || typeof text !== "string") return;
  const { client, json, logger } = link.execd;
  try {
    const answer: unknown = await onInput({ prompt: text, isPassword: isPassword === true, signal });
    if (signal.aborted) return;
    await client.POST("/code/input", {
      body: { context_id: contextId, id, ...toWire(answer) },
      fetch: json({ signal }).fetch,
    });
  } catch (error) {
    // The code was interrupted meanwhile.
    if (!(error instanceof SandboxApiException && error.statusCode === 404)) throw error;
    logger?.debug(error.message);
  }
}

function toWire(answer: unknown): { readonly is_end: true } | { readonly text: string } {
  if (answer === undefined) return { is_end: true };
  if (typeof answer === "string") return { text: answer };
  throw new InvalidArgumentException(
    `handlers.onInput must return a string, or undefined to end the input; got ${shown(answer)}.`,
  );
}
