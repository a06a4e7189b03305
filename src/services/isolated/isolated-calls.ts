import { assertText, type CallOptions, checkOptions, refuse } from "../../arguments.js";
import type { Execution } from "../../execution/execution.js";
import { expectRecord, expectRecords, expectText } from "../../transport/response.js";
import type { SandboxLink } from "../link.js";
import { explainUnavailable } from "./availability.js";
import { IsolatedSession, type RunOnceOptions } from "./isolated-session.js";
import {
  toCapabilities,
  toSessionInfo,
  toWireBox,
  type CreateIsolatedSessionOptions,
  type IsolatedSessionInfo,
  type IsolationCapabilities,
} from "./requests.js";

/** Returns what a sandbox can isolate. */
export async function getCapabilities(
  { execd: { client, json } }: SandboxLink,
  options: CallOptions,
): Promise<IsolationCapabilities> {
  const call = json(options);
  const { data } = await client.GET("/v1/isolated/capabilities", { fetch: call.fetch });
  return toCapabilities(expectRecord(data, call));
}

/** Creates a session. */
export async function createSession(
  link: SandboxLink,
  options: CreateIsolatedSessionOptions,
): Promise<IsolatedSession> {
  const body = toWireBox(options);
  const { client, json } = link.execd;
  const call = json({ signal: options.signal });
  const { data } = await client
    .POST("/v1/isolated/session", { body, fetch: call.fetch })
    .catch(explainUnavailable);
  return new IsolatedSession(link, expectText(expectRecord(data, call).session_id, "session_id", call));
}

/** Returns a session that exists. */
export async function attachSession(
  link: SandboxLink,
  id: string,
  options: CallOptions,
): Promise<IsolatedSession> {
  assertText(id, "id");
  const session = new IsolatedSession(link, id);
  await session.getInfo(options);
  return session;
}

/** Lists the sessions. */
export async function listSessions(
  { execd: { client, json } }: SandboxLink,
  options: CallOptions,
): Promise<IsolatedSessionInfo[]> {
  const call = json(options);
  const { data } = await client.GET("/v1/isolated/sessions", { fetch: call.fetch }).catch(explainUnavailable);
  return expectRecords(expectRecord(data, call).sessions, call).map((session) =>
    toSessionInfo(expectText(session.session_id, "session_id", call), session, call),
  );
}

/** Runs code in a session of its own. */
export async function runOnce(link: SandboxLink, code: string, options: RunOnceOptions): Promise<Execution> {
  assertText(code, "code");
  return await withSession(link, options, async (session) => session.run(code, options));
}

/** Deletes a session after its use. */
export async function withSession<Result>(
  link: SandboxLink,
  options: CreateIsolatedSessionOptions,
  use: (session: IsolatedSession) => Result | PromiseLike<Result>,
): Promise<Result> {
  checkOptions(options);
  if (typeof use !== "function") refuse("use", "a function", use);
  const session = await createSession(link, options);
  try {
    return await use(session);
  } finally {
    await session[Symbol.asyncDispose]();
  }
}
