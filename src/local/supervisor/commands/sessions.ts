import { randomUUID } from "node:crypto";
import { accessSync, constants } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { Child } from "./child.js";
import { expandPath, type Configuration } from "../configuration.js";
import { currentEnvironment } from "../environment.js";
import type { EventStream } from "../http/event-stream.js";
import { makeDirectories } from "../files/file-info.js";
import { formatDuration } from "../http/go-errors.js";
import { deliverEnding, deliverOutput } from "./delivery.js";
import type { PipePool } from "../pipes.js";
import { privateFile } from "./private-files.js";
import { runtimeError } from "../http/problems.js";
import { messageOf, problem, type Problem } from "../../wire/problem.js";

/** The maximum size of a session's variables. */
const LARGEST_STATE = 8 * 2 ** 20;

/** A validated run in a session. */
export interface SessionRun {
  readonly command: string;
  /** The directory to change to before the run; empty for the current one. */
  readonly cwd: string;
  /** 0 for no timeout. */
  readonly timeoutMs: number;
}

interface Session {
  /** The variables before the first run. */
  readonly env: Readonly<Record<string, string>>;
  cwd: string;
  /** The exported variables, in bash's declarations; `undefined` before the first run. */
  variables: Buffer | undefined;
  readonly running: Set<Child>;
}

/**
 * Sessions of bash, which keep the exported variables and the directory between runs. As in execd, each run is its own
 * process, so a run that exits, hangs or is killed does not end the session.
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

  /** Creates a session, and its directory if it does not exist. */
  create(cwd: string): string {
    const env = currentEnvironment(this.#configuration);
    const directory = expandPath(cwd, { ...this.#configuration, env });
    try {
      makeDirectories(directory);
    } catch (error) {
      throw runtimeError(`error creating session. ${messageOf(error)}`);
    }
    const id = randomUUID();
    this.#sessions.set(id, { env, cwd: directory, variables: undefined, running: new Set() });
    return id;
  }

  has(id: string): boolean {
    return this.#sessions.has(id);
  }

  /** @throws {Problem} 500 */
  directoryOf(id: string): string {
    return this.#find(id).cwd;
  }

  /** Deletes a session and ends its current run. @throws {Problem} 404 */
  delete(id: string): void {
    const session = this.#sessions.get(id);
    if (session === undefined) throw problem(404, "CONTEXT_NOT_FOUND", `session ${id} not found`);
    this.#sessions.delete(id);
    for (const child of session.running) child.signal("SIGKILL");
  }

  /** Runs a command and sends its events. Unlike a single command, it ends when its client disconnects. */
  async run(id: string, { command, cwd, timeoutMs }: SessionRun, events: EventStream): Promise<void> {
    const session = this.#find(id);
    if (cwd !== "") session.cwd = cwd;
    const before = await this.#write(session);
    const output = await this.#pipes.take();
    if (!this.has(id)) {
      // Deleted meanwhile.
      output.finish();
      if (before !== undefined) await rm(before, { force: true });
      throw contextNotFound();
    }
    const memoryBytes = this.#configuration.limits?.memoryBytes;
    const finishOutput = deliverOutput({ stdout: output }, events, { rules: "session", memoryBytes });

    const after = privateFile("state");
    const launch = {
      argv: [this.#bash, "--noprofile", "--norc", "-c", script(before, after), "bash", command],
      cwd: session.cwd,
      // The script declares the session's variables: its length is not limited, and every byte is preserved.
      env: before === undefined ? { ...session.env, PWD: session.cwd } : { PWD: session.cwd },
      timeoutMs,
    };
    const child = new Child(launch, output);
    session.running.add(child);
    // Not earlier: a client that knows of the run may delete the session at once, which must end the run.
    events.start(id);
    events.onGone = () => child.signal("SIGKILL");
    const ending = await child.ending;
    events.onGone = () => undefined;
    session.running.delete(child);
    finishOutput();
    await remember(session, after);
    if (before !== undefined) await rm(before, { force: true });

    if (child.timedOut) {
      events.fail("RUNTIME_ERROR", `error running in session. timeout after ${formatDuration(timeoutMs)}`);
    } else deliverEnding(ending, events);
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
 * Returns the script that runs a command (`$1`) in a session. It is a single line, so that error messages have the
 * command's own line numbers. A command that calls `exit` skips the rest, and so leaves the session unchanged.
 */
function script(before: string | undefined, after: string): string {
  const restore = before === undefined ? "" : `. ${quote(before)} 2>/dev/null; `;
  const dump = `{ builtin declare -px; builtin printf '\\0'; builtin pwd; } >| ${quote(after)}`;
  return [
    `${restore}builtin eval "shift; $1"`,
    // With tracing off, which would print this line. The directory is saved separately, to preserve links in its path.
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
      // not in this directory
    }
  }
  return name;
}
