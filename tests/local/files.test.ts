import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { OTHER_DIFFERENCES } from "../conformance/other-differences.js";
import { comparable, form, recorded } from "../helpers/execd-answers.js";
import { type LocalSandbox, startSandbox } from "../helpers/local-sandbox.js";
import { loadFixture } from "../helpers/fixtures.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

let sandbox: LocalSandbox;

const describeIsolated = describeIf(isolationWorks, "local/files", NO_ISOLATION_REASON);

beforeAll(async () => {
  if (isolationWorks) sandbox = await startSandbox();
});
afterAll(async () => {
  if (isolationWorks) await sandbox[Symbol.asyncDispose]();
});

describeIsolated("recorded requests for files", () => {
  /** What was there besides what the recorded requests made themselves. */
  const PREPARATION = [
    String.raw`for byte in $(seq 0 255); do printf "\\x$(printf %x "$byte")"; done > ft/b/1.bin; chmod 600 ft/b/1.bin`,
    "printf second > ft/b/2.txt; chmod 755 ft/b/2.txt; ln -s /workspace/ft/a ft/link; ln -s /nope ft/dangling",
    `printf u > 'ft/a/世界 "q".txt'; chmod 755 ft/a/*q*`,
  ];
  /** Where the response here is another one, on purpose or since a box has one user. */
  const DIFFERENT = new Set(Object.keys(OTHER_DIFFERENCES["execd-files"]));

  test("get the recorded responses", async () => {
    const differences: string[] = [];
    let isPrepared = false;
    for (const exchange of loadFixture("execd-files")) {
      if (exchange.label === "info" && !isPrepared) {
        isPrepared = true;
        const { ending } = await sandbox.command(PREPARATION.join("\n"));
        expect(ending).toBe("execution_complete");
      }
      const { status, headers, text } = await sandbox.repeat(exchange);
      const answer = comparable(status, headers, text);
      if (DIFFERENT.has(exchange.label)) {
        if (JSON.stringify(answer) !== JSON.stringify(recorded(exchange))) differences.push(exchange.label);
        continue;
      }
      expect({ of: exchange.label, ...answer }).toEqual({ of: exchange.label, ...recorded(exchange) });
    }
    // A difference that no longer exists does not belong in the list.
    expect(new Set(differences)).toEqual(DIFFERENT);
  });
});

describeIsolated("an upload", () => {
  test("keeps the bytes, whatever they contain", async () => {
    const content = "\r\n--\r\n--A\r\n\r\n--B-not\n\0 ünïcödé \u{1f389}\r\n".replace("--B", "--C");
    expect(await sandbox.upload("/workspace/up/odd.txt", content)).toMatchObject({ status: 200, text: "" });
    expect(await sandbox.read("/workspace/up/odd.txt")).toBe(content);
  });

  test("of several files writes each, and none where one does not fit", async () => {
    const files = form([
      [{ path: "/workspace/up/1" }, "one"],
      [{ path: "/workspace/up/2" }, "two"],
    ]);
    expect((await sandbox.send("POST", "/files/upload", files)).status).toBe(200);
    expect(await sandbox.read("/workspace/up/2")).toBe("two");
    const withoutPath = form([
      [{ path: "/workspace/up/3" }, "three"],
      [{}, "four"],
    ]);
    expect((await sandbox.send("POST", "/files/upload", withoutPath)).status).toBe(400);
    expect((await sandbox.send("GET", "/files/info?path=/workspace/up/3")).status).toBe(404);
  });

  test("that breaks off changes and leaves nothing", async () => {
    await sandbox.upload("/workspace/broken/file", "old");
    const { body, headers } = form([[{ path: "/workspace/broken/file" }, "new".repeat(100_000)]]);
    const cut = { headers, body: body.slice(0, -20) };
    const answer = await sandbox.send("POST", "/files/upload", cut);
    expect(answer.status).toBe(400);
    expect(answer.text).toContain("unexpected EOF");
    expect(await sandbox.read("/workspace/broken/file")).toBe("old");
    expect((await sandbox.command("ls -A /workspace/broken")).stdout).toBe("file");
  });

  test("that its client aborts leaves nothing", async () => {
    const { body, headers } = form([[{ path: "/workspace/aborted/file" }, "x".repeat(100_000)]]);
    const controller = new AbortController();
    let pulls = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(stream) {
        stream.enqueue(new TextEncoder().encode(pulls === 0 ? body.slice(0, 50_000) : "x"));
        if (++pulls === 3) controller.abort(new Error("enough"));
      },
    });
    const sending = sandbox.send("POST", "/files/upload", {
      headers,
      body: endless,
      signal: controller.signal,
    });
    await expect(sending).rejects.toThrow("enough");
    const looking =
      "for i in $(seq 200); do ls -A /workspace | grep -q upload- || break; sleep 0.02; done; ls -A /workspace";
    expect((await sandbox.command(looking)).stdout).not.toMatch(/upload-|aborted/);
  });

  test("into a file that is there keeps its mode and its other names", async () => {
    await sandbox.upload("/workspace/kept", "old", { mode: 640 });
    await sandbox.command("ln /workspace/kept /workspace/other-name");
    await sandbox.upload("/workspace/kept", "new");
    expect(await sandbox.read("/workspace/other-name")).toBe("new");
    expect((await sandbox.command("stat -c %a /workspace/kept")).stdout).toBe("640");
  });

  test("of a body that is not a form is refused", async () => {
    const answer = await sandbox.send("POST", "/files/upload", { body: "{}" });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain("multipart");
  });
});

describeIsolated("a download", () => {
  const range = (value: string, path = "/workspace/digits") =>
    sandbox.send("GET", `/files/download?path=${path}`, { headers: { range: value } });

  beforeAll(async () => {
    await sandbox.upload("/workspace/digits", "0123456789");
    await sandbox.upload("/workspace/empty", "");
  });

  test.each([
    ["bytes=2-4", 206, "234", "bytes 2-4/10"],
    ["bytes=7-", 206, "789", "bytes 7-9/10"],
    ["bytes=-2", 206, "89", "bytes 8-9/10"],
    ["bytes=-20", 206, "0123456789", "bytes 0-9/10"],
    ["bytes=8-100", 206, "89", "bytes 8-9/10"],
    ["bytes=0-0,5-6", 206, "0", "bytes 0-0/10"],
    ["bytes=10-", 416, "invalid range: failed to overlap\n", "bytes */10"],
    ["lines=1-2", 416, '{"code":"UNKNOWN"}', null],
  ])("of %s is %d", async (value, status, text, contentRange) => {
    const answer = await range(value);
    expect(answer).toMatchObject({ status, text });
    expect(answer.headers.get("content-range")).toBe(contentRange);
    expect(answer.headers.get("content-length")).toBe(String(text.length));
  });

  test("of an empty file fits no range", async () => {
    expect((await range("bytes=0-", "/workspace/empty")).status).toBe(416);
  });

  test("of many lines is the window of them", async () => {
    await sandbox.command("seq 1 200000 > /workspace/lines");
    const all = await sandbox.send("GET", "/files/download?path=/workspace/lines&offset=1");
    expect(all.text.split("\n")).toHaveLength(200_000);
    const some = await sandbox.send("GET", "/files/download?path=/workspace/lines&offset=199999&limit=5");
    expect(some.text).toBe("199999\n200000");
  });

  test("of a file that is not there is 404", async () => {
    const answer = await sandbox.send("GET", "/files/download?path=/workspace/none");
    expect(answer.status).toBe(404);
    expect(JSON.parse(answer.text)).toMatchObject({ code: "FILE_NOT_FOUND" });
  });

  test("that nobody reads holds up no other request", async () => {
    await sandbox.command("head -c 20000000 /dev/zero > /workspace/zeros");
    const unread = await Promise.all(
      Array.from({ length: 10 }, () => sandbox.execd("GET", "/files/download?path=/workspace/zeros")),
    );
    expect((await sandbox.command("seq 1 50000 | tail -1")).stdout).toBe("50000");
    expect(await sandbox.upload("/workspace/meanwhile", "x".repeat(2_000_000))).toMatchObject({
      status: 200,
    });
    expect(await sandbox.read("/workspace/meanwhile")).toHaveLength(2_000_000);
    const bytes = await unread[0]?.arrayBuffer();
    expect(bytes?.byteLength).toBe(20_000_000);
    for (const { body } of unread.slice(1)) await body?.cancel();
  });

  test("of a named pipe does not wait for a writer", async () => {
    await sandbox.command("mkfifo /workspace/pipe");
    expect((await sandbox.send("GET", "/files/download?path=/workspace/pipe")).text).toBe("");
  });
});

describeIsolated("files of a sandbox", () => {
  test("move between its directories, with what is in them", async () => {
    await sandbox.command("mkdir -p /tmp/from/in; echo x > /tmp/from/in/file; ln -s nowhere /tmp/from/link");
    const move = [{ src: "/tmp/from", dest: "/workspace/moved/to" }];
    expect((await sandbox.send("POST", "/files/mv", { body: move })).status).toBe(200);
    const look = "cat moved/to/in/file; readlink moved/to/link; [ -e /tmp/from ] || echo gone";
    expect((await sandbox.command(look)).stdout).toBe("x\nnowhere\ngone");
  });

  test.each([
    ["/proc/x/y", 404],
    ["/etc/passwd/x", 500],
  ])("cannot be created there: %s", async (path, status) => {
    const answers = [
      await sandbox.send("POST", "/directories", { body: { [path]: {} } }),
      await sandbox.send("POST", "/session", { body: { cwd: path } }),
      await sandbox.send("POST", "/code/context", { body: { language: "python", cwd: path } }),
      await sandbox.upload(`${path}/file`, "x"),
    ];
    expect(answers.map((answer) => answer.status)).toEqual([status, 500, 500, 500]);
    for (const { text } of answers) expect(text).toContain("mkdir /");
  });

  test("are not kept by browsers, whatever part of them is read", async () => {
    await sandbox.upload("/workspace/fresh", "one\ntwo\n");
    for (const headers of [{}, { range: "bytes=0-1" }]) {
      const answer = await sandbox.send("GET", "/files/download?path=/workspace/fresh", { headers });
      expect(answer.headers.get("cache-control")).toBe("no-store");
    }
    const lines = await sandbox.send("GET", "/files/download?path=/workspace/fresh&offset=1");
    expect(lines.headers.get("cache-control")).toBe("no-store");
  });

  test("are deleted even if they are dangling links", async () => {
    await sandbox.command("ln -s /nope /workspace/dangling-link");
    await sandbox.send("DELETE", "/files?path=/workspace/dangling-link");
    expect((await sandbox.command("ls -A /workspace")).stdout).not.toContain("dangling-link");
  });

  test("are found by variables and the home", async () => {
    await sandbox.upload("$HOME/in-home", "x");
    expect(await sandbox.read("~/in-home")).toBe("x");
    for (const name of ["$NO_SUCH", "$constructor", "${__proto__}"]) {
      expect((await sandbox.send("GET", `/files/info?path=${name}/x`)).status).toBe(400);
    }
  });

  test("keep what a replacement does not match, in any encoding", async () => {
    await sandbox.command(String.raw`printf 'a\xffa\xfe' > /workspace/latin`);
    const body = { "/workspace/latin": { old: "a", new: "$&" } };
    const { text } = await sandbox.send("POST", "/files/replace?verbose=true", { body });
    expect(text).toBe('{"/workspace/latin":{"replacedCount":2}}');
    expect(
      (await sandbox.command("xxd -p /workspace/latin || od -An -tx1 /workspace/latin")).stdout.replace(
        / /g,
        "",
      ),
    ).toBe("2426ff2426fe");
  });
});
