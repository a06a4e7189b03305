import { sendEmpty } from "./http/responses.js";
import { requiredQuery, type ExecdRequest } from "./http/routes.js";
import { runtimeError } from "./http/problems.js";
import type { Contexts } from "./code/contexts.js";
import type { Commands } from "./commands/commands.js";
import type { Sessions } from "./commands/sessions.js";
import type { Configuration } from "./configuration.js";

/** What can be run in the box: code, commands and commands in sessions. */
export interface Runners {
  readonly configuration: Configuration;
  readonly contexts: Contexts;
  readonly commands: Commands;
  readonly sessions: Sessions;
}

/** Handles both `DELETE /code` and `DELETE /command`: the id determines what is interrupted. */
export async function interrupt({ stream, query }: ExecdRequest, runners: Runners): Promise<void> {
  const { contexts, commands, sessions } = runners;
  const id = requiredQuery(query, "id");
  if (contexts.has(id)) await contexts.interrupt(id);
  else if (commands.has(id)) await commands.interrupt(id);
  // As in execd, the only way to stop a run in a session.
  else if (sessions.has(id)) sessions.delete(id);
  // "interruptting" is execd's own spelling.
  else throw runtimeError("error interruptting code context. no such session");
  sendEmpty(stream);
}
