import { pipeline } from "node:stream/promises";
import { sendEmpty, sendJson } from "../http/responses.js";
import type { ExecdRequest, RouteTable } from "../http/routes.js";
import { Body } from "../http/body.js";
import { readText } from "../../wire/body.js";
import type { Commands, CommandSpec } from "./commands.js";
import { interrupt, type Runners } from "../runners.js";
import { resolveDirectory, type Configuration } from "../configuration.js";
import { currentEnvironment } from "../environment.js";
import { EventStream } from "../http/event-stream.js";
import { primaryGroupOf } from "../files/identities.js";
import { badRequest, invalid } from "../http/problems.js";
import { Problem } from "../../wire/problem.js";
import type { Sessions } from "./sessions.js";

/** Up to this size, a part of a log is sent with its length. */
const MEASURED_BYTES = 2 ** 20;

/** Returns the routes for commands, background commands and sessions. */
export function commandRoutes(runners: Runners): RouteTable {
  const { commands, sessions } = runners;
  return {
    "POST /command": (request) => runCommand(request, runners),
    "DELETE /command": (request) => interrupt(request, runners),
    "GET /command/status/:id": ({ stream, parameters: { id = "" } }) =>
      sendJson(stream, 200, commands.status(id)),
    "GET /command/:id/logs": (request) => sendLog(request, commands),
    "POST /session": (request) => createSession(request, sessions),
    "POST /session/:id/run": (request) => runInSession(request, runners),
    "DELETE /session/:id": ({ stream, parameters: { id = "" } }) => {
      sessions.delete(id);
      sendEmpty(stream);
    },
  };
}

async function runCommand({ stream }: ExecdRequest, { configuration, commands }: Runners): Promise<void> {
  const body = await Body.read(stream, "RunCommandRequest");
  const command = readCommand(body);
  const timeoutMs = body.count("timeout", "TimeoutMs") ?? 0;
  const uid = body.count("uid", "Uid");
  const gid = body.count("gid", "Gid");
  if (gid !== undefined && uid === undefined) throw invalid("uid is required when gid is provided");
  const env = body.map("envs");
  // The path may contain a variable of the command.
  const withOwn = { ...configuration, env: { ...currentEnvironment(configuration), ...env } };
  const cwd = resolveDirectory(body.string("cwd"), withOwn);
  const group = gid ?? (uid === undefined ? undefined : primaryGroupOf(uid));
  const spec: CommandSpec = { command, cwd, env, uid, gid: group, timeoutMs };
  const events = new EventStream(stream);
  await (body.boolean("background") ? commands.runInBackground(spec, events) : commands.run(spec, events));
}

/** Reads text for the shell or, as on newer servers, a program and its arguments. */
function readCommand(body: Body): string | readonly string[] {
  const argv = body.strings("argv");
  if (argv === undefined) return body.required("command", "Command");
  if (body.string("command") !== "") throw invalid("exactly one of command and argv must be provided");
  if (argv[0] === undefined || argv[0] === "") throw invalid("argv[0] must not be empty");
  if (argv.some((argument) => argument.includes("\0"))) throw invalid("argv must not contain NUL bytes");
  return argv;
}

async function sendLog(
  { stream, query, parameters: { id = "" } }: ExecdRequest,
  commands: Commands,
): Promise<void> {
  const log = commands.log(id);
  const given = query.get("cursor") ?? "";
  // As in execd, anything but a number is ignored.
  const cursor = /^[+-]?\d+$/.test(given) ? Number(given) : 0;
  if (cursor < 0) {
    const message = `error seek file: seek /tmp/${id}.output: invalid argument`;
    throw badRequest(message);
  }
  const { end } = log;
  const headers = {
    ":status": 200,
    "content-type": "text/plain; charset=utf-8",
    "execd-commands-tail-cursor": String(Math.max(cursor, end)),
  };
  if (end - Math.max(cursor, log.start) > MEASURED_BYTES) {
    stream.respond(headers);
    await pipeline(log.read(cursor, end), stream);
    return;
  }
  const pieces: Buffer[] = [];
  for await (const piece of log.read(cursor, end)) pieces.push(piece);
  const text = Buffer.concat(pieces);
  stream.respond({ ...headers, "content-length": String(text.length) });
  stream.end(text);
}

async function createSession({ stream }: ExecdRequest, sessions: Sessions): Promise<void> {
  const text = await readText(stream);
  const body = Body.parse(text.trim() === "" ? "{}" : text, { name: "CreateSessionRequest", unreadable });
  sendJson(stream, 200, { session_id: sessions.create(body.string("cwd")) });
}

async function runInSession(
  { stream, parameters: { id = "" } }: ExecdRequest,
  runners: Runners,
): Promise<void> {
  const { sessions } = runners;
  const configuration = { ...runners.configuration, env: currentEnvironment(runners.configuration) };
  const model = { name: "RunInSessionRequest", unreadable, invalid: refused };
  const body = await Body.read(stream, model);
  const command = body.required("command", "Command");
  const timeoutMs = body.count("timeout", "Timeout") ?? 0;
  const given = body.string("cwd");
  // The session's directory may have been deleted, and no process could start in it.
  const cwd = resolveSessionDirectory(given === "" ? sessions.directoryOf(id) : given, configuration);
  await sessions.run(id, { command, cwd: given === "" ? "" : cwd, timeoutMs }, new EventStream(stream));
}

function resolveSessionDirectory(given: string, configuration: Configuration): string {
  try {
    return resolveDirectory(given, configuration);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw refused(error.message.replace(/^invalid request, validation error /, ""));
  }
}

function unreadable(reason: string): Problem {
  return badRequest(`error parsing request. ${reason}`);
}

function refused(reason: string): Problem {
  return badRequest(`invalid request. ${reason}`);
}
