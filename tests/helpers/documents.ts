import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parse, stringify } from "yaml";
import { isRecord } from "../../src/json.js";
import { run, type Outcome } from "../package/programs.js";
import { moduleFunction } from "./module-thread.js";
import { typeCheck } from "./type-check.js";

// Jest runs the tests as CommonJS.
const ROOT = path.join(__dirname, "../..");

/** The exit code and output of a run of the generator. */
export interface GeneratorOutcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const generate = moduleFunction<GeneratorOutcome>("scripts/lib/generator.mjs", "generate");

/** A copy of the project's API documents and the code generated from them, in a temporary directory. */
export class ProjectCopy implements AsyncDisposable {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** @param parts more files and directories to copy */
  static async create(...parts: string[]): Promise<ProjectCopy> {
    const directory = await mkdtemp(path.join(tmpdir(), "documents-"));
    for (const part of ["openapi", "generated", "package.json", "tsconfig.json", ...parts]) {
      await cp(path.join(ROOT, part), path.join(directory, part), { recursive: true });
    }
    await symlink(path.join(ROOT, "node_modules"), path.join(directory, "node_modules"), "dir");
    return new ProjectCopy(directory);
  }

  path(...parts: string[]): string {
    return path.join(this.directory, ...parts);
  }

  async read(file: string): Promise<string> {
    return await readFile(this.path(file), "utf8");
  }

  async write(file: string, text: string): Promise<void> {
    await writeFile(this.path(file), text);
  }

  /** Reads every file of a directory, by name. */
  async readAll(directory: string): Promise<Record<string, string>> {
    const names = (await readdir(this.path(directory))).sort();
    return Object.fromEntries(
      await Promise.all(
        names.map(async (name) => [name, await this.read(path.join(directory, name))] as const),
      ),
    );
  }

  /** Replaces text that occurs exactly once. */
  async replace(file: string, old: string, replacement: string): Promise<void> {
    const text = await this.read(file);
    if (text.split(old).length !== 2)
      throw new RangeError(`${file} must contain this text exactly once: ${old}`);
    await this.write(
      file,
      text.replace(old, () => replacement),
    );
  }

  /** Changes a schema of a document and removes its examples, which may no longer match. */
  async changeSchema(document: string, name: string, change: (schema: Schema) => void): Promise<void> {
    const parsed: unknown = parse(await this.read(`openapi/${document}.yaml`), (key, value: unknown) =>
      key === "example" ? undefined : value,
    );
    const schema = isDocument(parsed) ? parsed.components.schemas[name] : undefined;
    if (schema === undefined) throw new RangeError(`${document}.yaml has no schema ${name}.`);
    change(schema);
    await this.write(`openapi/${document}.yaml`, stringify(parsed));
  }

  /** Runs the project's generator on the copy, in a thread of this process. */
  async generate({ check = false, out = this.path("generated") } = {}): Promise<GeneratorOutcome> {
    return await generate({ check, openapi: this.path("openapi"), out });
  }

  /** Starts the project's generator on the copy, with `--watch`. */
  watch(): Watching {
    return new Watching("--openapi", this.path("openapi"), "--out", this.path("generated"), "--watch");
  }

  /** Type-checks a file with the project's settings; returns the errors in this file. */
  async check(file: string): Promise<string[]> {
    const lines = await typeCheck(this.directory, { extends: "./tsconfig.json", files: [file] });
    return lines.filter((line) => line.startsWith(`${file}(`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true });
  }
}

/** A generator in watch mode. Disposing stops it. */
export class Watching implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #output = "";
  #onOutput = (): void => undefined;

  constructor(...flags: string[]) {
    const script = path.join(ROOT, "scripts/generate.mjs");
    this.#child = spawn(process.execPath, [script, ...flags], { cwd: ROOT });
    this.#closed = once(this.#child, "close");
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
        this.#onOutput();
      });
    }
  }

  /** Waits until text was printed since the last call. */
  async untilPrinted(text: string): Promise<void> {
    while (!this.#output.includes(text)) {
      const more = new Promise<void>((resolve) => (this.#onOutput = resolve));
      const ended = this.#closed.then(() => {
        throw new Error(`The generator ended without "${text}": ${this.#output}`);
      });
      await Promise.race([more, ended]);
    }
    this.#output = this.#output.slice(this.#output.indexOf(text) + text.length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill();
    await this.#closed;
  }
}

/** Runs the project's generator on the project itself, in a thread of this process. */
export async function generateProject({ check }: { readonly check: true }): Promise<GeneratorOutcome> {
  return await generate({ check, openapi: path.join(ROOT, "openapi"), out: path.join(ROOT, "generated") });
}

/** Runs the command of the project's generator. */
export async function runGenerator(...flags: string[]): Promise<Outcome> {
  return await run(process.execPath, [path.join(ROOT, "scripts/generate.mjs"), ...flags]);
}

/** The parts of a schema that tests change. */
export interface Schema {
  required?: string[];
  properties?: Record<string, unknown>;
  description?: string;
}

/** The parts of a document that tests read. */
export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** Loads the project's documents, parsed, by name. */
export async function loadDocuments(): Promise<Readonly<Record<string, Document>>> {
  const names = (await readdir(path.join(ROOT, "openapi"))).filter((name) => name.endsWith(".yaml"));
  return Object.fromEntries(
    await Promise.all(
      names.map(async (name) => {
        const document: unknown = parse(await readFile(path.join(ROOT, "openapi", name), "utf8"));
        if (!isDocument(document)) throw new TypeError(`${name} is not a document.`);
        return [path.basename(name, ".yaml"), document] as const;
      }),
    ),
  );
}

function isDocument(value: unknown): value is Document {
  if (!isRecord(value) || !isRecord(value["paths"]) || !isRecord(value["components"])) return false;
  const { schemas } = value["components"];
  return isRecord(schemas) && Object.values(schemas).every(isRecord);
}
