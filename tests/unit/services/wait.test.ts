import { describe, expect, test } from "@jest/globals";
import { InvalidArgumentException } from "../../../src/errors.js";
import { Commands } from "../../../src/services/commands.js";
import { waitForPort } from "../../../src/services/wait-for-port.js";
import { failureOf } from "../../helpers/promises.js";
import { FakeExecd } from "../../helpers/fake-server.js";

const status = { id: "c1", content: "server", running: true, started_at: "2026-11-23T16:45:06Z" };
const ended = { ...status, running: false, exit_code: 3, finished_at: "2026-11-23T16:45:07Z" };

/** An execd with a command whose output arrives in pieces, one for each request, and which ends after the last one. */
function printing(...pieces: readonly string[]): FakeExecd {
  let sent = 0;
  return new FakeExecd(({ line }) => {
    if (line.startsWith("GET /command/status/")) return Response.json(sent < pieces.length ? status : ended);
    const text = pieces.slice(sent, (sent += 1)).join("");
    const end = new TextEncoder().encode(pieces.slice(0, sent).join("")).length;
    return new Response(text, { headers: { "EXECD-COMMANDS-TAIL-CURSOR": String(end) } });
  });
}

const handleOf = (server: FakeExecd) => new Commands(server.link).attach("c1");

describe("waitForOutput", () => {
  test("resolves to the match, even if it arrives in two pieces", async () => {
    const handle = handleOf(printing("listening on po", "rt 8000 now", "never read"));
    const match = await handle.waitForOutput(/port (\d+) /g);
    expect([...match]).toEqual(["port 8000 ", "8000"]);
  });

  test("matches a text literally", async () => {
    const [text] = await handleOf(printing("a+b [ready]? yes")).waitForOutput("[ready]?");
    expect(text).toBe("[ready]?");
  });

  test("rejects with the exit code and the last output if the command ends", async () => {
    expect(
      await failureOf(handleOf(printing("starting\n", "no such file\n")).waitForOutput(/ready/)),
    ).toMatchObject({
      code: "COMMAND_ENDED",
      message:
        'The command ended with exit code 3 without printing /ready/. Its last output: "starting\\nno such file\\n"',
      sandboxId: "sandbox-1",
    });
  });

  test("rejects after its time limit", async () => {
    const silent = new FakeExecd(({ line }) =>
      line.startsWith("GET /command/status/") ? Response.json(status) : new Response(""),
    );
    expect(await failureOf(handleOf(silent).waitForOutput("ready", { timeoutSeconds: 0.05 }))).toMatchObject({
      name: "SandboxTimeoutException",
      code: "WAIT_TIMEOUT",
      message: "The command ran for 0.05 s without printing ready. It has printed nothing.",
    });
  });

  test("rejects with the reason of the signal", async () => {
    const controller = new AbortController();
    const waiting = handleOf(printing("some", "thing")).waitForOutput("else", { signal: controller.signal });
    controller.abort("enough");
    await expect(waiting).rejects.toBe("enough");
  });

  test.each([[""], [7], [null]])("refuses the pattern %p before anything is sent", async (pattern) => {
    const server = printing();
    expect(await failureOf(handleOf(server).waitForOutput(pattern as string))).toBeInstanceOf(
      InvalidArgumentException,
    );
    expect(server.lines).toEqual([]);
  });
});

test.each([[0], [65_536], [1.5], ["80"]])(
  "waitForPort refuses the port %p before anything is sent",
  async (port) => {
    const server = printing();
    const waiting = waitForPort(new Commands(server.link), "sandbox", port as number, {});
    expect(await failureOf(waiting)).toBeInstanceOf(InvalidArgumentException);
    expect(server.lines).toEqual([]);
  },
);
