import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { InvalidArgumentException, SandboxApiException } from "../../src/errors.js";
import type { Files } from "../../src/services/files.js";
import { UnsentRequest } from "../../src/transport/request.js";
import { filesAt, linkTo } from "../helpers/link.js";
import { failureOf } from "../helpers/promises.js";
import { bodyOf, findExchange, loadFixture, type Exchange } from "../helpers/fixtures.js";
import { parseMultipart } from "../helpers/multipart.js";
import { disableNet, replay, restoreNet } from "../helpers/replay.js";

const origin = "http://execd.test";
const exchanges = loadFixture("execd-files");
const HELLO = "/workspace/ft/a/hello.txt";
const ROOT = "/workspace/ft";
const BINARY = "/workspace/ft/b/1.bin";

/** How the facade sends a recorded request, and the result where it is not the usual one of its kind. */
interface Case {
  readonly call: (files: Files) => Promise<unknown>;
  /** The expected result. */
  readonly gives?: unknown;
  /** The JSON body, if it is more explicit than the recorded one. */
  readonly sends?: unknown;
}

const write =
  (path: string, data: string, options: { mode?: number | null; owner?: string } = {}) =>
  (files: Files) =>
    files.writeFiles([{ path, data, mode: null, ...options }]);
const info =
  (...paths: string[]) =>
  (files: Files) =>
    files.getFileInfo(paths);
const read =
  (lines: { first?: number; count?: number }, path = HELLO) =>
  (files: Files) =>
    files.readFile(path, { lines });
const find =
  (pattern: string | undefined, path = ROOT) =>
  (files: Files) =>
    files.search(path, { pattern });
const replace = (path: string, oldContent: string, newContent: string) => (files: Files) =>
  files.replaceContents([{ path, oldContent, newContent }]);
const chmod =
  (path: string, permissions: { mode?: number; owner?: string; group?: string }) => (files: Files) =>
    files.setPermissions([{ path, ...permissions }]);
const list = (path: string, depth?: number) => (files: Files) => files.listDirectory(path, { depth });
const move = (src: string, dest: string) => (files: Files) => files.moveFiles([{ src, dest }]);

/** By label, or by label and path if the label is not unique. */
const MADE: Readonly<Record<string, Case>> = {
  upload: { call: write(HELLO, "line1\nline2\r\nline3\n\nline5", { mode: 0o644 }) },
  "upload no mode": { call: write("/workspace/ft/a/nomode.txt", "x") },
  "upload bad owner": { call: write("/workspace/ft/b/3", "1", { owner: "nope" }) },
  "upload to directory": { call: write("/workspace/ft/b", "1") },
  "upload empty file": { call: write("/workspace/ft/b/empty", "") },
  "upload tilde path": { call: write("~/.probe", "home") },
  "upload relative path": { call: write("rel_probe.txt", "rel") },
  [`info /files/info?path=${HELLO}&path=${BINARY}`]: { call: info(HELLO, BINARY) },
  "info dir": { call: info(ROOT) },
  "info missing": { call: info("/nope", ROOT) },
  "info tilde": { call: info("~/.probe") },
  [`info /files/info?path=${HELLO}`]: { call: info(HELLO) },
  "info /files/info?path=/workspace/ft/d4": { call: info("/workspace/ft/d4") },
  download: { call: (files) => files.readFile(HELLO), gives: "line1\nline2\r\nline3\n\nline5" },
  "range 0-4": { call: (files) => files.readFile(HELLO, { range: { end: 5 } }), gives: "line1" },
  "range beyond": { call: (files) => files.readBytes(HELLO, { range: { start: 1000 } }) },
  // The server takes the range for reversed; its response must not break the connection.
  "range reversed": { call: (files) => files.readBytes(HELLO, { range: { start: 5, end: 7 } }) },
  "offset=2&limit=2": { call: read({ first: 2, count: 2 }), gives: "line2\nline3" },
  "line &offset=1": { call: read({ first: 1 }), gives: "line1\nline2\nline3\n\nline5" },
  "line &offset=4": { call: read({ first: 4 }), gives: "\nline5" },
  "line &offset=2&limit=100": { call: read({ first: 2, count: 100 }), gives: "line2\nline3\n\nline5" },
  "line &offset=99": { call: read({ first: 99 }), gives: "" },
  "download symlink": {
    call: (files) => files.readFile("/workspace/ft/link/hello.txt"),
    gives: "line1\nline2\r\nline3\n\nline5",
  },
  "download unicode name": { call: (files) => files.readFile('/workspace/ft/a/世界 "q".txt'), gives: "u" },
  "search '*.txt'": { call: find("*.txt") },
  "search '**/*.txt'": { call: find("**/*.txt") },
  "search 'hello*'": { call: find("hello*") },
  "search 'a/*'": { call: find("a/*") },
  "search '?.txt'": { call: find("?.txt") },
  "search '{hello,nomode}.txt'": { call: find("{hello,nomode}.txt") },
  "search '!(hello.txt)'": { call: find("!(hello.txt)") },
  "search '['": { call: find("[") },
  "search 'HELLO*'": { call: find("HELLO*") },
  "search '*.TXT'": { call: find("*.TXT") },
  "search missing path": { call: find(undefined, "/nope") },
  // An older server does not know the parameter that requests counts.
  replace: { call: replace(HELLO, "line", "LINE"), gives: [{ path: HELLO, replacedCount: undefined }] },
  "replace verbose": {
    call: (files) =>
      files.replaceContents([
        { path: HELLO, oldContent: "LINE", newContent: "line" },
        { path: "/workspace/ft/a/nomode.txt", oldContent: "zzz", newContent: "y" },
      ]),
    gives: [
      { path: HELLO, replacedCount: 4 },
      { path: "/workspace/ft/a/nomode.txt", replacedCount: 0 },
    ],
  },
  "replace missing file": { call: replace("/nope", "a", "b") },
  "replace missing new (deletes)": {
    call: replace("/workspace/ft/a/nomode.txt", "x", ""),
    sends: { "/workspace/ft/a/nomode.txt": { old: "x", new: "" } },
    gives: [{ path: "/workspace/ft/a/nomode.txt", replacedCount: undefined }],
  },
  "replace binary": { call: replace(BINARY, "A", "Z"), gives: [{ path: BINARY, replacedCount: 1 }] },
  "replace dir": { call: replace(ROOT, "a", "b") },
  chmod: { call: chmod(HELLO, { mode: 0o600 }) },
  "chmod owner": { call: chmod(HELLO, { owner: "nobody" }) },
  "chmod missing": { call: chmod("/nope", { mode: 0o600 }) },
  "chmod bad group": {
    call: chmod(HELLO, { group: "nope" }),
    sends: { [HELLO]: { mode: 0, group: "nope" } },
  },
  "mv to new dir (mkdir -p)": { call: move(HELLO, "/workspace/ft/new/x/hello.txt") },
  "mv dest exists": { call: move("/workspace/ft/a/nomode.txt", BINARY) },
  "mv missing src": { call: move("/nope", "/workspace/ft/z") },
  "mv dir": { call: move("/workspace/ft/new", "/workspace/ft/renamed") },
  mkdir: {
    call: (files) =>
      files.createDirectories(["/workspace/ft/d1/d2", { path: "/workspace/ft/d3", mode: 0o644 }]),
  },
  "mkdir existing (mode ignored)": {
    call: (files) => files.createDirectories([{ path: "/workspace/ft/d3", mode: 0o700 }]),
  },
  "mkdir no mode": {
    call: (files) => files.createDirectories(["/workspace/ft/d4"]),
    sends: { "/workspace/ft/d4": { mode: 755 } },
  },
  "mkdir bad owner": {
    call: (files) => files.createDirectories([{ path: "/workspace/ft/d5", owner: "nope" }]),
  },
  "list ": { call: list(ROOT) },
  "list &depth=2": { call: list(ROOT, 2) },
  "list &depth=10": { call: list(ROOT, 10) },
  "list missing": { call: list("/nope") },
  "list symlink root": { call: list("/workspace/ft/link") },
  "list relative": { call: list(".") },
  rm: { call: (files) => files.deleteFiles(["/workspace/ft/b/2.txt"]) },
  "rm missing (ok)": { call: (files) => files.deleteFiles(["/nope"]) },
  "rm dir": { call: (files) => files.deleteFiles(["/workspace/ft/b"]) },
  "rm dangling symlink": { call: (files) => files.deleteFiles(["/workspace/ft/dangling"]) },
  "rm symlink-to-dir": { call: (files) => files.deleteFiles(["/workspace/ft/link"]) },
  rmdir: { call: (files) => files.deleteDirectories(["/workspace/ft/d1", "/workspace/ft/d3"]) },
  "rmdir missing ok": { call: (files) => files.deleteDirectories(["/nope_zz"]) },
  "rmdir on a file removes it": { call: (files) => files.deleteDirectories([BINARY]) },
};

/** Requests that the facade refuses to send, or cannot express (`undefined`). */
const NEVER_MADE: Readonly<Record<string, ((files: Files) => Promise<unknown>) | undefined>> = {
  "upload metadata w/o filename": undefined,
  "upload missing file": undefined,
  "upload missing metadata": undefined,
  "upload count mismatch": undefined,
  "upload empty path": write("", "1"),
  "upload mode 9": write("/workspace/ft/b/m9", "1", { mode: 999 }),
  "upload mode string": undefined,
  "info empty path": info(""),
  "line &offset=0": read({ first: 0 }),
  "line &limit=0": read({ count: 0 }),
  "line &offset=abc": read({ first: Number.NaN }),
  // Always with the first line's number.
  "line &limit=1": undefined,
  "offset + Range": (files) => files.readFile(HELLO, { lines: { first: 1 }, range: { end: 2 } }),
  "if-modified-since": undefined,
  "search no path": find("*", ""),
  "replace empty old": replace(HELLO, "", "x"),
  "replace array": undefined,
  "chmod bad mode": chmod(HELLO, { mode: 888 }),
  "chmod setuid": chmod(HELLO, { mode: 0o4755 }),
  "chmod string mode": undefined,
  "list &depth=-1": list(ROOT, -1),
  "list no path": list(""),
};

/** Nothing to do is nothing to send. */
const NOTHING_TO_DO: Readonly<Record<string, (files: Files) => Promise<unknown>>> = {
  "info none": (files) => files.getFileInfo([]),
  "replace {}": (files) => files.replaceContents([]),
  "mv empty": (files) => files.moveFiles([]),
  "mkdir empty": (files) => files.createDirectories([]),
  "rm none": (files) => files.deleteFiles([]),
  "rmdir none": (files) => files.deleteDirectories([]),
};

/** Replayed in separate tests. */
const OWN_TEST = ["download dir"];

const keyOf = ({ label, request }: Exchange): string =>
  exchanges.filter((exchange) => exchange.label === label).length > 1 ? `${label} ${request.path}` : label;

beforeAll(disableNet);
afterEach(() => nock.cleanAll());
afterAll(restoreNet);

test("every exchange of the recording is replayed here, and no other is spoken of", () => {
  const known = [MADE, NEVER_MADE, NOTHING_TO_DO].flatMap(Object.keys).concat(OWN_TEST);
  expect(known.sort()).toEqual([...new Set(exchanges.map(keyOf))].sort());
});

describe("the facade and the recorded response to", () => {
  test.each(exchanges.filter((exchange) => keyOf(exchange) in MADE).map((it) => [keyOf(it), it] as const))(
    "%s",
    async (key, recorded) => {
      const { call, gives, sends } = MADE[key] ?? { call: () => Promise.reject(new Error("no case")) };
      const exchange = withCounts(recorded);
      const replayed = replay(exchange, { origin });
      // The directory above a new file, which is made first.
      const parents = replay(findExchange(exchanges, "mkdir no mode"), { origin });
      // The SDK checks the path after an empty window of lines.
      replay(findExchange(exchanges, "info", `/files/info?path=${HELLO}`), { origin });
      const answer = await call(filesAt(origin)).catch((error: unknown) => error);
      if (recorded.response.status === null || recorded.response.status >= 400)
        expectFailure(answer, recorded);
      else if (gives !== undefined) expect(answer).toEqual(gives);
      else expect(answer).toEqual(camelCased(recorded));

      const { request } = recorded;
      if (request.path === "/files/upload") {
        expect(filesOf(replayed.request.headers["content-type"], replayed.request.body)).toEqual(
          filesOf(request.headers["Content-Type"], request.body),
        );
        expect(parents.requests).toHaveLength(key === "upload" ? 1 : 0);
      } else if (request.body !== null) {
        expect(replayed.request.body).toEqual(sends ?? withDefaults(recorded));
      }
      if (request.headers["Range"] !== undefined && key !== "range reversed") {
        expect(replayed.request.headers["range"]).toBe(request.headers["Range"]);
      }
    },
  );
});

describe("an exchange that the facade does not begin:", () => {
  test.each(
    exchanges.filter((exchange) => keyOf(exchange) in NEVER_MADE).map((it) => [keyOf(it), it] as const),
  )("%s", async (key, exchange) => {
    // Nothing is replayed yet, so that a request would fail otherwise.
    const refuse = NEVER_MADE[key];
    if (refuse !== undefined) {
      expect(await failureOf(refuse(filesAt(origin)))).toBeInstanceOf(InvalidArgumentException);
    }
    // The recorded response is still understood.
    replay(exchange, { origin });
    const { method, path, body, headers } = exchange.request;
    const request = new UnsentRequest(path, {
      method,
      headers,
      body: body === null ? null : typeof body === "string" ? body : JSON.stringify(body),
    });
    const outcome = await linkTo(origin)
      .execd.download()
      .fetch(request as unknown as Request)
      .catch((error: unknown) => error);
    if (exchange.response.status !== null && exchange.response.status >= 300) {
      expectFailure(outcome, exchange);
    } else {
      expect(await (outcome as Response).text()).toBe(bodyOf(exchange));
    }
  });
});

describe("with nothing to do nothing is sent:", () => {
  test.each(Object.entries(NOTHING_TO_DO))("%s", async (label, call) => {
    const replayed = replay(findExchange(exchanges, label), { origin });
    const nothing = await call(filesAt(origin));
    expect(replayed.requests).toEqual([]);
    // The server's message means the same.
    const said = bodyOf(findExchange(exchanges, label));
    expect(nothing ?? {}).toEqual(said === "" ? (nothing ?? {}) : JSON.parse(said));
  });
});

describe("a directory", () => {
  const recorded = findExchange(exchanges, "download dir");

  test("fails at once, without waiting for the announced 2^63 - 1 bytes", async () => {
    for (const call of [
      (files: Files) => files.readFile(ROOT),
      (files: Files) => files.readBytes(ROOT),
      (files: Files) => files.readBytesStream(ROOT),
    ]) {
      replay(recorded, { origin });
      const failure = await failureOf(call(filesAt(origin)));
      expect(failure).toBeInstanceOf(SandboxApiException);
      expect(failure).toMatchObject({
        error: { code: "IS_DIRECTORY", message: "/workspace/ft is a directory, not a file." },
        sandboxId: "sandbox-1",
      });
    }
  });

  test("has no lines either", async () => {
    const { request, response } = findExchange(exchanges, "line &offset=99");
    replay(
      { label: "lines", request: { ...request, path: `/files/download?path=${ROOT}&offset=1` }, response },
      { origin },
    );
    replay(findExchange(exchanges, "info dir"), { origin });
    expect(await failureOf(filesAt(origin).readFile(ROOT, { lines: { first: 1 } }))).toMatchObject({
      error: { code: "IS_DIRECTORY" },
    });
  });
});

/** The facade always asks for counts. */
function withCounts(exchange: Exchange): Exchange {
  const { request } = exchange;
  if (request.path !== "/files/replace") return exchange;
  return { ...exchange, request: { ...request, path: "/files/replace?verbose=true" } };
}

/** Adds the mode of new directories, which the facade always sends. */
function withDefaults({ request }: Exchange): unknown {
  if (request.path !== "/directories") return request.body;
  return Object.fromEntries(
    Object.entries(request.body as Record<string, object>).map(([path, entry]) => [
      path,
      { mode: 755, ...entry },
    ]),
  );
}

function expectFailure(outcome: unknown, { response }: Exchange): void {
  expect(outcome).toBeInstanceOf(SandboxApiException);
  const text = response.chunks.map(([, chunk]) => chunk).join("");
  const said: { code?: string; message?: string } = text.startsWith("{") ? (JSON.parse(text) as object) : {};
  expect(outcome).toMatchObject({
    statusCode: response.status,
    sandboxId: "sandbox-1",
    ...(response.status === 416
      ? { error: { code: "RANGE_NOT_SATISFIABLE" }, rawBody: text }
      : response.status === 304
        ? { error: { code: "UNEXPECTED_RESPONSE" } }
        : { error: said }),
  });
  expect(String(outcome)).toContain(said.message ?? (text.startsWith("{") ? said.code : text.trim()));
}

function camelCased(exchange: Exchange): unknown {
  const text = bodyOf(exchange);
  if (text === "") return undefined;
  return JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== "object" || value === null || !("modified_at" in value)) return value;
    const { modified_at, created_at, mode, ...others } = value as Record<string, unknown>;
    return {
      ...others,
      modifiedAt: new Date(String(modified_at)),
      createdAt: new Date(String(created_at)),
      mode: String(mode),
    };
  });
}

/** Returns what an upload contains about each file, regardless of its framing. */
function filesOf(contentType: string | undefined, body: unknown): unknown {
  const parts = parseMultipart(contentType ?? "", Buffer.from(String(body)));
  return parts.map(({ name, filename, data }) => ({
    name,
    isFile: filename !== undefined,
    data: name === "metadata" ? (JSON.parse(data.toString()) as unknown) : data.toString(),
  }));
}
