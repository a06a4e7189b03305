import { spawn, spawnSync } from "node:child_process";
import { chownSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { NoIsolation } from "../../src/local/box/isolation/none.js";
import { Trees } from "../../src/local/host/trees.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

const BUILT = path.join(__dirname, "../../dist/local/index.mjs");
const FILES = 200;
const DIRECTORIES = 40;
const ROUNDS = 2;
/** `nobody`, as Debian numbers it. */
const USER = 65_534;

/**
 * Many processes exchange directories for links to the user's files, as fast as they can. What removes the directories by
 * their paths follows a link now and then, and removes the user's files instead.
 */
const RACE = `
import ctypes, os, sys
libc = ctypes.CDLL(None)
os.mkdir("A"); os.mkdir("B")
for pair in range(${DIRECTORIES}):
    os.mkdir(f"A/{pair}"); os.symlink(sys.argv[1], f"B/{pair}")
    for file in range(${FILES}): open(f"A/{pair}/{file}", "w").close()
names = [(b"A/%d" % pair, b"B/%d" % pair) for pair in range(${DIRECTORIES})]
for process in range(150):
    if os.fork() == 0:
        os.setsid()
        while True:
            for a, b in names[process % 7:]: libc.renameat2(-100, a, -100, b, 2)
`;

const program = (victim: string, ending: string) => `
import { setTimeout as delay } from "node:timers/promises";
import { startLocalServer } from ${JSON.stringify(pathToFileURL(BUILT).href)};
const server = await startLocalServer({ port: false, pythonShell: "plain" });
const headers = { "open-sandbox-api-key": server.connectionConfig.apiKey, "content-type": "application/json" };
const send = (method, path, body) => server.fetch(server.url + path, { method, headers, body: body && JSON.stringify(body) });
const { id } = await (await send("POST", "/v1/sandboxes", { image: { uri: "x" }, entrypoint: ["x"], resourceLimits: {} })).json();
const endpoint = await (await send("GET", "/v1/sandboxes/" + id + "/endpoints/44772")).json();
const command = ${JSON.stringify(`python3 -c '${RACE}' ${victim} >/dev/null 2>&1 </dev/null`)};
await (await server.fetch("http://" + endpoint.endpoint + "/command", { method: "POST", headers: endpoint.headers, body: JSON.stringify({ command }) })).text();
console.log("racing");
${ending}
`;

const WAIT_FOR_SIGNAL = "setInterval(() => undefined, 1000);";
const ENDINGS = [
  ["its deletion", `await send("DELETE", "/v1/sandboxes/" + id); await server.close();`, null],
  [
    "its expiry",
    `server.setFaults(id, { expiresInMillis: 0 });
     while ((await send("GET", "/v1/sandboxes/" + id)).ok) await delay(5);
     await server.close();`,
    null,
  ],
  ["the close of the server", "await server.close();", null],
  ["SIGTERM", WAIT_FOR_SIGNAL, "SIGTERM"],
  ["SIGHUP", WAIT_FOR_SIGNAL, "SIGHUP"],
  ["SIGKILL and the start of another server", WAIT_FOR_SIGNAL, "SIGKILL"],
] as const;

const isRoot = process.getuid?.() === 0;
const asUser = ["setpriv", `--reuid=${USER}`, `--regid=${USER}`, "--clear-groups", "--"] as const;
const reads = `require("node:fs").readFileSync(${JSON.stringify(BUILT)})`;
const canBeUser =
  isRoot && spawnSync(asUser[0], [...asUser.slice(1), process.execPath, "-e", reads]).status === 0;

describeIf(
  isolationWorks && hasPython,
  "local/isolation-race",
  `${NO_ISOLATION_REASON}, or there is no Python`,
)("while processes of a sandbox exchange directories for links to the user's files", () => {
  race([], process.getuid?.() ?? 0);
});

describeIf(
  isolationWorks && hasPython && canBeUser,
  "local/isolation-race, as an ordinary user",
  "the tests do not run as root, or another user cannot read the built files",
)("the same for a server of an ordinary user", () => {
  race(asUser, USER);
});

function race(wrapper: readonly string[], uid: number): void {
  let temporary: string;
  let victim: string;
  beforeEach(() => {
    temporary = mkdtempSync(path.join(os.tmpdir(), "race-"));
    victim = mkdtempSync(path.join(os.tmpdir(), "victim-"));
    for (let file = 0; file < FILES; file++) writeFileSync(path.join(victim, String(file)), "precious");
    for (const name of readdirSync(victim)) chownSync(path.join(victim, name), uid, uid);
    for (const directory of [temporary, victim]) chownSync(directory, uid, uid);
    mkdirSync(path.join(temporary, "home"));
  });
  afterEach(async () => {
    const trees = new Trees(new NoIsolation());
    for (const directory of [temporary, victim]) await trees.empty(directory);
  });

  async function start(source: string) {
    const [command, ...args] = [...wrapper, process.execPath, "--input-type=module", "-e", source];
    const child = spawn(command, args, {
      cwd: "/",
      env: { PATH: process.env["PATH"], TMPDIR: temporary, HOME: path.join(temporary, "home") },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = once(child, "close");
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
    const line = await createInterface(child.stdout)[Symbol.asyncIterator]().next();
    if (line.done === true) throw new Error(complaint);
    return { child, ended };
  }

  test.each(ENDINGS)(
    "%s removes the sandbox's files and none of the user's",
    async (_what, ending, signal) => {
      for (let round = 0; round < ROUNDS; round++) {
        const { child, ended } = await start(program(victim, ending));
        if (signal !== null) child.kill(signal);
        await ended;
        if (signal === "SIGKILL") {
          const url = JSON.stringify(pathToFileURL(BUILT).href);
          const next = `import { startLocalServer } from ${url}; const server = await startLocalServer({ port: false }); console.log("started"); await server.close();`;
          await (
            await start(next)
          ).ended;
        }
        expect(readdirSync(victim)).toHaveLength(FILES);
        expect(readdirSync(temporary)).toEqual(["home"]);
      }
    },
    300_000,
  );
}
