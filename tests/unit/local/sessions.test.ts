import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import http2 from "node:http2";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { EventStream } from "../../../src/local/supervisor/http/event-stream.js";
import { PipePool } from "../../../src/local/supervisor/pipes.js";
import { Sessions } from "../../../src/local/supervisor/commands/sessions.js";
import { parseEvents } from "../../helpers/local-sandbox.js";

let directory: string;
let sessions: Sessions;
let server: http2.Http2Server;
let client: http2.ClientHttp2Session;
let pipes: PipePool;

beforeAll(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), "sessions-"));
  // The directory for a session's own files.
  jest.spyOn(os, "tmpdir").mockReturnValue(directory);
  pipes = new PipePool(directory);
  const configuration = {
    workspace: directory,
    scratch: directory,
    env: { PATH: process.env["PATH"] ?? "" },
    languages: {},
    prewarm: [],
    jupyterPorts: [],
    mounts: [],
    limits: null,
  };
  sessions = new Sessions(configuration, pipes);
  server = http2.createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("no port");
  client = http2.connect(`http://127.0.0.1:${address.port}`);
});
afterAll(async () => {
  client.close();
  server.close();
  jest.restoreAllMocks();
  await rm(directory, { recursive: true });
});

/** Returns the response that a client receives on this stream. */
async function answerOf(answer: (stream: http2.ServerHttp2Stream) => Promise<void>): Promise<string> {
  server.once("stream", (stream) => void answer(stream));
  const request = client.request({ ":method": "POST", ":path": "/" });
  request.setEncoding("utf8");
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}

const sleeping = { command: "sleep 5; echo never", cwd: "", timeoutMs: 0 };

test("a session that is deleted at the first event of a run ends it", async () => {
  const id = sessions.create("");
  class DeletingStream extends EventStream {
    override start(runId: string): void {
      super.start(runId);
      sessions.delete(id);
    }
  }
  const text = await answerOf((stream) => sessions.run(id, sleeping, new DeletingStream(stream)));
  expect(parseEvents(text).filter(({ type }) => type !== "ping")).toMatchObject([
    { type: "init", text: id },
    { type: "error", error: { ename: "CommandExecError", evalue: "-1", traceback: ["signal: killed"] } },
  ]);
});

test("a session that is deleted before its run starts does not run", async () => {
  const id = sessions.create("");
  let failure: unknown;
  await answerOf(async (stream) => {
    const running = sessions.run(id, sleeping, new EventStream(stream));
    sessions.delete(id);
    await running.catch((error: unknown) => (failure = error));
    stream.respond({ ":status": 500 }, { endStream: true });
  });
  expect(failure).toMatchObject({ message: "error running in session. context not found" });
});
