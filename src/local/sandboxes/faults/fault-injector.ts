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
  /** Of a code run. */
  readonly context?: RequestedContext;
}

/** Where code runs; without an id in the language's default context. */
interface RequestedContext {
  readonly id: string | undefined;
  readonly language: string;
}

/** Injects faults between clients and a sandbox. */
export class FaultInjector {
  readonly #startedAt = Date.now();
  /** Contexts that hang, by id. */
  readonly #hung = new Map<string, { readonly language: string; readonly isDefault: boolean }>();
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
    const hungId = this.#findHung(context);
    if (faults.busy === true || hungId !== undefined) return busyResponse(hungId ?? context.id);
    const response = await send({ ...request, body: new Blob([text]).stream() });
    return this.#transform(response, faults, { request, path: "/code", context });
  }

  #transform(response: Response, faults: Faults, { request: { signal }, path, context }: Origin): Response {
    let { body } = response;
    const isStream = response.headers.get("content-type") === "text/event-stream";
    if (body === null || !(isStream || path === "/files/download")) return response;
    if (isStream) {
      const decide = decideFrames(faults, context !== undefined, (id) => {
        const { id: requestedId, language = "" } = context ?? {};
        this.#hung.set(id, { language, isDefault: requestedId === undefined });
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

  #findHung({ id, language }: RequestedContext): string | undefined {
    if (id !== undefined) return this.#hung.has(id) ? id : undefined;
    const [hungId] = [...this.#hung].find(([, hung]) => hung.isDefault && hung.language === language) ?? [];
    return hungId;
  }

  #forgetDeleted(method: string, { pathname, searchParams }: URL): void {
    if (method !== "DELETE") return;
    const [, id] = /^\/code\/contexts\/([^/]+)$/.exec(pathname) ?? [];
    if (id !== undefined) this.#hung.delete(decodeURIComponent(id));
    if (pathname !== "/code/contexts") return;
    const language = searchParams.get("language");
    for (const [hungId, hung] of this.#hung) if (hung.language === language) this.#hung.delete(hungId);
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

function contextOf(body: string): RequestedContext {
  const { context } = parseFrame(body).event;
  const { id, language }: Record<string, unknown> = { ...(typeof context === "object" && context) };
  return {
    id: typeof id === "string" && id !== "" ? id : undefined,
    language: typeof language === "string" ? language : "",
  };
}

function busyResponse(id: string = randomUUID()): Response {
  const init = encodeFrame({ type: "init", text: id, timestamp: Date.now() });
  return new Response(init + BUSY, {
    status: 200,
    headers: { "content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no" },
  });
}
