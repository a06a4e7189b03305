import { setTimeout as delay } from "node:timers/promises";
import { once } from "node:events";
import { encodeJson } from "../../wire/frames.js";
import { STREAM_HEADERS } from "../http/event-stream.js";
import { sendJson } from "../http/responses.js";
import type { ExecdRequest, RouteTable } from "../http/routes.js";
import type { Configuration } from "../configuration.js";
import { Meter } from "./metrics.js";

const WATCH_INTERVAL_MS = 2000;

/** Returns the routes for metrics: a single sample, and a stream of samples. */
export function metricsRoutes(configuration: Configuration): RouteTable {
  return {
    "GET /metrics": async ({ stream }) => sendJson(stream, 200, await Meter.measure(configuration)),
    "GET /metrics/watch": (request) => watch(request, configuration),
  };
}

async function watch({ stream }: ExecdRequest, configuration: Configuration): Promise<void> {
  const meter = new Meter(configuration);
  stream.respond(STREAM_HEADERS);
  stream.on("data", () => undefined);
  const gone = new AbortController();
  stream.once("close", () => gone.abort());
  while (!stream.destroyed) {
    await delay(WATCH_INTERVAL_MS, undefined, { signal: gone.signal }).catch(() => undefined);
    if (gone.signal.aborted) return;
    const line = `${encodeJson(meter.read(), { keepKeyOrder: true })}\n`;
    // A slow reader gets the next line after it has read the previous ones.
    if (!stream.write(line)) await Promise.race([once(stream, "drain"), once(stream, "close")]);
  }
}
