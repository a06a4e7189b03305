// Sends requests one after the other and records the responses, each chunk with its time.

/** How long a response may take before it is recorded as still open. */
const PATIENCE_MILLIS = 30_000;
/** Headers that belong to the connection or contain credentials. */
const LEFT_OUT =
  /^(?:authorization|cookie|set-cookie|connection|keep-alive|open-sandbox-api-key|x-execd-access-token)$/i;

/** Hides secrets wherever they occur. */
export class Redaction {
  #secrets;

  constructor(secrets) {
    this.#secrets = secrets.filter((secret) => typeof secret === "string" && secret !== "");
  }

  of(text) {
    return this.#secrets.reduce((shown, secret) => shown.replaceAll(secret, "***"), text);
  }
}

/**
 * @param {{ label: string, method: string, path: string, headers?: object, body?: unknown, keep?: object }[]} requests
 * @param {{ baseUrl: string, credentials: object, redaction: Redaction, patienceMillis?: number }} target
 * @returns {Promise<object[]>} the exchanges, in the form of tests/fixtures
 */
export async function record(requests, target) {
  const kept = new Map();
  const exchanges = [];
  for (const request of requests) {
    const exchange = await exchangeOf(fillIn(request, kept), target);
    const body = exchange.response.chunks.map(([, text]) => text).join("");
    for (const [name, pattern] of Object.entries(request.keep ?? {})) {
      const found = new RegExp(pattern).exec(body)?.[1];
      if (found === undefined)
        throw new Error(`${request.label}: the response contains no match of ${pattern} to keep as ${name}.`);
      kept.set(name, found);
    }
    exchanges.push(redacted(exchange, target.redaction));
  }
  return exchanges;
}

async function exchangeOf({ label, method, path, headers = {}, body = null }, target) {
  const text = body === null ? undefined : typeof body === "string" ? body : JSON.stringify(body);
  const isTyped = Object.keys(headers).some((name) => name.toLowerCase() === "content-type");
  const sent = { ...(text !== undefined && !isTyped && { "content-type": "application/json" }), ...headers };
  const startedAt = performance.now();
  const seconds = () => Math.round(performance.now() - startedAt) / 1_000;
  const response = { status: null, headers: {}, chunks: [], end_at: 0, error: null };
  const signal = AbortSignal.timeout(target.patienceMillis ?? PATIENCE_MILLIS);
  try {
    const received = await fetch(target.baseUrl + path, {
      method,
      headers: { ...sent, ...target.credentials },
      body: text,
      redirect: "manual",
      signal,
    });
    response.status = received.status;
    response.headers = Object.fromEntries([...received.headers].filter(([name]) => !LEFT_OUT.test(name)));
    // One decoder for all chunks, so that a character cut in two appears in the later chunk.
    const decoder = new TextDecoder();
    for await (const chunk of received.body ?? []) {
      response.chunks.push([seconds(), decoder.decode(chunk, { stream: true })]);
    }
  } catch (error) {
    response.error = signal.aborted
      ? "still open when the recorder stopped waiting"
      : String(error.cause ?? error);
  }
  response.end_at = seconds();
  const shownHeaders = Object.fromEntries(Object.entries(sent).filter(([name]) => !LEFT_OUT.test(name)));
  return { label, request: { method, path, headers: shownHeaders, body }, response };
}

function fillIn(request, kept) {
  const fill = (text) =>
    text.replaceAll(/\{\{(\w+)\}\}/g, (_, name) => {
      if (!kept.has(name)) throw new Error(`${request.label}: no earlier request kept ${name}.`);
      return kept.get(name);
    });
  const { body = null } = request;
  return {
    ...request,
    path: fill(request.path),
    body: typeof body === "string" ? fill(body) : JSON.parse(fill(JSON.stringify(body))),
  };
}

function redacted(exchange, redaction) {
  return JSON.parse(redaction.of(JSON.stringify(exchange)));
}
