// The server of the benchmark, in a separate process. It acts as lifecycle server and as execd, and replays execd's
// frames. The code or command says what to send, as JSON: `{"events": 1000}`.
import { createServer } from "node:http";
import { performance } from "node:perf_hooks";

/** The size of a write: about what the kernel delivers at once on a busy connection. */
const BLOCK_BYTES = 64 * 1024;
const TIMESTAMP = 1_760_000_000_000;
const ID = "0f2f6c1e-8f2b-4e0d-9a57-7d3f0f6f5b1a";

/** Requests since the last reset, to count them and those that had to wait. */
let requests = [];
let connections = 0;

const server = createServer(async (incoming, outgoing) => {
  const { pathname, searchParams } = new URL(incoming.url, "http://127.0.0.1");
  if (pathname === "/bench") return answerJson(outgoing, report(searchParams.has("reset")));
  const record = { name: `${incoming.method} ${pathname}`, start: performance.now(), end: Infinity };
  requests.push(record);
  outgoing.once("finish", () => (record.end = performance.now()));
  try {
    await route(incoming, outgoing, pathname, searchParams);
  } catch {
    outgoing.destroy();
  }
});
server.keepAliveTimeout = 60_000;
server.on("connection", () => (connections += 1));
server.listen(0, "127.0.0.1", () => process.send(server.address().port));
// The benchmark has ended.
process.on("disconnect", () => process.exit());

async function route(incoming, outgoing, pathname, searchParams) {
  switch (
    `${incoming.method} ${pathname.replace(/^\/v1/, "").replace(/^\/sandboxes\/[^/]+/, "/sandboxes/ID")}`
  ) {
    case "POST /sandboxes":
      await readText(incoming);
      return answerJson(outgoing, sandbox(), 202);
    case "GET /sandboxes/ID":
      return answerJson(outgoing, sandbox());
    case "GET /sandboxes/ID/endpoints/44772":
    case "GET /sandboxes/ID/endpoints/18080":
      return answerJson(outgoing, { endpoint: `127.0.0.1:${server.address().port}`, headers: {} });
    case "GET /ping":
      return void outgoing.end();
    case "POST /metrics/events":
      await readText(incoming);
      return void outgoing.writeHead(204).end();
    case "POST /code": {
      const { code } = JSON.parse(await readText(incoming));
      return await run(outgoing, JSON.parse(code));
    }
    case "POST /command": {
      const { command } = JSON.parse(await readText(incoming));
      return await run(outgoing, command === "true" ? { closingDelayMillis: 1_000 } : JSON.parse(command));
    }
    case "POST /files/upload":
      return void incoming.resume().once("end", () => outgoing.end());
    case "GET /files/download":
      return await download(outgoing, Number(searchParams.get("path").slice(1)));
    default:
      return answerJson(outgoing, { code: "NOT_FOUND", message: pathname }, 404);
  }
}

/** Responds to one run like execd: `init`, the requested events, `execution_complete`. */
async function run(
  outgoing,
  { events = 0, eventBytes = 100, pictureBytes = 0, closingDelayMillis = 0, flushEach },
) {
  outgoing.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  const write = writerOf(outgoing);
  await write(frame({ type: "init", text: ID, timestamp: TIMESTAMP }));
  const line = frame({ type: "stdout", text: textOf(eventBytes), timestamp: TIMESTAMP });
  if (flushEach) {
    for (let sent = 0; sent < events; sent += 1) await write(line);
  } else {
    const perBlock = Math.max(1, Math.floor(BLOCK_BYTES / line.length));
    const block = Buffer.from(line.repeat(Math.min(perBlock, events)));
    for (let left = events; left > 0; left -= perBlock) {
      await write(left >= perBlock ? block : block.subarray(0, left * line.length));
    }
  }
  if (pictureBytes > 0) await picture(write, pictureBytes);
  await write(frame({ type: "execution_complete", execution_time: 1, timestamp: TIMESTAMP }));
  // execd has sent the terminal event, but keeps the response open.
  if (closingDelayMillis > 0) await new Promise((resolve) => setTimeout(resolve, closingDelayMillis));
  outgoing.end();
}

/** Sends one large result, like a picture: base64 in a single frame. */
async function picture(write, bytes) {
  const block = Buffer.alloc(BLOCK_BYTES, "iVBORw0KGgoAAAANSUhEUgAAB4AAAAQ4CAYAAADo08FDAAAAOXRFWHRTb2Z0d2Fy");
  await write(`{"type":"result","timestamp":${TIMESTAMP},"results":{"image/png":"`);
  for (let left = bytes; left > 0; left -= BLOCK_BYTES)
    await write(block.subarray(0, Math.min(left, BLOCK_BYTES)));
  await write('"}}\n\n');
}

async function download(outgoing, bytes) {
  outgoing.writeHead(200, { "content-type": "application/octet-stream", "content-length": bytes });
  const write = writerOf(outgoing);
  const block = Buffer.alloc(BLOCK_BYTES, 7);
  for (let left = bytes; left > 0; left -= BLOCK_BYTES)
    await write(block.subarray(0, Math.min(left, BLOCK_BYTES)));
  outgoing.end();
}

/** Writes no faster than the client reads. */
function writerOf(outgoing) {
  let resume = () => undefined;
  for (const event of ["drain", "close"]) outgoing.on(event, () => resume());
  return async (bytes) => {
    if (!outgoing.write(bytes)) await new Promise((resolve) => (resume = resolve));
    if (outgoing.destroyed) throw new Error("the client disconnected");
  };
}

/** Returns text that makes the whole event this long as JSON. */
function textOf(eventBytes) {
  const around = frame({ type: "stdout", text: "\n", timestamp: TIMESTAMP }).length;
  return `${"the quick brown fox jumps over the lazy dog ".repeat(eventBytes).slice(0, eventBytes - around)}\n`;
}

function frame(value) {
  return `${JSON.stringify(value)}\n\n`;
}

function sandbox() {
  return {
    id: ID,
    image: { uri: "bench" },
    entrypoint: ["sleep"],
    metadata: {},
    status: { state: "Running" },
    createdAt: "2026-01-01T00:00:00Z",
    expiresAt: "2036-01-01T00:00:00Z",
  };
}

/** @returns the requests, the number of them that had to wait, and the connections since the last reset */
function report(reset) {
  let inSequence = 0;
  let lastEnd = -Infinity;
  for (const { start, end } of requests.toSorted((one, other) => one.end - other.end)) {
    if (start < lastEnd) continue;
    inSequence += 1;
    lastEnd = end;
  }
  const answer = { requests: requests.map(({ name }) => name), inSequence, connections };
  if (reset) {
    requests = [];
    connections = 0;
  }
  return answer;
}

async function readText(incoming) {
  let text = "";
  for await (const chunk of incoming.setEncoding("utf8")) text += chunk;
  return text;
}

function answerJson(outgoing, value, status = 200) {
  outgoing.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}
