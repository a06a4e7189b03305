import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { BoxRequest } from "../../box/box.js";
import { encodeInBandError } from "../../http/frames.js";
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

/** What an answer is an answer to. */
interface Origin {
  readonly request: BoxRequest;
  readonly path: string;
  /** Of a code run: what {@link contextOf} says. */
  readonly context?: string;
}

/** What stands between clients and a sandbox that misbehaves. */
export class FaultySandbox {
  readonly #startedAt = Date.now();
  /** Contexts that hang, by id; a language's default context also by the language. */
  readonly #hung = new Set<string>();
  #failures = 0;

  /** Whether nothing of what is asked for, or happened before, can make a difference. */
  isHealthy(faults: Faults): boolean {
    return this.#hung.size === 0 && Object.values(faults).every((value) => value === undefined);
  }

  /** @throws {Error} for a 502 */
  async request(request: BoxRequest, faults: Faults, send: Send): Promise<Response> {
    this.#failIfDue(faults);
    const url = new URL(`http://box${request.path}`);
    const route = `${request.method} ${url.pathname}`;
    if (route === "POST /code") return this.#runCode(request, faults, send);
    this.#forgetDeleted(request.method, url);
    const answer = await send(request);
    return this.#transform(answer, faults, { request, path: url.pathname });
  }

  #failIfDue({ badGatewayRate = 0, slowStartMillis = 0 }: Faults): void {
    if (Date.now() < this.#startedAt + slowStartMillis) throw new SimulatedFailure();
    // Evenly spread instead of at random, so that a test meets the same failures every time.
    this.#failures += badGatewayRate;
    if (this.#failures < 1) return;
    this.#failures -= 1;
    throw new SimulatedFailure();
  }

  async #runCode(request: BoxRequest, faults: Faults, send: Send): Promise<Response> {
    const text = await new Response(request.body).text();
    const context = contextOf(text);
    if (faults.busy === true || this.#hung.has(context)) return busyAnswer(context);
    const answer = await send({ ...request, body: new Blob([text]).stream() });
    return this.#transform(answer, faults, { request, path: "/code", context });
  }

  #transform(answer: Response, faults: Faults, { request: { signal }, path, context }: Origin): Response {
    let { body } = answer;
    const isStream = answer.headers.get("content-type") === "text/event-stream";
    if (body === null || !(isStream || path === "/files/download")) return answer;
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
    const headers = new Headers(answer.headers);
    // A body that ends early is complete only for who does not know its length.
    if (cutCleanly) headers.delete("content-length");
    return new Response(body, { status: answer.status, headers });
  }

  #forgetDeleted(method: string, { pathname, searchParams }: URL): void {
    if (method !== "DELETE") return;
    const [, id] = /^\/code\/contexts\/([^/]+)$/.exec(pathname) ?? [];
    if (id !== undefined) this.#hung.delete(decodeURIComponent(id));
    const language = searchParams.get("language");
    if (pathname === "/code/contexts" && language !== null) this.#hung.clear();
  }
}

/** What the gateway reports as 502. */
class SimulatedFailure extends Error {
  constructor() {
    super("All connection attempts failed (a fault that was asked for)");
  }
}

/** Decides frame by frame, for one answer. */
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

/** What tells contexts apart before they are known: the id, or the language of a default context. */
function contextOf(body: string): string {
  const { context } = parseFrame(body).event;
  if (typeof context !== "object" || context === null) return "";
  const id = "id" in context && typeof context.id === "string" ? context.id : "";
  const language = "language" in context && typeof context.language === "string" ? context.language : "";
  return id === "" ? language : id;
}

function busyAnswer(context: string): Response {
  const id = context.includes("-") ? context : randomUUID();
  const init = encodeFrame({ type: "init", text: id, timestamp: Date.now() });
  return new Response(init + BUSY, {
    status: 200,
    headers: { "content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no" },
  });
}
