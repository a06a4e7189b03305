import { beforeAll, describe, expect, test } from "@jest/globals";
import { Agent, run, setTracingDisabled, shellTool, type AgentInputItem } from "@openai/agents";
import { file, Manifest, SandboxAgent } from "@openai/agents/sandbox";
import { assistantMessage, functionCall, ScriptedModel } from "@openai/agents/testing";
import { codeTools, sandboxClient, shell } from "../../src/agents/openai-agents.js";
import { Sandbox } from "../../src/sandbox.js";
import { countSandboxes, expectSeen, describeOnServer } from "./frameworks.js";
import { AFTERWARDS, ENDLESS, STARTED, STEPS, type Seen, type Step } from "./scripted-answers.js";

/** A model that makes some tool calls, one at a time, and then says that it has finished. */
function scriptedModel(steps: readonly Pick<Step, "tool" | "input">[]): ScriptedModel {
  return new ScriptedModel([
    ...steps.map(({ tool, input }, index) => [functionCall(tool, input, { callId: `call-${index}` })]),
    [assistantMessage("finished")],
  ]);
}

/** What the model has been sent as the results of its tool calls. */
function seenBy({ lastCall }: ScriptedModel): Seen[] {
  const input = lastCall?.request.input ?? [];
  if (typeof input === "string") return [];
  return input.flatMap((item: AgentInputItem) => {
    if (item.type !== "function_call_result") return [];
    const { output } = item;
    if (typeof output === "string") return [{ text: output, images: 0 }];
    const parts = Array.isArray(output) ? output : [output];
    const texts = parts.flatMap((part) => ("text" in part ? [part.text] : []));
    return [{ text: texts.join(""), images: parts.filter(({ type }) => type.includes("image")).length }];
  });
}

describeOnServer("agents/openai-agents", "the OpenAI Agents SDK", (server) => {
  beforeAll(() => setTracingDisabled(true));

  describe("codeTools", () => {
    test("lets a model run code, see a picture, correct a mistake, and go on after an abort", async () => {
      const code = codeTools({ connectionConfig: server().connectionConfig });
      const agentOf = (model: ScriptedModel) => new Agent({ name: "Analyst", model, tools: code.tools });
      const first = scriptedModel(STEPS);
      const { finalOutput } = await run(agentOf(first), "Go.");
      expect(finalOutput).toBe("finished");
      expectSeen(seenBy(first));

      const abort = new AbortController();
      const { sandbox } = await code.interpreter();
      const aborted = run(agentOf(scriptedModel([ENDLESS])), "Wait.", { signal: abort.signal });
      await sandbox.commands.run(STARTED);
      abort.abort(new Error("changed my mind"));
      await expect(aborted).rejects.toThrow();

      const second = scriptedModel([AFTERWARDS]);
      await run(agentOf(second), "Go on.");
      expectSeen(seenBy(second), [AFTERWARDS]);

      expect(await countSandboxes(server())).toBe(1);
      await code.close();
      expect(await countSandboxes(server())).toBe(0);
    });
  });

  describe("shell", () => {
    test("runs commands one after another, and stops one that takes too long", async () => {
      await using sandbox = await Sandbox.create({ ...server(), killOnDispose: true });
      const ownShell = shell(sandbox);
      expect(shellTool({ shell: ownShell })).toMatchObject({ type: "shell" });
      const { output } = await ownShell.run({
        commands: ["echo one > n; echo out; echo err >&2; exit 3", "cat n", "echo begun; sleep 60"],
        timeoutMs: 1_500,
      });
      expect(output).toEqual([
        { stdout: "out\n", stderr: "err\n", outcome: { type: "exit", exitCode: 3 } },
        { stdout: "one\n", stderr: "", outcome: { type: "exit", exitCode: 0 } },
        { stdout: "begun\n", stderr: "", outcome: { type: "timeout" } },
      ]);
    });
  });

  describe("sandboxClient", () => {
    test("gives a SandboxAgent a shell, files and the manifest, and ends the sandbox with the run", async () => {
      const model = scriptedModel([
        { tool: "exec_command", input: { cmd: "cat notes/todo.txt; echo $COLOR; pwd" } },
        {
          tool: "exec_command",
          input: { cmd: "echo 'print(6 * 7)' > answer.py; python3 answer.py; exit 3" },
        },
      ]);
      const agent = new SandboxAgent({
        ...{ name: "Developer", model },
        defaultManifest: new Manifest({
          entries: { "notes/todo.txt": file({ content: "write a test\n" }) },
          environment: { COLOR: "green" },
        }),
      });
      const client = sandboxClient({ connectionConfig: server().connectionConfig });
      const { finalOutput } = await run(agent, "Go.", { sandbox: { client } });
      expect(finalOutput).toBe("finished");
      const [listed, ran] = seenBy(model);
      expect(listed?.text).toMatch(/write a test\ngreen\n\/workspace/);
      expect(ran?.text).toMatch(/exited with code 3\nOutput:\n42/);
      expect(await countSandboxes(server())).toBe(0);
    });

    test("resumes a session from its serialized state", async () => {
      const client = sandboxClient({ connectionConfig: server().connectionConfig });
      const session = await client.create();
      await session.exec({ cmd: "echo kept > state.txt" });
      const stored = JSON.stringify(await client.serializeSessionState(session.state));
      const other = sandboxClient({ connectionConfig: server().connectionConfig });
      const state = await other.deserializeSessionState(JSON.parse(stored) as Record<string, unknown>);
      const resumed = await other.resume(state);
      expect(await resumed.exec({ cmd: "cat state.txt", workdir: "." })).toMatchObject({
        ...{ stdout: "kept\n", exitCode: 0 },
      });
      await other.delete(state);
      expect(await countSandboxes(server())).toBe(0);
      await other.delete(state);
    });

    test("offers exec, files, an editor, archives and ports", async () => {
      const client = sandboxClient({ connectionConfig: server().connectionConfig, timeoutSeconds: 2 });
      const session = await client.create(new Manifest());
      expect(await session.running()).toBe(true);
      const bytes = new Uint8Array([0, 255, 10, 13, 128]);
      await session.materializeEntry({ path: "dir/data.bin", entry: file({ content: bytes }) });
      expect(await session.readFile({ path: "dir/data.bin" })).toEqual(bytes);
      expect(await session.readFile({ path: "dir/data.bin", maxBytes: 2 })).toEqual(bytes.slice(0, 2));
      expect(await session.listDir({ path: "dir" })).toEqual([
        { name: "data.bin", path: "/workspace/dir/data.bin", type: "file" },
      ]);
      expect(await session.pathExists("dir")).toBe(true);
      expect(await session.pathExists("missing")).toBe(false);
      expect(await session.directoryExists("dir")).toBe(true);
      expect(await session.directoryExists("dir/data.bin")).toBe(false);
      expect(await session.viewImage({ path: "dir/data.bin" })).toMatchObject({ type: "image" });

      const editor = session.createEditor();
      await editor.createFile({ type: "create_file", path: "a.txt", diff: "+one\n+two" });
      await editor.updateFile({ type: "update_file", path: "a.txt", diff: "@@\n one\n-two\n+three" });
      expect(new TextDecoder().decode(await session.readFile({ path: "a.txt" })).trimEnd()).toBe(
        "one\nthree",
      );

      const archive = await session.persistWorkspace();
      await editor.deleteFile({ type: "delete_file", path: "a.txt" });
      expect(await session.pathExists("a.txt")).toBe(false);
      await session.hydrateWorkspace(archive);
      expect(await session.pathExists("a.txt")).toBe(true);

      expect(await session.exec({ cmd: "echo begun; sleep 60" })).toMatchObject({
        exitCode: 124,
        output: "begun\n[stopped after 2 s]\n",
      });
      expect(await session.exec({ cmd: "echo $0", shell: "sh" })).toMatchObject({ stdout: "sh\n" });
      await expect(session.exec({ cmd: "id", runAs: "root" })).rejects.toThrow("runAs must not be set");

      const endpoint = await session.resolveExposedPort(8000);
      expect(endpoint).toMatchObject({ host: "127.0.0.1", tls: false });
      await session.close();
      expect(await countSandboxes(server())).toBe(0);
    });

    test("refuses what a manifest cannot have here", async () => {
      const client = sandboxClient({ connectionConfig: server().connectionConfig });
      const manifest = new Manifest({ entries: { repo: { type: "git_repo", repo: "a/b" } } });
      await expect(client.create(manifest)).rejects.toThrow(
        'manifest.entries["repo"] must be a file, local_file or dir; got "git_repo".',
      );
      expect(await countSandboxes(server())).toBe(0);
    });
  });
});
