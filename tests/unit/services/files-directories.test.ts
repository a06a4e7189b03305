import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ConnectionOptions } from "../../../src/connection.js";
import { filesAt } from "../../helpers/link.js";
import { failureOf } from "../../helpers/promises.js";
import { parseMultipart } from "../../helpers/multipart.js";
import { fetchBy } from "../../helpers/fetch.js";

interface RemoteFile {
  readonly type: "file" | "directory" | "symlink";
  readonly data?: string;
  readonly mode?: number;
}

let directory: string;
let local: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "directories-"));
  local = path.join(directory, "local");
});
afterEach(() => rm(directory, { recursive: true }));

/** A sandbox's files in memory, as far as transfers need them. */
class RemoteTree {
  readonly entries = new Map<string, RemoteFile>();
  readonly lines: string[] = [];
  readonly warnings: string[] = [];
  refusesDirectories = false;

  files(options: ConnectionOptions = {}) {
    const silent = () => undefined;
    return filesAt("http://execd.test", {
      logger: { debug: silent, info: silent, error: silent, warn: (text) => this.warnings.push(text) },
      retryPolicy: { maxRetries: 0 },
      fetch: fetchBy(async (request) => {
        const { pathname, searchParams } = new URL(request.url);
        this.lines.push(`${request.method} ${pathname}`);
        return this.#respond(`${request.method} ${pathname}`, searchParams.get("path") ?? "", request);
      }),
      ...options,
    });
  }

  async #respond(line: string, at: string, request: Request): Promise<Response> {
    switch (line) {
      case "POST /directories":
        for (const name of Object.keys((await request.json()) as object)) {
          this.entries.set(name, { type: "directory" });
        }
        return new Response();
      case "POST /files/upload": {
        const body = Buffer.from(await request.arrayBuffer());
        const parts = parseMultipart(request.headers.get("content-type") ?? "", body);
        for (let index = 0; index < parts.length; index += 2) {
          const { path: name, mode } = JSON.parse(String(parts[index]?.data)) as {
            path: string;
            mode: number;
          };
          this.entries.set(name, { type: "file", data: String(parts[index + 1]?.data), mode });
        }
        return new Response();
      }
      case "GET /files/info":
        return Response.json({ [at]: infoOf(at, { type: "directory", ...this.entries.get(at) }) });
      case "GET /directories/list":
        return Response.json([...this.entries].map(([name, entry]) => infoOf(name, entry)));
      default: {
        const entry = this.entries.get(at);
        if (entry?.type === "file") return new Response(entry.data);
        if (this.refusesDirectories) {
          return Response.json({ code: "INVALID_FILE", message: "path is a directory" }, { status: 400 });
        }
        // The headers that servers send for a directory.
        return new Response("", { headers: { "content-length": "9223372036854775807" } });
      }
    }
  }
}

function infoOf(name: string, { type, data = "", mode = 644 }: RemoteFile): object {
  const at = "2026-11-23T16:59:24Z";
  return {
    path: name,
    type,
    size: data.length,
    mode,
    owner: "root",
    group: "root",
    modified_at: at,
    created_at: at,
  };
}

describe("uploading a directory", () => {
  test("copies files, empty directories and the mode of programs, at any depth", async () => {
    await mkdir(path.join(local, "a/empty"), { recursive: true });
    await writeFile(path.join(local, "top.txt"), "top");
    await writeFile(path.join(local, "a/run.sh"), "#!/bin/sh\n", { mode: 0o755 });
    const remote = new RemoteTree();
    await remote.files().upload(local, "/workspace/copy/");
    expect(Object.fromEntries(remote.entries)).toEqual({
      "/workspace/copy/": { type: "directory" },
      "/workspace/copy/a": { type: "directory" },
      "/workspace/copy/a/empty": { type: "directory" },
      "/workspace/copy": { type: "directory" },
      "/workspace/copy/top.txt": { type: "file", data: "top", mode: 644 },
      "/workspace/copy/a/run.sh": { type: "file", data: "#!/bin/sh\n", mode: 755 },
    });
  });

  test("reports the progress of all files together", async () => {
    await mkdir(local);
    await writeFile(path.join(local, "one"), "12345");
    await writeFile(path.join(local, "two"), "678");
    const seen: unknown[] = [];
    await new RemoteTree().files().upload(local, "/copy", { onProgress: (progress) => seen.push(progress) });
    expect(seen).toEqual([
      { transferredBytes: 5, totalBytes: 8 },
      { transferredBytes: 8, totalBytes: 8 },
    ]);
  });

  test("skips symbolic links, and logs each", async () => {
    await mkdir(local);
    await writeFile(path.join(directory, "secret"), "secret");
    await symlink(path.join(directory, "secret"), path.join(local, "link"));
    await symlink(directory, path.join(local, "parent"));
    const remote = new RemoteTree();
    await remote.files().upload(local, "/copy");
    expect([...remote.entries.keys()]).toEqual(["/copy"]);
    expect(remote.warnings).toEqual([expect.stringMatching(/^Not copied.*local\/link, .*local\/parent\.$/)]);
  });

  test("sends several requests for many files", async () => {
    await mkdir(local);
    await Promise.all(
      Array.from({ length: 150 }, (_, index) => writeFile(path.join(local, `${index}`), "x")),
    );
    const remote = new RemoteTree();
    await remote.files().upload(local, "/copy");
    expect(remote.lines.filter((line) => line === "POST /files/upload")).toHaveLength(2);
    expect(remote.entries.size).toBe(151);
  });

  test("ends with the caller's own reason when it is aborted", async () => {
    await mkdir(local);
    await writeFile(path.join(local, "one"), "1");
    const controller = new AbortController();
    const reason = new Error("enough");
    const uploading = new RemoteTree().files().upload(local, "/copy", {
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    });
    expect(await failureOf(uploading)).toBe(reason);
  });
});

describe("downloading a directory", () => {
  function remoteWith(entries: Readonly<Record<string, RemoteFile>>): RemoteTree {
    const remote = new RemoteTree();
    for (const [name, entry] of Object.entries(entries)) remote.entries.set(name, entry);
    return remote;
  }
  const file = (data: string, mode = 644): RemoteFile => ({ type: "file", data, mode });

  test("copies files, empty directories and the mode of programs, at any depth", async () => {
    const remote = remoteWith({
      "/src/a": { type: "directory" },
      "/src/a/empty": { type: "directory" },
      "/src/a/run.sh": file("#!/bin/sh\n", 755),
      "/src/top.txt": file("top"),
    });
    await remote.files().download("/src", local);
    expect((await readdir(local, { recursive: true })).sort()).toEqual([
      "a",
      "a/empty",
      "a/run.sh",
      "top.txt",
    ]);
    expect(await readFile(path.join(local, "top.txt"), "utf8")).toBe("top");
    expect((await stat(path.join(local, "a/run.sh"))).mode & 0o100).toBe(0o100);
    expect((await stat(path.join(local, "top.txt"))).mode & 0o100).toBe(0);
  });

  test("works with servers that respond to a directory with an error status", async () => {
    const remote = remoteWith({ "/src/top.txt": file("top") });
    remote.refusesDirectories = true;
    await remote.files().download("/src", local);
    expect(await readdir(local)).toEqual(["top.txt"]);
  });

  test("merges into an existing directory", async () => {
    await mkdir(local);
    await writeFile(path.join(local, "kept"), "kept");
    await writeFile(path.join(local, "replaced"), "old");
    await remoteWith({ "/src/replaced": file("new") })
      .files()
      .download("/src", local);
    expect(await readFile(path.join(local, "kept"), "utf8")).toBe("kept");
    expect(await readFile(path.join(local, "replaced"), "utf8")).toBe("new");
  });

  test("reports the progress of all files together", async () => {
    const remote = remoteWith({ "/src/one": file("12345"), "/src/two": file("678") });
    const seen: { readonly transferredBytes: number }[] = [];
    await remote.files().download("/src", local, { onProgress: (progress) => seen.push(progress) });
    expect(seen.at(-1)).toEqual({ transferredBytes: 8, totalBytes: 8 });
  });

  test.each([
    "/src/../escaped",
    "/src/a/../../escaped",
    "/escaped",
    "/srcescaped",
    "/src",
    "/src//escaped",
    "/src/.",
    "escaped",
  ])("refuses a name that leads out of the target: %s", async (name) => {
    const remote = remoteWith({ [name]: file("x") });
    expect(await failureOf(remote.files().download("/src/", path.join(local, "in")))).toMatchObject({
      code: "UNEXPECTED_RESPONSE",
    });
    expect(await readdir(directory)).toEqual([]);
  });

  test("does not write through a symbolic link in the target", async () => {
    const outside = path.join(directory, "outside");
    await mkdir(outside);
    await writeFile(path.join(outside, "file"), "untouched");
    await mkdir(local);
    await symlink(outside, path.join(local, "linked"));
    await symlink(path.join(outside, "file"), path.join(local, "file"));
    for (const entries of [
      { "/src/linked": { type: "directory" }, "/src/linked/file": file("x") },
      { "/src/file": file("x") },
      // Without the directory itself, or after what is in it.
      { "/src/linked/file": file("x") },
      { "/src/linked/sub": { type: "directory" }, "/src/linked": { type: "directory" } },
    ] as Record<string, RemoteFile>[]) {
      expect(await failureOf(remoteWith(entries).files().download("/src", local))).toMatchObject({
        code: expect.stringMatching(/^(LOCAL_FILE|UNEXPECTED_RESPONSE)$/) as unknown,
      });
    }
    expect(await readdir(outside)).toEqual(["file"]);
    expect(await readFile(path.join(outside, "file"), "utf8")).toBe("untouched");
    expect(await readlink(path.join(local, "linked"))).toBe(outside);
  });

  test("skips the sandbox's symbolic links, and logs each", async () => {
    const remote = remoteWith({ "/src/link": { type: "symlink" }, "/src/one": file("1") });
    await remote.files().download("/src", local);
    expect(await readdir(local)).toEqual(["one"]);
    expect(remote.warnings).toEqual([expect.stringContaining("/src/link")]);
  });

  test("rejects if a file has the name of an existing directory", async () => {
    await mkdir(local);
    const remote = remoteWith({ "/src": file("x") });
    expect(await failureOf(remote.files().download("/src", local))).toMatchObject({ code: "LOCAL_FILE" });
  });

  test("starts no further file after a failure, and leaves no partial file", async () => {
    const names = Array.from({ length: 20 }, (_, index) => [`/src/${index}`, file("x")] as const);
    const remote = remoteWith(Object.fromEntries(names));
    const reason = new Error("a handler's own");
    const downloading = remote.files().download("/src", local, {
      onProgress: () => {
        throw reason;
      },
    });
    expect(await failureOf(downloading)).toBe(reason);
    expect(await readdir(local)).toEqual([]);
    expect(remote.lines.filter((line) => line === "GET /files/download").length).toBeLessThan(10);
  });
});
