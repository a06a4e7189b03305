import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { BoxRequest } from "../../box/supervisor-session.js";
import { encodeInBandError } from "../../wire/frames.js";
import type { Faults } from "./faults.js";
import {
  encodeFrame,
  limitBytes,
  parseFrame,
  transformFrames,
  type Frame,
  type Outcome,
} from "./frame-transform.js";

const BUSY = encodeInBandError("RUNTIME_ERROR", "error running codes session is busy");
const OUTPUT = new Set(["stdout", "stderr", "result", "execution_count", "error"]);

type Send = (request: BoxRequest) => Promise<Response>;

/** The request that a response belongs to. */
interface Origin {
  readonly request: BoxRequest;
  readonly path: string;
  /** For a code run: the result of {@link contextOf}. */
  readonly context?: string;
}

/** Injects faults between clients and a sandbox. */
export class FaultInjector {
  readonly #startedAt = Date.now();
  /** Contexts that hang, by id; default contexts also by language. */
  readonly #hung = new Set<string>();
  #failures = 0;

  /** Whether neither the faults nor earlier requests affect the next one. */
  isHealthy(faults: Faults): boolean {
    return this.#hung.size === 0 && Object.values(faults).every((value) => value === undefined);
  }

  /** Forwards a request with faults injected. @throws {Error} for an injected 502 */
  async request(request: BoxRequest, faults: Faults, send: Send): Promise<Response> {
    this.#failIfDue(faults);
    const url = new URL(`http://box${request.path}`);
    const route = `${request.method} ${url.pathname}`;
    if (route === "POST /code") return this.#runCode(request, faults, send);
    this.#forgetDeleted(request.method, url);
    const response = await send(request);
    return this.#transform(response, faults, { request, path: url.pathname });
  }

  #failIfDue({ badGatewayRate = 0, slowStartMillis = 0 }: Faults): void {
    if (Date.now() < this.#startedAt + slowStartMillis) throw new SimulatedFailure();
    // Spread evenly instead of randomly, so that a test sees the same failures every time.
    this.#failures += badGatewayRate;
    if (this.#failures < 1) return;
    this.#failures -= 1;
    throw new SimulatedFailure();
  }

  async #runCode(request: BoxRequest, faults: Faults, send: Send): Promise<Response> {
    const text = await new Response(request.body).text();
    const context = contextOf(text);
    if (faults.busy === true || this.#hung.has(context)) return busyResponse(context);
    const response = await send({ ...request, body: new Blob([text]).stream() });
    return this.#transform(response, faults, { request, path: "/code", context });
  }

  #transform(response: Response, faults: Faults, { request: { signal }, path, context }: Origin): Response {
    let { body } = response;
    const isStream = response.headers.get("content-type") === "text/event-stream";
    if (body === null || !(isStream || path === "/files/download")) return response;
    if (isStream) {
      const decide = decideFrames(faults, context !== undefined, (id) => {
        this.#hung.add(id);
        if (context !== undefined) this.#hung.add(context);
      });
      const { closingDelayMillis = 0 } = faults;
      body = body.pipeThrough(transformFrames(decide, () => delay(closingDelayMillis), signal));
    }
    const { cutAtByte, cutCleanly = false, stallAtByte } = faults;
    if (stallAtByte !== undefined) body = limitBytes(body, stallAtByte, "stall", signal);
    if (cutAtByte !== undefined) body = limitBytes(body, cutAtByte, cutCleanly ? "end" : "break", signal);
    const headers = new Headers(response.headers);
    // Without the length, the client takes the cut body for complete.
    if (cutCleanly) headers.delete("content-length");
    return new Response(body, { status: response.status, headers });
  }

  #forgetDeleted(method: string, { pathname, searchParams }: URL): void {
    if (method !== "DELETE") return;
    const [, id] = /^\/code\/contexts\/([^/]+)$/.exec(pathname) ?? [];
    if (id !== undefined) this.#hung.delete(decodeURIComponent(id));
    const language = searchParams.get("language");
    if (pathname === "/code/contexts" && language !== null) this.#hung.clear();
  }
}

/** The gateway reports this as 502. */
class SimulatedFailure extends Error {
  constructor() {
    super("All connection attempts failed (injected fault)");
  }
}

/** Decides what happens to each frame of one response. */
function decideFrames(
  faults: Faults,
  isCode: boolean,
  onHang: (contextId: string) => void,
): (frame: Frame) => Outcome {
  let completed = false;
  let id = "";
  return ({ text, type, event }) => {
    if (type === "init") id = String(event["text"]);
    if (faults.inBandError !== undefined && type !== "init" && type !== "ping") {
      const { code, message } = faults.inBandError;
      return { send: [encodeInBandError(code, message)], end: true };
    }
    if (!isCode) return { send: [text] };
    if (faults.hangAfterKernelDeath === true && isKernelDeath(event)) {
      onHang(id);
      return { send: [], hang: true };
    }
    if (faults.lostResult === true && (type === "result" || type === "execution_count")) return { send: [] };
    if (faults.earlyCompletion === true && type !== undefined) {
      if (completed) return { send: type === "execution_complete" ? [] : [text] };
      completed = type === "execution_complete" || OUTPUT.has(type);
      if (OUTPUT.has(type)) {
        const timestamp = event["timestamp"];
        return { send: [encodeFrame({ type: "execution_complete", execution_time: 5, timestamp }), text] };
      }
    }
    return { send: [text] };
  };
}

function isKernelDeath(event: Frame["event"]): boolean {
  const { error } = event;
  return typeof error === "object" && error !== null && "ename" in error && error.ename === "KernelDied";
}

/** Identifies a context before its id is known: by the id, or by the language of a default context. */
function contextOf(body: string): string {
  const { context } = parseFrame(body).event;
  if (typeof context !== "object" || context === null) return "";
  const id = "id" in context && typeof context.id === "string" ? context.id : "";
  const language = "language" in context && typeof context.language === "string" ? context.language : "";
  return id === "" ? language : id;
}

function busyResponse(context: string): Response {
  const id = context.includes("-") ? context : randomUUID();
  const init = encodeFrame({ type: "init", text: id, timestamp: Date.now() });
  return new Response(init + BUSY, {
    status: 200,
    headers: { "content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no" },
  });
}
