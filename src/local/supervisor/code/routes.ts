import { sendEmpty, sendJson } from "../http/responses.js";
import { requiredQuery, type ExecdRequest, type RouteTable } from "../http/routes.js";
import { Body } from "../http/body.js";
import { isKernelLanguage, type Contexts } from "./contexts.js";
import { EventStream } from "../http/event-stream.js";
import { runtimeError } from "../http/problems.js";
import { problem } from "../../wire/problem.js";
import { interrupt, type Runners } from "../runners.js";

/** Returns the routes for running code and for contexts. */
export function codeRoutes(runners: Runners): RouteTable {
  const { contexts } = runners;
  return {
    "POST /code": (request) => runCode(request, runners),
    "DELETE /code": (request) => interrupt(request, runners),
    "POST /code/input": async ({ stream }) => {
      const body = await Body.read(stream, "CodeInput");
      const text = body.boolean("is_end") ? undefined : body.string("text");
      await contexts.answer(body.required("context_id", "ContextID"), body.integer("id"), text);
      sendEmpty(stream);
    },
    "POST /code/context": async ({ stream }) => {
      const body = await Body.read(stream, "CodeContextRequest");
      const cwd = body.string("cwd");
      sendJson(stream, 200, contexts.create(body.string("language"), cwd === "" ? undefined : cwd));
    },
    "GET /code/contexts": (request) => listContexts(request, contexts),
    "DELETE /code/contexts": async ({ stream, query }) => {
      await contexts.deleteAll(requiredQuery(query, "language"));
      sendEmpty(stream);
    },
    "GET /code/contexts/:id": ({ stream, parameters: { id = "" } }) =>
      sendJson(stream, 200, contexts.get(id)),
    "DELETE /code/contexts/:id": async ({ stream, parameters: { id = "" } }) => {
      await contexts.delete(id);
      sendEmpty(stream);
    },
  };
}

async function runCode(
  { stream }: ExecdRequest,
  { configuration, contexts, commands }: Runners,
): Promise<void> {
  const body = await Body.read(stream, "RunCodeRequest");
  const code = body.required("code", "Code");
  const context = body.object("context");
  const language = context.string("language");
  const events = new EventStream(stream);
  const command = { command: code, cwd: configuration.workspace, env: {}, timeoutMs: 0 };
  if (language === "" || language === "command") await commands.run(command, events);
  else if (language === "background-command") await commands.runInBackground(command, events);
  else if (language === "sql") {
    const message = `error running codes: the language ${language} is not available in the local server`;
    throw problem(501, "NOT_SUPPORTED", message);
  } else {
    const allowsInput = body.boolean("allow_input");
    await contexts.run(code, { id: context.string("id"), language, allowsInput }, events);
  }
}

function listContexts({ stream, query }: ExecdRequest, contexts: Contexts): void {
  const language = query.get("language") ?? "";
  if (language !== "" && !isKernelLanguage(language)) {
    throw runtimeError(`unsupported language context operation: ${language}`);
  }
  sendJson(stream, 200, contexts.list(language === "" ? undefined : language));
}
