import { existsSync, readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startLocalServer, type LocalServer } from "../../src/local/index.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";
import { SnippetPrograms, snippetsOf, type Snippet } from "../helpers/snippets.js";
import { root } from "../package/programs.js";

/** Pages whose examples another test covers. */
const COVERED_ELSEWHERE = ["frameworks.md", "local-server.md"];
/** Separates the output of one example from the next. Printable, and unlikely in an example. */
const SEPARATOR = "\u2500\u2500 next example \u2500\u2500\n";

const pages = readdirSync(path.join(root, "docs")).filter(
  (name) => name.endsWith(".md") && !COVERED_ELSEWHERE.includes(name),
);

interface Example extends Snippet {
  readonly file: string;
}

let programs: SnippetPrograms;
const examples = new Map<string, readonly Example[]>();
beforeAll(async () => {
  programs = await SnippetPrograms.create();
  for (const page of pages) {
    const snippets = await snippetsOf(`docs/${page}`);
    const written = snippets.map(async (snippet, index) => ({
      ...snippet,
      file: await programs.write(`${page.replace(".md", "")}-${index}`, snippet),
    }));
    examples.set(page, await Promise.all(written));
  }
});
afterAll(() => programs[Symbol.asyncDispose]());

test("every example compiles for a strict user", () => {
  const files = [...examples.values()].flat().map(({ file }) => file);
  expect(files.length).toBeGreaterThan(0);
  expect(programs.check(files)).toEqual([]);
}, 120_000);

describeIf(
  isolationWorks && hasPython,
  "docs/pages",
  isolationWorks ? "there is no python3" : NO_ISOLATION_REASON,
)("the examples of a page, run on a local server,", () => {
  let server: LocalServer;
  beforeAll(async () => (server = await startLocalServer()));
  afterAll(() => server.close());

  test.each(pages)(
    "%s: print what the page says",
    async (page) => {
      const running = (examples.get(page) ?? []).filter(({ runs }) => runs);
      if (running.length === 0) return;
      // One process for all examples of a page: starting Node for each one would take most of the time.
      const imports = running.map(
        ({ file }) =>
          `await import(${JSON.stringify(file.replace(/\.mts$/, ".mjs"))}); process.stdout.write(${JSON.stringify(SEPARATOR)});`,
      );
      for (const { file } of running) await programs.compile(file);
      const main = path.join(programs.directory, `run-${page}.mts`);
      await writeFile(main, `${imports.join("\n")}\nexport {};\n`);
      const { exitCode, output } = await programs.run(main, {
        OPEN_SANDBOX_DOMAIN: server.connectionConfig.domain,
        OPEN_SANDBOX_API_KEY: server.connectionConfig.apiKey,
      });
      expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
      const outputs = output.split(SEPARATOR);
      for (const [index, { heading, number, printed }] of running.entries()) {
        if (printed === undefined) continue;
        expect({ heading, number, output: outputs[index] }).toEqual({ heading, number, output: printed });
      }
    },
    120_000,
  );
});

describe("links", () => {
  test.each(["../README.md", ...readdirSync(path.join(root, "docs")).filter((name) => name.endsWith(".md"))])(
    "%s: every linked file and heading exists",
    async (page) => {
      const directory = path.dirname(path.join(root, "docs", page));
      const text = await readFile(path.join(root, "docs", page), "utf8");
      const links = [...text.matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].map(([, link = ""]) => link);
      const broken = await Promise.all(links.map(async (link) => ((await leads(directory, page, link)) ? [] : link)));
      expect(broken.flat()).toEqual([]);
    },
  );
});

async function leads(directory: string, page: string, link: string): Promise<boolean> {
  const [file = "", anchor] = link.split("#");
  const target = file === "" ? path.join(root, "docs", page) : path.join(directory, file);
  // The reference is generated when the site is built.
  if (target.startsWith(path.join(root, "docs/reference"))) return true;
  if (!existsSync(target)) return false;
  if (anchor === undefined || !target.endsWith(".md")) return true;
  const headings = [...(await readFile(target, "utf8")).matchAll(/^#+ (.+)$/gm)];
  return headings.some(([, title = ""]) => slug(title) === anchor);
}

/** The anchor of a heading, as GitHub and VitePress make it. */
function slug(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replaceAll(/\s+/g, "-");
}
