import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import ts from "typescript";
import { root, run, type Outcome } from "../package/programs.js";
import { typeCheck } from "./type-check.js";

/** A TypeScript example of a document. */
export interface Snippet {
  /** The heading above it. */
  readonly heading: string;
  /** Its position among the examples under its heading, from 1. */
  readonly number: number;
  readonly code: string;
  /** `false` for a fence marked `no-run`: the example is only type-checked. */
  readonly runs: boolean;
  /** The expected output: the `text` fence directly after the example. */
  readonly printed: string | undefined;
}

const HEADING_OR_EXAMPLE = /^#+ ([^\n]+)$|^```ts( no-run)?\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?/gms;

/** Lists the TypeScript examples of a Markdown document in order. */
export async function snippetsOf(document: string): Promise<Snippet[]> {
  const text = await readFile(path.join(root, document), "utf8");
  const snippets: Snippet[] = [];
  let heading = "";
  for (const [, title, noRun, code, printed] of text.matchAll(HEADING_OR_EXAMPLE)) {
    if (title !== undefined) heading = title;
    else if (code !== undefined) {
      const number = snippets.filter((other) => other.heading === heading).length + 1;
      snippets.push({ heading, number, code, runs: noRun === undefined, printed });
    }
  }
  return snippets;
}

const PRELUDE = `import { CodeInterpreter as Interpreter_, Sandbox as Sandbox_ } from "opensandbox-code-interpreter";
await using sandbox = await Sandbox_.create({ killOnDispose: true });
const interpreter = await Interpreter_.create(sandbox);
`;

/** What examples import beside this package. */
const PACKAGES = [
  ...["@anthropic-ai", "@langchain", "@mastra", "@modelcontextprotocol", "@openai", "@types/node", "@xterm"],
  ...["ai", "deepagents", "langchain", "openai"],
];

/** Turns snippets into programs. A snippet may use everything that its document has shown before. */
export class SnippetPrograms implements AsyncDisposable {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(): Promise<SnippetPrograms> {
    const directory = await mkdtemp(path.join(tmpdir(), "snippets-"));
    await mkdir(path.join(directory, "node_modules", "@types"), { recursive: true });
    await symlink(root, path.join(directory, "node_modules", "opensandbox-code-interpreter"), "dir");
    for (const name of PACKAGES) {
      await symlink(path.join(root, "node_modules", name), path.join(directory, "node_modules", name), "dir");
    }
    return new SnippetPrograms(directory);
  }

  async write(name: string, { code }: Snippet): Promise<string> {
    const file = path.join(this.directory, `${name}.mts`);
    // A snippet that creates its own sandbox is a whole program.
    const isWhole = /^(?:const|await using) (?:sandbox|interpreter)\b/m.test(code);
    const usesPrelude = /\b(?:sandbox|interpreter)\b/.test(code.replaceAll(/"[^"]*"/g, ""));
    await writeFile(file, isWhole || !usesPrelude ? code : PRELUDE + code);
    return file;
  }

  /** Type-checks programs with the settings of a strict user and further `libraries`, such as `dom`; returns the errors. */
  async check(files: readonly string[], libraries: readonly string[] = []): Promise<string[]> {
    const source = (...names: string[]): string[] => names.map((name) => path.join(root, "src", name));
    return await typeCheck(this.directory, {
      compilerOptions: {
        strict: true,
        skipLibCheck: true,
        target: "es2022",
        lib: ["es2023", "esnext.disposable", ...libraries],
        types: ["node"],
        module: "nodenext",
        // The sources, so that no build with declarations is needed.
        paths: {
          "opensandbox-code-interpreter": source("index.ts"),
          "opensandbox-code-interpreter/local": source("local/index.ts"),
          "opensandbox-code-interpreter/pool": source("pool/index.ts"),
          "opensandbox-code-interpreter/agents": source("agents/index.ts"),
          "opensandbox-code-interpreter/*": source("agents/*.ts", "agents/*/index.ts"),
        },
      },
      files,
    });
  }

  /** Compiles a program to JavaScript beside its source. Resolves to the new file. */
  async compile(file: string): Promise<string> {
    const compiled = file.replace(/\.mts$/, ".mjs");
    const { outputText } = ts.transpileModule(await readFile(file, "utf8"), {
      // Node 20 does not support `await using`; the compiler rewrites it.
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
    });
    await writeFile(compiled, outputText);
    return compiled;
  }

  /** Runs a program on the build in dist/. */
  async run(file: string, env: Readonly<Record<string, string>>): Promise<Outcome> {
    return await run(process.execPath, [await this.compile(file)], { cwd: this.directory, env });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true });
  }
}
