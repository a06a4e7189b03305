import { randomUUID } from "node:crypto";
import { accessSync, constants } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { Child, toWireError } from "./child.js";
import { expandPath, type Configuration } from "../environment.js";
import type { EventStream } from "../http/event-stream.js";
import { makeDirectories } from "../files/file-info.js";
import { formatDuration } from "../http/go-errors.js";
import { LineSplitter, longestLine } from "./lines.js";
import type { PipePool } from "../code/pipes.js";
import { privateFile } from "./private-files.js";
import { messageOf, Problem, runtimeError } from "../http/problem.js";

/** What a session remembers of its variables, at most. */
const LARGEST_STATE = 8 * 2 ** 20;

/** A run in a session, checked. */
export interface SessionRun {
  readonly command: string;
  /** Where the session goes to first; empty: nowhere. */
  readonly cwd: string;
  /** 0: none. */
  readonly timeoutMs: number;
}

interface Session {
  cwd: string;
  /** The exported variables, as bash declares them; `undefined` before the first run. */
  variables: Buffer | undefined;
  readonly running: Set<Child>;
}

/**
 * Sessions of bash: what they remember from one run to the next are the exported variables and the directory. As in
 * execd each run is a process of its own, so that one that exits, hangs or is killed does not take the session along.
 */
export class Sessions {
  readonly #configuration: Configuration;
  readonly #pipes: PipePool;
  readonly #bash: string;
  readonly #sessions = new Map<string, Session>();

  constructor(configuration: Configuration, pipes: PipePool) {
    this.#configuration = configuration;
    this.#pipes = pipes;
    this.#bash = findProgram("bash", configuration.env["PATH"] ?? "");
  }

  /** Makes a session, and its directory if it does not exist. */
  create(cwd: string): string {
    const directory = expandPath(cwd, this.#configuration);
    try {
      makeDirectories(directory);
    } catch (error) {
      throw runtimeError(`error creating session. ${messageOf(error)}`);
    }
    const id = randomUUID();
    this.#sessions.set(id, { cwd: directory, variables: undefined, running: new Set() });
    return id;
  }

  has(id: string): boolean {
    return this.#sessions.has(id);
  }

  /** @throws {Problem} 500 */
  directoryOf(id: string): string {
    return this.#find(id).cwd;
  }

  /** Ends a session and what runs in it. @throws {Problem} 404 */
  delete(id: string): void {
    const session = this.#sessions.get(id);
    if (session === undefined) throw new Problem(404, "CONTEXT_NOT_FOUND", `session ${id} not found`);
    this.#sessions.delete(id);
    for (const child of session.running) child.signal("SIGKILL");
  }

  /** Runs a command and reports it; unlike one that stands alone it ends with its client. */
  async run(id: string, { command, cwd, timeoutMs }: SessionRun, events: EventStream): Promise<void> {
    const session = this.#find(id);
    if (cwd !== "") session.cwd = cwd;
    const before = await this.#write(session);
    const output = await this.#pipes.take();
    if (!this.has(id)) {
      // It was deleted meanwhile.
      output.finish();
      if (before !== undefined) await rm(before, { force: true });
      throw contextNotFound();
    }
    const longest = longestLine(this.#configuration.limits?.memoryBytes);
    const lines = new LineSplitter((text) => events.send({ type: "stdout", text }), longest, "session");
    output.listen((chunk) => lines.push(chunk));
    events.onFlow = (flowing) => output.setFlowing(flowing);

    const after = privateFile("state");
    const child = new Child({
      argv: [this.#bash, "--noprofile", "--norc", "-c", script(before, after), "bash", command],
      cwd: session.cwd,
      // What the session has is declared by its script, which no length limits and where every byte survives.
      env: before === undefined ? { ...this.#configuration.env, PWD: session.cwd } : { PWD: session.cwd },
      stdout: output.writeEnd,
      stderr: output.writeEnd,
      timeoutMs,
    });
    output.closeWriteEnd();
    session.running.add(child);
    // Not before: who knows of the run may delete the session at once, and that must end it.
    events.start(id);
    events.onGone = () => child.signal("SIGKILL");
    const ending = await child.ending;
    events.onGone = () => undefined;
    events.onFlow = () => undefined;
    session.running.delete(child);
    output.finish();
    lines.finish();
    await remember(session, after);
    if (before !== undefined) await rm(before, { force: true });

    const error = toWireError(ending);
    if (child.timedOut) {
      const message = `error running in session. timeout after ${formatDuration(timeoutMs)}`;
      events.fail("RUNTIME_ERROR", message);
      return;
    }
    if (error !== undefined) events.send({ type: "error", error });
    else events.send({ type: "execution_complete", execution_time: events.elapsedMs });
    events.end();
  }

  #find(id: string): Session {
    const session = this.#sessions.get(id);
    if (session === undefined) throw contextNotFound();
    return session;
  }

  async #write({ variables }: Session): Promise<string | undefined> {
    if (variables === undefined) return undefined;
    const file = privateFile("state");
    await writeFile(file, variables, { mode: 0o600 });
    return file;
  }
}

function contextNotFound(): Problem {
  return runtimeError("error running in session. context not found");
}

/**
 * What bash runs around the command, its `$1`. All on the first line, so that messages tell the command's own lines;
 * a command that exits leaves the rest out, and so the session as it was.
 */
function script(before: string | undefined, after: string): string {
  const restore = before === undefined ? "" : `. ${quote(before)} 2>/dev/null; `;
  const dump = `{ builtin declare -px; builtin printf '\\0'; builtin pwd; } >| ${quote(after)}`;
  return [
    `${restore}builtin eval "shift; $1"`,
    // Without tracing, which would show these lines. The directory is told apart: links in it must not be lost.
    `{ builtin set -- "$?"; builtin set +x; builtin export -n PWD; ${dump}; } 2>/dev/null`,
    'builtin exit "$1"',
  ].join("\n");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

async function remember(session: Session, file: string): Promise<void> {
  const dump = await readFile(file).catch(() => undefined);
  await rm(file, { force: true });
  const end = dump?.lastIndexOf(0) ?? -1;
  if (dump === undefined || end === -1 || dump.length > LARGEST_STATE) return;
  session.variables = dump.subarray(0, end);
  session.cwd = dump.toString("utf8", end + 1).replace(/\n$/, "");
}

function findProgram(name: string, searchPath: string): string {
  for (const directory of searchPath.split(path.delimiter)) {
    const file = path.join(directory, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not here.
    }
  }
  return name;
}
