import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { startLocalServer, type LocalServer } from "../../src/local/index.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";
import { SnippetPrograms, snippetsOf } from "../helpers/snippets.js";
import { root } from "../package/programs.js";

/** What each snippet prints, by its heading and its number there. A snippet that is not here fails. */
const PRINTED: Readonly<Record<string, readonly string[]>> = {
  "Quick start 1": ["Hello, World!\n\n4\n"],
  "Contexts 1": ["42\n", "language: 'python'"],
  "Output as it comes 1": ["0\n1\n2\n"],
  "Output as it comes 2": ["a\n", "42 [ 'text/plain' ]"],
  "Output as it comes 3": ["11\n"],
  "Results 1": ["<b>hi</b>", "'text/html': '<b>hi</b>'"],
  "Failure of the code, and of everything else 1": [
    "ZeroDivisionError division by zero\n",
    "RUN_TIMEOUT begun\n",
  ],
  "Stopping 1": ["KeyboardInterrupt\n", "enough\n"],
  "Much output 1": ["0\n1\n", "bytes left out]\n", "99999\n true\n"],
  "Commands 1": ["hello\n 3\n", "1\n2\n3\n0\n", "hello world from /tmp\n"],
  "Files 1": ["a,b\n1,2\n", "table.csv 8"],
  "Sandboxes 1": ["Running\n", "cpuCount:"],
  "A real server 1": [],
  "Watching what happens 1": ["execd POST /command 200"],
  "The local server 1": ["sandbox\n"],
};

let programs: SnippetPrograms;
const files = new Map<string, string>();
beforeAll(async () => {
  programs = await SnippetPrograms.create();
  for (const [index, snippet] of (await snippetsOf("README.md")).entries()) {
    files.set(`${snippet.heading} ${snippet.number}`, await programs.write(`snippet-${index}`, snippet));
  }
});
afterAll(() => programs[Symbol.asyncDispose]());

describe("the snippets of the read-me", () => {
  test("are those that are run below", () => {
    expect([...files.keys()]).toEqual(Object.keys(PRINTED));
  });

  test("compile for a strict user", () => {
    expect(programs.check([...files.values()])).toEqual([]);
  }, 60_000);
});

describeIf(
  isolationWorks && hasPython,
  "docs/readme",
  isolationWorks ? "there is no python3" : NO_ISOLATION_REASON,
)("the snippets of the read-me, run on a local server,", () => {
  let server: LocalServer;
  beforeAll(async () => (server = await startLocalServer()));
  afterAll(() => server.close());

  test.each(Object.entries(PRINTED))(
    "%s: prints what it says",
    async (name, printed) => {
      const { exitCode, output } = await programs.run(files.get(name) ?? "", {
        OPEN_SANDBOX_DOMAIN: server.connectionConfig.domain,
        OPEN_SANDBOX_API_KEY: server.connectionConfig.apiKey,
      });
      expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
      for (const text of printed) expect(output).toContain(text);
    },
    60_000,
  );
});

test("every file that the read-me links to is there", async () => {
  const text = await readFile(path.join(root, "README.md"), "utf8");
  const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link = ""]) => link);
  expect(links.filter((link) => !existsSync(path.join(root, link)))).toEqual([]);
});
