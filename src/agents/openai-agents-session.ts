import { applyDiff, type Editor, type ToolOutputImage } from "@openai/agents";
import type {
  Entry,
  ExecCommandArgs,
  ExposedPortEndpoint,
  Manifest,
  SandboxDirectoryEntry,
  SandboxExecResult,
  SandboxSession,
  SandboxSessionState,
} from "@openai/agents/sandbox";
import { InvalidArgumentException, isSandboxException, type Sandbox } from "../index.js";
import { readLink } from "./sandbox-operations.js";

/** The exit code of `timeout`. */
const TIMED_OUT = 124;
const CHARACTERS_PER_TOKEN = 4;

/** The serializable state by which the sandbox of a session is found again. */
export interface OpenSandboxSessionState extends SandboxSessionState {
  readonly sandboxId: string;
}

/** A sandbox as a session of the OpenAI Agents SDK. Relative paths refer to the root of the manifest. */
export class OpenSandboxSession implements SandboxSession<OpenSandboxSessionState> {
  readonly state: OpenSandboxSessionState;
  readonly sandbox: Sandbox;
  readonly #timeoutSeconds: number;

  /** @internal */
  constructor(sandbox: Sandbox, state: OpenSandboxSessionState, timeoutSeconds: number) {
    this.sandbox = sandbox;
    this.state = state;
    this.#timeoutSeconds = timeoutSeconds;
  }

  running(): Promise<boolean> {
    return this.sandbox.isHealthy();
  }

  async exec({
    cmd,
    workdir,
    shell,
    login,
    maxOutputTokens,
    runAs,
  }: ExecCommandArgs): Promise<SandboxExecResult> {
    refuseUser(runAs);
    const start = performance.now();
    const command = shell === undefined ? cmd : [shell, login === true ? "-lc" : "-c", cmd];
    const run = this.sandbox.commands.run(command, {
      cwd: this.#resolve(workdir ?? "."),
      env: await this.state.manifest.resolveEnvironment(),
      timeoutSeconds: this.#timeoutSeconds,
      ...(maxOutputTokens !== undefined && { maxOutputBytes: maxOutputTokens * CHARACTERS_PER_TOKEN }),
    });
    const finish = (exitCode: number | null, notice = ""): SandboxExecResult => {
      const { stdout, stderr } = run.execution;
      const wallTimeSeconds = (performance.now() - start) / 1_000;
      return { output: stdout + stderr + notice, stdout, stderr, wallTimeSeconds, exitCode };
    };
    return await run.then(
      ({ exitCode = null }) => finish(exitCode),
      (error: unknown) => {
        if (!isSandboxException(error) || error.code !== "RUN_TIMEOUT") throw error;
        return finish(TIMED_OUT, `[stopped after ${this.#timeoutSeconds} s]\n`);
      },
    );
  }

  async execCommand(args: ExecCommandArgs): Promise<string> {
    const { output, exitCode, wallTimeSeconds } = await this.exec(args);
    const ending =
      typeof exitCode !== "number" ? "Process was ended by a signal" : `Process exited with code ${exitCode}`;
    return `Wall time: ${wallTimeSeconds.toFixed(2)} seconds\n${ending}\nOutput:\n${output}`;
  }

  async viewImage({ path, runAs }: { path: string; runAs?: string }): Promise<ToolOutputImage> {
    const data = await this.readFile({ path, ...(runAs !== undefined && { runAs }) });
    return { type: "image", image: { data, mediaType: mediaTypeOf(path) } };
  }

  async readFile({
    path,
    runAs,
    maxBytes,
  }: {
    path: string;
    runAs?: string;
    maxBytes?: number;
  }): Promise<Uint8Array<ArrayBuffer>> {
    refuseUser(runAs);
    const range = maxBytes === undefined ? {} : { range: { end: maxBytes } };
    return new Uint8Array(await this.sandbox.files.readBytes(this.#resolve(path), range));
  }

  async listDir({ path, runAs }: { path: string; runAs?: string }): Promise<SandboxDirectoryEntry[]> {
    refuseUser(runAs);
    const entries = await this.sandbox.files.listDirectory(this.#resolve(path));
    return entries.map((entry) => ({
      name: entry.path.slice(entry.path.lastIndexOf("/") + 1),
      path: entry.path,
      type: entry.type === "directory" ? "dir" : entry.type === "file" ? "file" : "other",
    }));
  }

  async pathExists(path: string, runAs?: string): Promise<boolean> {
    refuseUser(runAs);
    return await this.sandbox.files.exists(this.#resolve(path));
  }

  async directoryExists(path: string, runAs?: string): Promise<boolean> {
    refuseUser(runAs);
    const info = await readLink(this.sandbox, this.#resolve(path), {});
    return info?.type === "directory";
  }

  createEditor(runAs?: string): Editor {
    refuseUser(runAs);
    const { files } = this.sandbox;
    return {
      createFile: async ({ path, diff }) => {
        await files.writeFile(this.#resolve(path), applyDiff("", diff, "create"));
      },
      updateFile: async ({ path, diff, moveTo }) => {
        const from = this.#resolve(path);
        const to = moveTo === undefined ? from : this.#resolve(moveTo);
        await files.writeFile(to, applyDiff(await files.readFile(from), diff));
        if (to !== from) await files.deleteFile(from);
      },
      deleteFile: async ({ path }) => {
        await files.deleteFile(this.#resolve(path));
      },
    };
  }

  /** Writes the files and directories of a manifest. */
  async applyManifest(manifest: Manifest, runAs?: string): Promise<void> {
    refuseUser(runAs);
    await this.sandbox.files.createDirectories([manifest.root]);
    for (const [path, entry] of Object.entries(manifest.entries))
      await this.materializeEntry({ path, entry });
  }

  /** @throws {InvalidArgumentException} for mounts, repositories and local directories */
  async materializeEntry({
    path,
    entry,
    runAs,
  }: {
    path: string;
    entry: Entry;
    runAs?: string;
  }): Promise<void> {
    refuseUser(runAs);
    const { files } = this.sandbox;
    const target = this.#resolve(path);
    if (isEntry(entry, "file")) await files.writeFile(target, entry.content);
    else if (isEntry(entry, "local_file")) await files.upload(entry.src, target);
    else if (isEntry(entry, "dir")) await this.#materializeDirectory(path, entry.children ?? {});
    else {
      throw new InvalidArgumentException(
        `manifest.entries["${path}"] must be a file, local_file or dir; got "${entry.type}".`,
      );
    }
  }

  /** Packs the root of the manifest into a tar archive. */
  async persistWorkspace(): Promise<Uint8Array> {
    return await this.#withArchive(async (archive) => {
      await this.#tar(["-cf", archive, "."]);
      return await this.sandbox.files.readBytes(archive);
    });
  }

  /** Unpacks an archive of {@link persistWorkspace}. */
  async hydrateWorkspace(data: string | ArrayBuffer | Uint8Array): Promise<void> {
    await this.#withArchive(async (archive) => {
      await this.sandbox.files.writeFile(archive, data instanceof ArrayBuffer ? new Uint8Array(data) : data);
      await this.#tar(["-xf", archive]);
    });
  }

  async resolveExposedPort(port: number): Promise<ExposedPortEndpoint> {
    const { url, headers } = await this.sandbox.getEndpoint(port);
    const { hostname, port: hostPort, protocol, search } = new URL(url);
    const tls = protocol === "https:";
    return { host: hostname, port: Number(hostPort || (tls ? 443 : 80)), tls, query: search, url, headers };
  }

  supportsPty(): boolean {
    return false;
  }

  /** Ends the sandbox. */
  async close(): Promise<void> {
    await this.sandbox.kill();
    await this.sandbox.close();
  }

  async #materializeDirectory(path: string, children: Readonly<Record<string, Entry>>): Promise<void> {
    await this.sandbox.files.createDirectories([this.#resolve(path)]);
    for (const [name, entry] of Object.entries(children)) {
      await this.materializeEntry({ path: `${path}/${name}`, entry });
    }
  }

  async #withArchive<Value>(use: (archive: string) => Promise<Value>): Promise<Value> {
    const archive = `/tmp/workspace-${crypto.randomUUID()}.tar`;
    try {
      return await use(archive);
    } finally {
      await this.sandbox.files.deleteFile(archive);
    }
  }

  async #tar(options: readonly string[]): Promise<void> {
    const { exitCode, stderr } = await this.sandbox.commands.run([
      "tar",
      "-C",
      this.state.manifest.root,
      ...options,
    ]);
    if (exitCode !== 0) throw new InvalidArgumentException(`tar could not process the workspace: ${stderr}`);
  }

  #resolve(path: string): string {
    return path.startsWith("/") ? path : `${this.state.manifest.root.replace(/\/$/, "")}/${path}`;
  }
}

function isEntry<Type extends Entry["type"]>(
  entry: Entry,
  type: Type,
): entry is Extract<Entry, { type: Type }> {
  return entry.type === type;
}

function refuseUser(runAs: string | undefined): void {
  if (runAs !== undefined) {
    throw new InvalidArgumentException(
      `runAs must not be set; got "${runAs}". All commands run as the user of the sandbox.`,
    );
  }
}

function mediaTypeOf(path: string): string {
  const extension = /\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? "png";
  return `image/${extension === "jpg" ? "jpeg" : extension}`;
}
