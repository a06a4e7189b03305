import { existsSync, readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startLocalServer, type LocalServer } from "../../src/local/index.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";
import { SnippetPrograms, snippetsOf, type Snippet } from "../helpers/snippets.js";
import { root } from "../package/programs.js";

/** Pages whose examples another test covers. */
const COVERED_ELSEWHERE = ["docs/frameworks.md", "docs/local-server.md"];
/** Separates the output of one example from the next. Printable, and unlikely in an example. */
const SEPARATOR = "\u2500\u2500 next example \u2500\u2500\n";

/** How the README links to files: npm shows it, too, where relative links lead nowhere. */
const REPOSITORY = "https://github.com/opensandbox-group/opensandbox-code-interpreter/blob/main/";

const allPages = [
  "README.md",
  ...readdirSync(path.join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];
const pages = allPages.filter((page) => !COVERED_ELSEWHERE.includes(page));

interface Example extends Snippet {
  readonly file: string;
}

let programs: SnippetPrograms;
const examples = new Map<string, readonly Example[]>();
beforeAll(async () => {
  programs = await SnippetPrograms.create();
  for (const page of pages) {
    const snippets = await snippetsOf(page);
    const written = snippets.map(async (snippet, index) => ({
      ...snippet,
      file: await programs.write(`${nameOf(page)}-${index}`, snippet),
    }));
    examples.set(page, await Promise.all(written));
  }
});
afterAll(() => programs[Symbol.asyncDispose]());

test.each([
  ["", false, []],
  [", in a web page", true, ["dom"]],
])(
  "every example compiles for a strict user%s",
  async (_where, isInPage, libraries) => {
    const files = [...examples.values()]
      .flat()
      .filter(({ heading }) => (heading === "In a web page") === isInPage)
      .map(({ file }) => file);
    expect(files.length).toBeGreaterThan(0);
    expect(await programs.check(files, libraries)).toEqual([]);
  },
  120_000,
);

describeIf(
  isolationWorks && hasPython,
  "docs/pages",
  isolationWorks ? "there is no python3" : NO_ISOLATION_REASON,
)("the examples of a page, run on a local server,", () => {
  let server: LocalServer;
  beforeAll(async () => (server = await startLocalServer({ pythonShell: "plain" })));
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
      const main = path.join(programs.directory, `run-${nameOf(page)}.mts`);
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
  const others = ["CHANGELOG", "CODE_OF_CONDUCT", "CONTRIBUTING", "SECURITY", "examples/README"];
  test.each([...allPages, ...others.map((name) => `${name}.md`)])(
    "%s: every linked file and heading exists",
    async (page) => {
      const text = await readFile(path.join(root, page), "utf8");
      const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
      const broken = await Promise.all(links.map(async (link) => ((await exists(page, link)) ? [] : link)));
      expect(broken.flat()).toEqual([]);
    },
  );

  test("the sidebar lists every page, and every listed page exists", async () => {
    const file = path.join(root, "docs/.vitepress/pages.json");
    // Written by hand, in this form.
    const sidebar = JSON.parse(await readFile(file, "utf8")) as {
      readonly items: { readonly page: string }[];
    }[];
    const listed = sidebar.flatMap(({ items }) => items.map(({ page }) => `docs/${page}.md`));
    expect(listed.toSorted()).toEqual(allPages.filter((page) => !/README|index/.test(page)).toSorted());
  });
});

async function exists(page: string, link: string): Promise<boolean> {
  const [file = "", anchor] = link.split("#");
  if (/^(?:https?:|mailto:)/.test(file) && !file.startsWith(REPOSITORY)) return true;
  const target = file.startsWith(REPOSITORY)
    ? file.slice(REPOSITORY.length)
    : file === ""
      ? page
      : path.join(path.dirname(page), file);
  // The reference is generated when the site is built.
  if (target.startsWith("docs/reference")) return true;
  if (!existsSync(path.join(root, target))) return false;
  if (anchor === undefined || !target.endsWith(".md")) return true;
  const headings = [...(await readFile(path.join(root, target), "utf8")).matchAll(/^#+ (.+)$/gm)];
  return headings.some(([, title = ""]) => slug(title) === anchor);
}

function nameOf(page: string): string {
  return path.basename(page, ".md");
}

/** The anchor of a heading, as GitHub and VitePress make it. */
function slug(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replaceAll(/\s+/g, "-");
}
