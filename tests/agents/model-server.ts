import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A tool call that a scripted model makes. */
export interface ModelCall {
  readonly name: string;
  /** What the model writes as arguments: JSON, or what it takes for JSON. */
  readonly arguments: string;
}

/** What a model says in one turn: some tool calls, or text. */
export type Turn = readonly ModelCall[] | string;

/** A server with the APIs of OpenAI and Anthropic whose model follows a script. */
export interface ModelServer {
  readonly url: string;
  /** The bodies of all requests, in their order. */
  readonly requests: readonly Record<string, unknown>[];
  close(): Promise<void>;
}

const ENCODERS: Readonly<Record<string, (turn: Turn, prefix: string) => object>> = {
  "/v1/responses": encodeResponse,
  "/v1/chat/completions": encodeChatCompletion,
  "/v1/messages": encodeMessage,
};

/** Starts a model server on loopback. A request after the last turn is refused, and so is one without a call's result. */
export async function startModelServer(turns: readonly Turn[]): Promise<ModelServer> {
  const requests: Record<string, unknown>[] = [];
  const callIds: string[] = [];
  let lastCount = 0;
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of request) chunks.push(chunk as Uint8Array);
      const text = Buffer.concat(chunks).toString();
      const turn = turns[requests.length];
      const prefix = `call_${requests.length}_`;
      const sent = JSON.parse(text) as Record<string, unknown>;
      requests.push(sent);
      const encode = ENCODERS[request.url ?? ""];
      // Once in the call, unless the server keeps the conversation, and once in its result: the real servers check it.
      const isKept = "previous_response_id" in sent || text.includes('"item_reference"');
      const known = isKept ? callIds.slice(-lastCount) : callIds;
      const withoutResult = known.find((id) => text.split(`"${id}"`).length !== (isKept ? 2 : 3));
      const problem =
        (encode === undefined && `There is no ${String(request.url)}.`) ||
        (turn === undefined && "The script has ended.") ||
        (withoutResult !== undefined && `${withoutResult} must have one result.`);
      const body =
        problem || encode === undefined || turn === undefined
          ? { error: { message: problem } }
          : encode(turn, prefix);
      if (typeof turn === "object") callIds.push(...turn.map((_, index) => `${prefix}${index}`));
      lastCount = turn?.length ?? 0;
      if (problem === false && sent["stream"] === true) {
        response.writeHead(200, { "content-type": "text/event-stream" });
        for (const event of responseEvents(body as EncodedResponse)) {
          response.write(`data: ${JSON.stringify(event)}\n\n`);
        }
        response.end();
        return;
      }
      response.writeHead(problem ? 400 : 200, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    })().catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

interface EncodedResponse {
  readonly output: readonly {
    readonly id: string;
    readonly content?: readonly { readonly text: string }[];
  }[];
}

/** The events of a streamed response: each output item begins, says its text, and ends. */
function* responseEvents(response: EncodedResponse): Generator<object> {
  yield { type: "response.created", response };
  for (const [index, item] of response.output.entries()) {
    const output_index = index;
    yield { type: "response.output_item.added", output_index, item };
    for (const { text } of item.content ?? []) {
      yield {
        type: "response.output_text.delta",
        item_id: item.id,
        output_index,
        content_index: 0,
        delta: text,
      };
    }
    yield { type: "response.output_item.done", output_index, item };
  }
  yield { type: "response.completed", response };
}

function encodeResponse(turn: Turn, prefix: string): EncodedResponse {
  const output =
    typeof turn === "string"
      ? [
          {
            ...{ type: "message", id: "msg_1", role: "assistant", status: "completed" },
            content: [{ type: "output_text", text: turn, annotations: [] }],
          },
        ]
      : turn.map((call, index) => ({
          ...{ type: "function_call", id: `fc_${index}`, call_id: `${prefix}${index}`, status: "completed" },
          ...call,
        }));
  const usage = { input_tokens: 1, output_tokens: 1, total_tokens: 2 };
  return {
    ...{ id: "resp_1", object: "response", created_at: 0, status: "completed", model: "scripted" },
    ...{ output, usage },
  };
}

function encodeChatCompletion(turn: Turn, prefix: string) {
  const said = typeof turn === "string";
  const message = {
    ...{ role: "assistant", content: said ? turn : null, refusal: null },
    ...(!said && {
      tool_calls: turn.map((call, index) => ({ id: `${prefix}${index}`, type: "function", function: call })),
    }),
  };
  const choice = { index: 0, finish_reason: said ? "stop" : "tool_calls", logprobs: null, message };
  return { id: "chat_1", object: "chat.completion", created: 0, model: "scripted", choices: [choice] };
}

function encodeMessage(turn: Turn, prefix: string) {
  const said = typeof turn === "string";
  const content = said
    ? [{ type: "text", text: turn, citations: null }]
    : turn.map((call, index) => ({
        ...{ type: "tool_use", id: `${prefix}${index}`, name: call.name },
        input: parsed(call.arguments),
      }));
  return {
    ...{ id: "msg_1", type: "message", role: "assistant", model: "scripted", content },
    ...{ stop_reason: said ? "end_turn" : "tool_use", stop_sequence: null },
    usage: { input_tokens: 1, output_tokens: 1 },
  };
}

/** This API returns arguments as an object; what is not JSON stays text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
