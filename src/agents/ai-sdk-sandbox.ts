import { InvalidArgumentException, type CallOptions, type Sandbox } from "../index.js";
import { orNull, readLink, toLine } from "./sandbox-operations.js";

interface CommandOptions {
  readonly command: string;
  readonly workingDirectory?: string | undefined;
  readonly env?: Record<string, string> | undefined;
  readonly abortSignal?: AbortSignal | undefined;
}

interface PathOptions {
  readonly path: string;
  readonly abortSignal?: AbortSignal | undefined;
}

interface WriteOptions<Content> extends PathOptions {
  readonly content: Content;
}

/** A process that a session has spawned. */
export interface AiSdkProcess {
  readonly stdout: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly stderr: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Waits for the end of the process. @throws the reason of the signal if the process was aborted */
  wait(): Promise<{ exitCode: number }>;
  /** Terminates the process; succeeds if it has ended. */
  kill(): Promise<void>;
}

/** Options of {@link sandboxSession}. */
export interface SandboxSessionOptions {
  /** Where commands start and what relative paths refer to. @default the directory in which the sandbox starts commands */
  readonly workingDirectory?: string | undefined;
}

/**
 * Creates a session for `experimental_sandbox` of the AI SDK 7, with which tools run commands and access files. You
 * own the sandbox: kill it yourself.
 *
 * @example
 * ```ts
 * await using sandbox = await Sandbox.create({ killOnDispose: true });
 * await generateText({ model, tools, prompt, experimental_sandbox: sandboxSession(sandbox) });
 * ```
 */
export function sandboxSession(sandbox: Sandbox, options: SandboxSessionOptions = {}): AiSdkSandboxSession {
  return new AiSdkSandboxSession(sandbox, options);
}

/** A sandbox as the AI SDK 7 uses it; see {@link sandboxSession}. */
export class AiSdkSandboxSession {
  readonly description: string;
  protected readonly sandbox: Sandbox;
  #directory: Promise<string> | undefined;

  /** @internal */
  constructor(sandbox: Sandbox, { workingDirectory }: SandboxSessionOptions) {
    this.sandbox = sandbox;
    if (workingDirectory !== undefined) this.#directory = Promise.resolve(workingDirectory);
    const start = workingDirectory === undefined ? "" : ` and start in ${workingDirectory}`;
    this.description = `A sandbox of OpenSandbox with bash. Commands are separate processes${start}; files are kept as long as the sandbox lives.`;
  }

  async run({ command, workingDirectory, env, abortSignal: signal }: CommandOptions): Promise<{
    exitCode: number;
    stdout: string;
    stderr: string;
  }> {
    const cwd = await this.#resolve(workingDirectory, signal);
    const { exitCode, stdout, stderr } = await this.sandbox.commands.run(command, { cwd, env, signal });
    return { exitCode: exitCode ?? -1, stdout, stderr };
  }

  /** @throws {InvalidArgumentException} for `stdin: true`, which sandboxes do not support */
  spawn(options: CommandOptions & { readonly stdin: true }): Promise<never>;
  spawn(options: CommandOptions & { readonly stdin?: boolean }): Promise<AiSdkProcess>;
  async spawn({
    command,
    workingDirectory,
    env,
    abortSignal: signal,
    stdin,
  }: CommandOptions & { readonly stdin?: boolean }): Promise<AiSdkProcess> {
    if (stdin === true) {
      throw new InvalidArgumentException(
        "stdin must be false: commands in a sandbox have no standard input. Write the input to a file and redirect it.",
      );
    }
    const cwd = await this.#resolve(workingDirectory, signal);
    const [stdout, stderr] = [new OutputStream(), new OutputStream()];
    const run = this.sandbox.commands.run(command, {
      cwd,
      env,
      signal,
      // The streams are read elsewhere; the run itself need not keep what they have.
      maxOutputBytes: 1,
      handlers: {
        onStdout: ({ text }) => stdout.writeLine(text),
        onStderr: ({ text }) => stderr.writeLine(text),
      },
    });
    const ended = run.then(
      ({ exitCode }) => {
        stdout.close();
        stderr.close();
        return { exitCode: exitCode ?? -1 };
      },
      (error: unknown) => {
        stdout.fail(error);
        stderr.fail(error);
        throw error;
      },
    );
    // Nobody has to wait for the process.
    ended.catch(() => undefined);
    return {
      stdout: stdout.readable,
      stderr: stderr.readable,
      wait: () => ended,
      kill: () => run.interrupt(),
    };
  }

  async readFile({ path, abortSignal: signal }: PathOptions): Promise<ReadableStream<Uint8Array> | null> {
    const { files } = this.sandbox;
    return await orNull(files.readBytesStream(await this.#resolve(path, signal), { signal }));
  }

  async readBinaryFile({ path, abortSignal: signal }: PathOptions): Promise<Uint8Array | null> {
    return await orNull(this.sandbox.files.readBytes(await this.#resolve(path, signal), { signal }));
  }

  async readTextFile({
    encoding = "utf-8",
    startLine = 1,
    endLine = Infinity,
    ...options
  }: PathOptions & {
    readonly encoding?: string;
    readonly startLine?: number;
    readonly endLine?: number;
  }): Promise<string | null> {
    const bytes = await this.readBinaryFile(options);
    if (bytes === null) return null;
    const text = new TextDecoder(encoding, { ignoreBOM: true }).decode(bytes);
    if (startLine === 1 && endLine === Infinity) return text;
    return text
      .split("\n")
      .slice(startLine - 1, endLine)
      .join("\n");
  }

  async writeFile({
    path,
    content,
    abortSignal: signal,
  }: WriteOptions<ReadableStream<Uint8Array>>): Promise<void> {
    const data = content;
    await this.sandbox.files.writeFile(await this.#resolve(path, signal), data, { signal });
  }

  async writeBinaryFile({ path, content, abortSignal: signal }: WriteOptions<Uint8Array>): Promise<void> {
    await this.sandbox.files.writeFile(await this.#resolve(path, signal), content, { signal });
  }

  async writeTextFile({
    content,
    encoding = "utf-8",
    ...options
  }: WriteOptions<string> & { readonly encoding?: string }): Promise<void> {
    if (!/^utf-?8$/i.test(encoding)) {
      throw new InvalidArgumentException(
        `encoding must be "utf-8"; got "${encoding}". Encode the text yourself and use writeBinaryFile.`,
      );
    }
    await this.writeBinaryFile({ ...options, content: new TextEncoder().encode(content) });
  }

  async stat({ path, abortSignal: signal }: PathOptions): Promise<{
    type: "file" | "directory" | "other";
    size: number;
  } | null> {
    const info = await readLink(this.sandbox, await this.#resolve(path, signal), { signal });
    if (info === null) return null;
    const { type, size } = info;
    return { type: type === "file" || type === "directory" ? type : "other", size };
  }

  async listDirectory({
    path,
    abortSignal: signal,
  }: PathOptions): Promise<{ name: string; type: "file" | "directory" | "symlink" | "other" }[] | null> {
    const { files } = this.sandbox;
    const target = await readLink(this.sandbox, await this.#resolve(path, signal), { signal });
    if (target === null) return null;
    const entries = await orNull(files.listDirectory(target.path, { signal }));
    return (
      entries?.map((entry) => ({
        name: entry.path.slice(entry.path.lastIndexOf("/") + 1),
        type: entry.type ?? "other",
      })) ?? null
    );
  }

  async deleteFile({ path, abortSignal: signal }: PathOptions): Promise<boolean> {
    const { files } = this.sandbox;
    const resolved = await this.#resolve(path, signal);
    if (!(await files.exists(resolved, { signal }))) return false;
    await files.deleteFile(resolved, { signal });
    return true;
  }

  /** Makes a path absolute; without one, returns the directory in which commands start. */
  async #resolve(path: string | undefined, signal: AbortSignal | undefined): Promise<string> {
    if (path?.startsWith("/") === true) return path;
    this.#directory ??= startDirectory(this.sandbox, {}).catch((error: unknown) => {
      this.#directory = undefined;
      throw error;
    });
    signal?.throwIfAborted();
    const directory = await this.#directory;
    return path === undefined ? directory : `${directory.replace(/\/$/, "")}/${path}`;
  }
}

/** A stream of bytes that takes lines, as many as come: a process must not wait for who reads its other stream. */
class OutputStream {
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  readonly #encoder = new TextEncoder();

  constructor() {
    this.readable = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => {
        this.#controller = undefined;
      },
    });
  }

  /** Takes a line as commands deliver it: without its newline, and an empty one as a newline. */
  writeLine(text: string): void {
    this.#controller?.enqueue(this.#encoder.encode(toLine(text)));
  }

  close(): void {
    this.#controller?.close();
  }

  fail(error: unknown): void {
    this.#controller?.error(error);
  }
}

/** Returns the directory in which a sandbox starts commands. */
export async function startDirectory(sandbox: Sandbox, options: CallOptions): Promise<string> {
  const { stdout } = await sandbox.commands.run("pwd", options);
  return stdout.trimEnd();
}
