import { expect } from "@jest/globals";
import type { Files } from "../../../src/index.js";
import { bodyOf, type Exchange } from "../../helpers/fixtures.js";
import type { Area, Case, World } from "../../helpers/worlds.js";

const ROOT = "/workspace/ft";
const HELLO = `${ROOT}/a/hello.txt`;
const NO_MODE = `${ROOT}/a/nomode.txt`;
const BINARY = `${ROOT}/b/1.bin`;
const CONTENT = "line1\nline2\r\nline3\n\nline5";

/** Creates what existed before the cases, some of it by requests that the facade does not send. */
const PREPARATION = String.raw`
for byte in $(seq 0 255); do printf "\\x$(printf %x "$byte")"; done > ft/b/1.bin; chmod 600 ft/b/1.bin
printf second > ft/b/2.txt; chmod 755 ft/b/2.txt; ln -s /workspace/ft/a ft/link; ln -s /nope ft/dangling
printf u > 'ft/a/世界 "q".txt'; chmod 755 ft/a/*q*
printf 1 > ft/b/m9; chmod 755 ft/b/m9`;

type Call = (files: Files) => Promise<unknown>;

const gives = (call: Call, value: unknown): Case => ({
  call: ({ sandbox }) => call(sandbox.files),
  gives: value,
});
const does = (call: Call): Case => gives(call, undefined);
const fails = (call: Call, statusCode: number, code: string, message: string | RegExp): Case => ({
  call: ({ sandbox }) => call(sandbox.files),
  fails: [statusCode, code, message],
});
const write = (path: string, data: string, options: { mode?: number | null; owner?: string } = {}): Call => {
  return (files) => files.writeFiles([{ path, data, mode: null, ...options }]);
};
const read = (lines: { first: number; count?: number }, text: string): Case =>
  gives((files) => files.readFile(HELLO, { lines }), text);
const info = (...paths: readonly string[]): Case => gives((files) => files.getFileInfo(paths), recordedInfos);
const find = (pattern: string): Case => gives((files) => files.search(ROOT, { pattern }), recordedInfos);
const list = (depth?: number): Case => gives((files) => files.listDirectory(ROOT, { depth }), recordedInfos);
const replace = (path: string, oldContent: string, newContent: string): Call => {
  return (files) => files.replaceContents([{ path, oldContent, newContent }]);
};
/** The facade always requests counts, which an older server does not return. */
const VERBOSE = { asks: "/files/replace?verbose=true" };
const replaced = (path: string) => [expect.objectContaining({ path })];
const move =
  (src: string, dest: string): Call =>
  (files) =>
    files.moveFiles([{ src, dest }]);

export const files: Area = {
  name: "files",
  fixture: "execd-files",
  cases: {
    upload: does(write(HELLO, CONTENT, { mode: 0o644 })),
    "upload no mode": does(write(NO_MODE, "x")),
    "upload bad owner": fails(
      write(`${ROOT}/b/3`, "1", { owner: "nope" }),
      500,
      "RUNTIME_ERROR",
      "error chmoding file /workspace/ft/b/3. failed to lookup user nope: user: unknown user nope",
    ),
    "upload to directory": fails(
      write(`${ROOT}/b`, "1"),
      500,
      "RUNTIME_ERROR",
      "error opening destination file /workspace/ft/b. open /workspace/ft/b: is a directory",
    ),
    "upload empty file": does(write(`${ROOT}/b/empty`, "")),
    "upload tilde path": does(write("~/.probe", "home")),
    "upload relative path": does(write("rel_probe.txt", "rel")),
    info: { ...info(HELLO, BINARY), before: ({ sandbox }) => sandbox.commands.run(PREPARATION) },
    "info dir": info(ROOT),
    "info missing": fails(
      (files) => files.getFileInfo(["/nope", ROOT]),
      404,
      "FILE_NOT_FOUND",
      "file not found. file not found: /nope: lstat /nope: no such file or directory",
    ),
    download: gives((files) => files.readFile(HELLO), CONTENT),
    "range 0-4": gives((files) => files.readFile(HELLO, { range: { end: 5 } }), "line1"),
    "range beyond": fails(
      (files) => files.readBytes(HELLO, { range: { start: 1000 } }),
      416,
      "RANGE_NOT_SATISFIABLE",
      /invalid range: failed to overlap/,
    ),
    "offset=2&limit=2": read({ first: 2, count: 2 }, "line2\nline3"),
    "line &offset=1": read({ first: 1 }, "line1\nline2\nline3\n\nline5"),
    "line &offset=4": read({ first: 4 }, "\nline5"),
    // For an empty window the SDK checks whether the path is a directory.
    "line &offset=99": { ...read({ first: 99 }, ""), with: ["info (2)"] },
    "line &offset=2&limit=100": read({ first: 2, count: 100 }, "line2\nline3\n\nline5"),
    "download symlink": gives((files) => files.readFile(`${ROOT}/link/hello.txt`), CONTENT),
    "download unicode name": gives((files) => files.readFile(`${ROOT}/a/世界 "q".txt`), "u"),
    "search '*.txt'": find("*.txt"),
    "search '**/*.txt'": find("**/*.txt"),
    "search 'hello*'": find("hello*"),
    "search 'a/*'": find("a/*"),
    "search '?.txt'": find("?.txt"),
    "search '{hello,nomode}.txt'": find("{hello,nomode}.txt"),
    "search '!(hello.txt)'": find("!(hello.txt)"),
    "search '['": fails(
      (files) => files.search(ROOT, { pattern: "[" }),
      500,
      "RUNTIME_ERROR",
      "error searching files. invalid pattern [: syntax error in pattern",
    ),
    "search 'HELLO*'": find("HELLO*"),
    "search '*.TXT'": find("*.TXT"),
    "search missing path": fails(
      (files) => files.search("/nope"),
      404,
      "FILE_NOT_FOUND",
      "file not found. stat /nope: no such file or directory",
    ),
    replace: { ...gives(replace(HELLO, "line", "LINE"), replaced(HELLO)), ...VERBOSE },
    "replace verbose": gives(
      (files) =>
        files.replaceContents([
          { path: HELLO, oldContent: "LINE", newContent: "line" },
          { path: NO_MODE, oldContent: "zzz", newContent: "y" },
        ]),
      [
        { path: HELLO, replacedCount: 4 },
        { path: NO_MODE, replacedCount: 0 },
      ],
    ),
    "replace missing file": {
      ...fails(
        replace("/nope", "a", "b"),
        404,
        "FILE_NOT_FOUND",
        "file not found. stat /nope: no such file or directory",
      ),
      ...VERBOSE,
    },
    "replace missing new (deletes)": {
      ...gives(replace(NO_MODE, "x", ""), replaced(NO_MODE)),
      ...VERBOSE,
      sends: { [NO_MODE]: { old: "x", new: "" } },
    },
    "replace binary": gives(replace(BINARY, "A", "Z"), [{ path: BINARY, replacedCount: 1 }]),
    "replace dir": {
      ...fails(
        replace(ROOT, "a", "b"),
        500,
        "RUNTIME_ERROR",
        "error accessing file: read /workspace/ft: is a directory",
      ),
      ...VERBOSE,
    },
    chmod: does((files) => files.setPermissions([{ path: HELLO, mode: 0o600 }])),
    "info (2)": info(HELLO),
    "chmod missing": fails(
      (files) => files.setPermissions([{ path: "/nope", mode: 0o600 }]),
      500,
      "RUNTIME_ERROR",
      "error changing permissions for /nope. chmod /nope: no such file or directory",
    ),
    "info (3)": info(HELLO),
    // The recorded mode was set with a bit that the facade does not send and the server drops.
    "info (4)": {
      ...info(HELLO),
      before: ({ sandbox }) => sandbox.files.setPermissions([{ path: HELLO, mode: 0o755 }]),
    },
    "chmod bad group": {
      ...fails(
        (files) => files.setPermissions([{ path: HELLO, group: "nope" }]),
        500,
        "RUNTIME_ERROR",
        "error changing permissions for /workspace/ft/a/hello.txt. failed to lookup group nope: group: unknown group nope",
      ),
      // No mode, and 0, mean the same.
      sends: { [HELLO]: { mode: 0, group: "nope" } },
    },
    "mv to new dir (mkdir -p)": does(move(HELLO, `${ROOT}/new/x/hello.txt`)),
    "mv dest exists": fails(
      move(NO_MODE, BINARY),
      500,
      "RUNTIME_ERROR",
      "error accessing file: destination path already exists: /workspace/ft/b/1.bin",
    ),
    "mv missing src": fails(
      move("/nope", `${ROOT}/z`),
      404,
      "FILE_NOT_FOUND",
      "file not found. source path not found: /nope: stat /nope: no such file or directory",
    ),
    "mv dir": does(move(`${ROOT}/new`, `${ROOT}/renamed`)),
    mkdir: does((files) => files.createDirectories([`${ROOT}/d1/d2`, { path: `${ROOT}/d3`, mode: 0o644 }])),
    "mkdir existing (mode ignored)": does((files) =>
      files.createDirectories([{ path: `${ROOT}/d3`, mode: 0o700 }]),
    ),
    "mkdir no mode": {
      ...does((files) => files.createDirectories([`${ROOT}/d4`])),
      // The facade always sends the mode of a new directory.
      sends: { [`${ROOT}/d4`]: { mode: 755 } },
    },
    "info (5)": info(`${ROOT}/d4`),
    "mkdir bad owner": fails(
      (files) => files.createDirectories([{ path: `${ROOT}/d5`, owner: "nope" }]),
      500,
      "RUNTIME_ERROR",
      "error accessing file: failed to lookup user nope: user: unknown user nope",
    ),
    "list ": list(),
    "list &depth=2": list(2),
    "list &depth=10": list(10),
    "list missing": fails(
      (files) => files.listDirectory("/nope"),
      404,
      "FILE_NOT_FOUND",
      "file not found. lstat /nope: no such file or directory",
    ),
    "list symlink root": fails(
      (files) => files.listDirectory(`${ROOT}/link`),
      400,
      "INVALID_REQUEST_BODY",
      "path is a symbolic link, refusing to traverse: /workspace/ft/link",
    ),
    rm: does((files) => files.deleteFiles([`${ROOT}/b/2.txt`])),
    "rm missing (ok)": does((files) => files.deleteFiles(["/nope"])),
    "rm dir": fails(
      (files) => files.deleteFiles([`${ROOT}/b`]),
      500,
      "RUNTIME_ERROR",
      "error removing file /workspace/ft/b. path is a directory: /workspace/ft/b",
    ),
    "rm dangling symlink": does((files) => files.deleteFiles([`${ROOT}/dangling`])),
    "rm symlink-to-dir": fails(
      (files) => files.deleteFiles([`${ROOT}/link`]),
      500,
      "RUNTIME_ERROR",
      "error removing file /workspace/ft/link. path is a directory: /workspace/ft/link",
    ),
    rmdir: does((files) => files.deleteDirectories([`${ROOT}/d1`, `${ROOT}/d3`])),
    "rmdir missing ok": does((files) => files.deleteDirectories(["/nope_zz"])),
    "rmdir on a file removes it": does((files) => files.deleteDirectories([BINARY])),
  },
};

/** Returns the recorded file infos as the facade returns them, without times, owners and sizes of directories. */
function recordedInfos(_world: World, exchange: Exchange): unknown {
  return JSON.parse(bodyOf(exchange), (_, value: unknown) => {
    if (typeof value !== "object" || value === null || !("modified_at" in value)) return value;
    const { path, type, size, mode } = value as Readonly<Record<string, unknown>>;
    return {
      path,
      type,
      size: type === "directory" ? expect.any(Number) : size,
      mode: String(mode),
      modifiedAt: expect.any(Date),
      createdAt: expect.any(Date),
      owner: expect.any(String),
      group: expect.any(String),
    };
  });
}
