import { expect } from "@jest/globals";
import {
  check,
  describeExchanges,
  ends,
  fails,
  refused,
  runCode,
  sending,
  serverError,
  type Check,
  type Replayed,
} from "../helpers/exchanges.js";
import { OK } from "../helpers/expect-execution.js";
import { failureOf } from "../helpers/promises.js";
import { streamed } from "../helpers/fetch.js";

const DEFAULT = "ce42e1fa-b3e8-4d91-94b7-0c87196ab39d";
const CWD = "3a8a1e99-49d9-4feb-92e5-8a9ec68805f5";
const FIRST = "49d69201-3077-4b26-b297-2d857713525b";
const HUNG = "aba6344d-9056-46d5-a6a8-f0fe642a0df4";
const SLOW = "f8a97cea-e9af-4788-abf4-edcb1186bb17";
const DEAD = "0ddeecb6-5320-464a-ae21-920eede773e8";

const prints = (stdout: string, executionTimeMs: number): Check =>
  ends(runCode, { ...OK, stdout, executionTimeMs, executionCount: undefined });
const shows = (text: string, executionCount: number): Check => ends(runCode, { ...OK, text, executionCount });
const raises = (name: string, value: string, stdout = ""): Check =>
  check(async (replayed) => {
    const execution = await runCode(replayed);
    expect(execution).toMatchObject({ id: DEFAULT, stdout, stderr: "", error: { name, value } });
    expect(execution.error?.traceback.join("\n")).toContain(name);
    // Kernels report completion for a failed run as well.
    expect(execution.complete).toBeDefined();
  });
/** Expects the value of the last expression in all its formats. */
const bundles = (data: Record<string, unknown>): Check =>
  check(async (replayed) => {
    const { results } = await runCode(replayed);
    expect(results.map((result) => result.data)).toEqual([data]);
  });
const created = (id: string, options: { cwd?: string } = {}): Check =>
  check(async ({ codes }) => {
    expect(await codes.createContext("python", options)).toEqual({ id, language: "python" });
  });
const deleted = (id: string): Check => check(({ codes }) => codes.deleteContext(id));
const lists = (ids: string[], language?: string): Check =>
  check(async ({ codes }) => {
    expect(await codes.listContexts(language)).toEqual(ids.map((id) => ({ id, language: "python" })));
  });
const busy = (id: string): Check =>
  fails(runCode, {
    ...serverError(200, "RUNTIME_ERROR", "error running codes session is busy"),
    isRetryable: true,
    execution: { id },
  });
/** Sends any body unchanged. */
const createRaw = (
  { link: { execd } }: Replayed,
  raw: string | undefined,
  timeoutSeconds?: number,
): Promise<unknown> =>
  execd.client.POST("/code/context", {
    body: { language: "python" },
    bodySerializer: () => raw,
    fetch: execd.json({ timeoutSeconds }).fetch,
  });
const withoutContextCwd = (code: string, id: string, run: Check): Check =>
  sending(
    { code, context: { id, language: "python" } },
    "a run has no directory; real servers ignore it",
    run,
  );

describeExchanges("execd-code", {
  "create ctx python": created(FIRST),
  "create ctx python cwd": created(CWD, { cwd: "/workspace/newdir" }),
  // The context's directory is not its kernel's.
  "cwd in ctx": withoutContextCwd("import os; os.getcwd()", CWD, shows("'/workspace'", 1)),
  "create ctx unknown lang (hangs)": check(async ({ codes, replay }) => {
    const controller = new AbortController();
    const creating = failureOf(codes.createContext("ruby", { signal: controller.signal }));
    while (replay.requests.length === 0) await new Promise(setImmediate);
    controller.abort("the caller's own reason");
    expect(await creating).toBe("the caller's own reason");
  }),
  "create ctx empty lang (hangs)": refused(
    ({ codes }) => codes.createContext(" "),
    (replayed) => createRaw(replayed, "{}", 0.2),
    { name: "SandboxTimeoutException", error: { code: "REQUEST_TIMEOUT" }, sandboxId: "sandbox-1" },
  ),
  "create ctx malformed": refused(
    // The typed client always sends JSON; a missing language is the closest.
    ({ codes }) => codes.createContext({} as never),
    (replayed) => createRaw(replayed, "{"),
    serverError(
      400,
      "INVALID_REQUEST_BODY",
      "error parsing request, MAYBE invalid body format. unexpected EOF",
    ),
  ),
  "create ctx no body": refused(
    ({ codes }) => codes.createContext(undefined as never),
    (replayed) => createRaw(replayed, undefined),
    serverError(400, "INVALID_REQUEST_BODY", "error parsing request, MAYBE invalid body format. EOF"),
  ),
  "run unknown ctx": fails(
    runCode,
    serverError(500, "RUNTIME_ERROR", "error running codes context not found"),
  ),
  // The language only selects the backend; the id selects the kernel, which is Python's.
  "run ctx id w/ wrong language": ends(runCode, { ...OK, id: CWD, text: "2", executionCount: 2 }),
  "run empty code": refused(
    runCode,
    ({ link: { execd } }) =>
      execd.client.POST("/code", { body: { code: "", context: { language: "python" } }, ...streamed(execd) }),
    serverError(
      400,
      "INVALID_REQUEST_BODY",
      "invalid request, validation error Key: 'RunCodeRequest.Code' Error:Field validation for 'Code' failed on the 'required' tag",
    ),
  ),
  "create ctx": created(HUNG),
  "ctx now busy forever": busy(HUNG),
  "still busy": busy(HUNG),
  "delete hung ctx": deleted(HUNG),
  "run sql": fails(runCode, {
    ...serverError(
      200,
      "RUNTIME_ERROR",
      "error running codes dial tcp 127.0.0.1:3306: connect: connection refused",
    ),
    isRetryable: false,
  }),
  "1+1": ends(runCode, { ...OK, id: DEFAULT, text: "2", executionCount: 1, executionTimeMs: 58 }),
  print: prints("hi\n", 57),
  "print+result": ends(runCode, { ...OK, stdout: "a\n", text: "'b'", executionCount: 3 }),
  none: prints("", 54),
  string: shows("'abc'", 5),
  "syntax error": raises("SyntaxError", "invalid syntax (2747763117.py, line 1)"),
  "raise custom": raises("E", "x"),
  "partial then error": raises("ZeroDivisionError", "division by zero", "before\n"),
  // The server lost the output of the program; a client cannot notice.
  stderr: prints("", 54),
  "print no newline": prints("abc", 54),
  dataframe: check(async (replayed) => {
    const { results, text } = await runCode(replayed);
    expect(text).toBe("   a\n0  1");
    expect(results[0]?.mimeTypes).toEqual(["text/plain", "text/html"]);
    expect(results[0]?.data["text/html"]).toMatch(/^<div>\n<style scoped>[^]*<\/table>\n<\/div>$/);
  }),
  "html repr": bundles({ "text/plain": "<IPython.core.display.HTML object>", "text/html": "<b>x</b>" }),
  "display() lost": prints("after\n", 10),
  "matplotlib lost": prints("", 52),
  "fig as result": shows("<Figure size 100x100 with 0 Axes>", 18),
  "json mime": bundles({
    "text/plain": "<IPython.core.display.JSON object>",
    "application/json": { a: [1, 2] },
  }),
  "png result": bundles({
    "text/plain": "<IPython.core.display.Image object>",
    "image/png":
      "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  }),
  "input()": raises(
    "StdinNotImplementedError",
    "raw_input was called, but this frontend does not support input requests.",
  ),
  unicode: prints("héllo 世界 🎉\n", 50),
  surrogate: check(async (replayed) => {
    const { stdout, stderr, error } = await runCode(replayed);
    // The kernel could not write the text, and reported that on stderr.
    expect({ stdout, error }).toEqual({ stdout: "", error: undefined });
    expect(stderr).toContain("UnicodeEncodeError: 'utf-8' codec can't encode character '\\ud800'");
  }),
  "shell magic": prints("from-shell\r\n", 10),
  "multi expr": shows("3", 27),
  "display updates": prints("1\n2\n", 11),
  "after exit": shows("1", 29),
  contexts: lists([CWD, DEFAULT, FIRST]),
  "contexts python": lists([CWD, DEFAULT, FIRST], "python"),
  "contexts go": lists([], "go"),
  "contexts command": check(async ({ codes }) => {
    expect(await failureOf(codes.listContexts("command"))).toMatchObject(
      serverError(500, "RUNTIME_ERROR", "unsupported language context operation: command"),
    );
  }),
  "ctx get": check(async ({ codes }) => {
    expect(await codes.getContext(CWD)).toEqual({ id: CWD, language: "python" });
  }),
  "ctx delete unknown": check(async ({ codes }) => {
    expect(await failureOf(codes.deleteContext("nope"))).toMatchObject(
      serverError(404, "CONTEXT_NOT_FOUND", "context nope not found"),
    );
  }),
  "ctx delete": deleted(CWD),
  "ctx get deleted": check(async ({ codes }) => {
    expect(await failureOf(codes.getContext(CWD))).toMatchObject(
      serverError(404, "CONTEXT_NOT_FOUND", `context ${CWD} not found`),
    );
  }),
  "run on deleted": withoutContextCwd(
    "1",
    CWD,
    fails(runCode, serverError(500, "RUNTIME_ERROR", "error running codes context not found")),
  ),
  "delete by lang missing": refused(
    ({ codes }) => codes.deleteContexts(""),
    ({ link: { execd } }) =>
      execd.client.DELETE("/code/contexts", {
        params: { query: { language: "" } },
        querySerializer: () => "",
        fetch: execd.json().fetch,
      }),
    serverError(400, "MISSING_QUERY", "missing query parameter 'language'"),
  ),
  "delete by lang none": check(({ codes }) => codes.deleteContexts("go")),
  "interrupt unknown": check(async ({ codes }) => {
    expect(await failureOf(codes.interrupt("nope"))).toMatchObject(
      serverError(500, "RUNTIME_ERROR", "error interruptting code context. no such session"),
    );
  }),
  "interrupt missing": refused(
    ({ codes }) => codes.interrupt(""),
    ({ link: { execd } }) =>
      execd.client.DELETE("/code", {
        params: { query: { id: "" } },
        querySerializer: () => "",
        fetch: execd.json().fetch,
      }),
    serverError(400, "MISSING_QUERY", "missing query parameter 'id'"),
  ),
  "create ctx (2)": created(SLOW),
  "other ctx while busy": shows("2", 30),
  // Completion is reported first, the output two seconds later.
  "slow run": prints("s\ne\n", 52),
  interrupt: check(({ codes }) => codes.interrupt(SLOW)),
  "run to interrupt": ends(runCode, {
    ...OK,
    id: SLOW,
    stdout: "0\n1\n2\n3\n4\n5\n",
    error: ["KeyboardInterrupt", ""],
  }),
  "interrupt idle ctx": check(({ codes }) => codes.interrupt(SLOW)),
  "run right after client disconnect": busy(SLOW),
  "run later": shows("1", 5),
  "delete busy ctx": deleted(SLOW),
  "create ctx (3)": created(DEAD),
  "delete dead ctx": deleted(DEAD),
  "delete python ctxs": check(({ codes }) => codes.deleteContexts("python")),
  "contexts (2)": lists([]),
  "default ctx recreated": ends(runCode, {
    ...OK,
    id: "d2b0fd4f-f5df-4e7e-bfc5-6da214ea6088",
    text: "2",
    executionCount: 1,
  }),
});
