import { assertOptionalText, type CallOptions, checkOptions } from "../arguments.js";
import { defined } from "../transport/request.js";
import { expectRecord, expectText } from "../transport/response.js";
import type { StreamedResponse } from "../transport/response-body.js";
import type { SandboxLink } from "./link.js";
import { serverTimeoutMillis } from "./server-timeout.js";
import type { CreateSessionOptions, RunInSessionOptions } from "./sessions.js";

/** Creates a session. Returns its id. */
export async function createSession({ execd }: SandboxLink, options: CreateSessionOptions): Promise<string> {
  const { cwd, signal } = checkOptions(options);
  assertOptionalText(cwd, "cwd");
  const call = execd.json({ signal });
  const { data } = await execd.client.POST("/session", { body: defined({ cwd }), fetch: call.fetch });
  return expectText(expectRecord(data, call).session_id, "session_id", call);
}

/** Sends a run in a session. */
export async function runInSession(
  { execd }: SandboxLink,
  sessionId: string,
  run: Pick<RunInSessionOptions, "cwd" | "timeoutSeconds"> & { readonly command: string },
  controller: AbortController,
): Promise<StreamedResponse> {
  const { command, cwd, timeoutSeconds } = run;
  const call = execd.run(controller);
  const { response } = await execd.client.POST("/session/{sessionId}/run", {
    params: { path: { sessionId } },
    body: defined({ command, cwd, timeout: serverTimeoutMillis(timeoutSeconds) }),
    fetch: call.fetch,
    parseAs: "stream",
  });
  return call.receive(response);
}

/** Implements {@link CommandSession.delete}. */
export async function deleteSession(
  { execd }: SandboxLink,
  sessionId: string,
  options: CallOptions,
): Promise<void> {
  const params = { path: { sessionId } };
  await execd.client.DELETE("/session/{sessionId}", { params, fetch: execd.json(options).fetch });
}
