import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { CodeInterpreter, Sandbox, SandboxManager, SupportedLanguage } from "../../src/index.js";
import { startLocalServer, type LocalServer } from "../../src/local/index.js";
import { expectExecution } from "../helpers/expect-execution.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON, runs } from "../helpers/skips.js";
import { failureOf } from "../helpers/promises.js";

/** The same tasks in each language. */
interface Programs {
  readonly needs: readonly [isThere: boolean, reason: string];
  readonly print: string;
  /** Its value is 42; Bash has none. */
  readonly value?: string;
  readonly fail: string;
  readonly error: string | RegExp;
  readonly remember: string;
  /** Prints the remembered 42. */
  readonly recall: string;
  readonly complain: string;
  /** Prints "begun" and never ends. */
  readonly endless: string;
}

const here = [true, ""] as const;
const node = {
  needs: here,
  print: 'console.log("hi")',
  value: "6 * 7",
  fail: 'throw new RangeError("no")',
  error: "RangeError",
  remember: "const x = 42",
  recall: "console.log(x)",
  complain: 'console.error("oh")',
  endless: 'console.log("begun"); for (;;) {}',
};

const PROGRAMS: Readonly<Record<string, Programs>> = {
  [SupportedLanguage.Python]: {
    needs: [hasPython, "there is no python3"],
    print: 'print("hi")',
    value: "6 * 7",
    fail: 'raise ValueError("no")',
    error: "ValueError",
    remember: "x = 42",
    recall: "print(x)",
    complain: 'import sys; print("oh", file=sys.stderr)',
    endless: 'print("begun", flush=True)\nwhile True: pass',
  },
  [SupportedLanguage.JavaScript]: node,
  [SupportedLanguage.TypeScript]: { ...node, remember: "const x: number = 42" },
  [SupportedLanguage.Bash]: {
    needs: here,
    print: "echo hi",
    fail: "(exit 3)",
    error: "",
    remember: "x=42",
    recall: "echo $x",
    complain: "echo oh >&2",
    endless: "echo begun; while :; do :; done",
  },
  [SupportedLanguage.Java]: {
    needs: [runs("javac", ["-version"]), "there is no JDK"],
    print: 'System.out.println("hi");',
    value: "6 * 7",
    fail: 'throw new IllegalStateException("no");',
    error: /IllegalStateException|EvalException/,
    remember: "int x = 42;",
    recall: "System.out.println(x);",
    complain: 'System.err.println("oh");',
    endless: 'System.out.println("begun"); while (true) {}',
  },
  [SupportedLanguage.Go]: {
    needs: [runs("go", ["version"]), "there is no Go"],
    print: 'fmt.Println("hi")',
    value: "6 * 7",
    fail: 'panic("no")',
    error: /./,
    remember: "var x = 42",
    recall: "fmt.Println(x)",
    complain: 'fmt.Fprintln(os.Stderr, "oh")',
    endless: 'fmt.Println("begun"); for {}',
  },
};

/** How the server is reached: by its own `fetch`, or by the platform's. */
const WORLDS = ["in this process", "on a port"] as const;

describeIf(
  isolationWorks,
  "conformance/facade",
  NO_ISOLATION_REASON,
)("the facade on a local server", () => {
  // One server and one sandbox, so that each kernel of a default context starts once.
  let server: LocalServer;
  let sandboxId: string;
  beforeAll(async () => {
    server = await startLocalServer({ port: 0 });
    const { connectionConfig } = server;
    const sandbox = await Sandbox.create({ connectionConfig, metadata: { team: "conformance" } });
    sandboxId = sandbox.id;
    await sandbox.close();
  });
  afterAll(() => server.close());

  describe.each(WORLDS)("%s:", (world) => {
    let connectionConfig: LocalServer["connectionConfig"];
    let sandbox: Sandbox;
    let interpreter: CodeInterpreter;
    beforeAll(async () => {
      const isInProcess = world === "in this process";
      connectionConfig = { ...server.connectionConfig, ...(isInProcess && { fetch: server.fetch }) };
      sandbox = await Sandbox.connect({ sandboxId, connectionConfig });
      interpreter = await CodeInterpreter.create(sandbox);
    });
    afterAll(() => sandbox.close());

    for (const [language, programs] of Object.entries(PROGRAMS)) {
      const [isThere, reason] = programs.needs;
      describeIf(
        isThere,
        `conformance/facade/${language}`,
        reason,
      )(language, () => {
        // Go compiles each program, and its standard library once.
        const PATIENCE = 120_000;
        const run = (code: string) => interpreter.codes.run(code, { language });

        test("prints", () => expectExecution(run(programs.print)).toPrint("hi\n"), PATIENCE);

        test(
          "shows the value of an expression",
          async () => {
            if (programs.value === undefined) {
              expect((await run(programs.print)).results).toEqual([]);
            } else await expectExecution(run(programs.value)).toShow("42");
          },
          PATIENCE,
        );

        test(
          "returns an error as data, and can run more code",
          async () => {
            const { error, complete } = await run(programs.fail);
            if (typeof programs.error === "string") expect(error?.name).toBe(programs.error);
            else expect(error?.name).toMatch(programs.error);
            expect(complete).toBeDefined();
            await expectExecution(run(programs.print)).toPrint("hi\n");
          },
          PATIENCE,
        );

        test(
          "keeps its state in its context only",
          async () => {
            const context = await interpreter.codes.createContext(language);
            await interpreter.codes.run(programs.remember, { context });
            const execution = await interpreter.codes.run(programs.recall, { context });
            expect(execution.stdout).toBe("42\n");
            expect((await run(programs.recall)).stdout).not.toBe("42\n");
            await interpreter.codes.deleteContext(context.id);
            expect(await failureOf(interpreter.codes.getContext(context.id))).toMatchObject({
              statusCode: 404,
            });
          },
          PATIENCE,
        );

        test(
          "separates its two outputs",
          async () => {
            expect(await run(programs.complain)).toMatchObject({ stdout: "", stderr: "oh\n" });
          },
          PATIENCE,
        );

        test(
          "stops on an interrupt",
          async () => {
            const endless = run(programs.endless);
            for await (const event of endless) {
              if (event.type === "stdout") await Promise.race([endless.interrupt(), endless]);
            }
            const { error, stdout } = await endless;
            expect(stdout).toBe("begun\n");
            expect(error).toBeDefined();
            await expectExecution(run(programs.print)).toPrint("hi\n");
          },
          PATIENCE,
        );
      });
    }

    test("runs commands and sessions, and keeps the logs of background commands", async () => {
      const { commands } = sandbox;
      expect(await commands.run("echo out; echo err >&2; exit 3")).toMatchObject({
        ...{ stdout: "out\n", stderr: "err\n", exitCode: 3 },
      });
      const { id = "" } = await commands.run("echo a; exit 4", { background: true });
      let logs = "";
      for await (const text of commands.followLogs(id)) logs += text;
      expect(logs).toBe("a\n");
      expect((await commands.getStatus(id)).exitCode).toBe(4);
      const session = await commands.createSession({ cwd: "/tmp" });
      await session.run("export X=1");
      expect((await session.run("echo $X $PWD")).stdout).toBe("1 /tmp\n");
      await session.delete();
    });

    test("shares files with code and commands", async () => {
      const { files } = sandbox;
      await files.writeFiles([{ path: "dir/a.txt", data: "one\n" }]);
      expect((await sandbox.commands.run("cat dir/a.txt")).stdout).toContain("one");
      expect(await files.readFile("dir/a.txt")).toBe("one\n");
      expect((await files.search("dir", { pattern: "*.txt" })).map(({ size }) => size)).toEqual([4]);
      await files.deleteDirectories(["dir"]);
      expect(await failureOf(files.readFile("dir/a.txt"))).toMatchObject({ statusCode: 404 });
    });

    test("can be found, changed, paused, resumed, renewed, measured and saved as a snapshot", async () => {
      const manager = SandboxManager.create({ connectionConfig });
      const { items } = await manager.listSandboxInfos({ metadata: { team: "conformance" } });
      expect(items.map(({ id }) => id)).toEqual([sandbox.id]);
      await sandbox.patchMetadata({ stage: "late" });
      await sandbox.renew(1200);
      expect(await sandbox.getInfo()).toMatchObject({
        metadata: { stage: "late" },
        status: { state: "Running" },
      });
      expect((await sandbox.getMetrics()).cpuCount).toBeGreaterThan(0);
      expect((await sandbox.createSnapshot()).sandboxId).toBe(sandbox.id);
      await sandbox.pause();
      expect((await sandbox.getInfo()).status.state).toBe("Paused");
      expect(await failureOf(sandbox.createSnapshot())).toMatchObject({ statusCode: 409 });
      await sandbox.resume();
      expect((await sandbox.commands.run("echo back")).stdout).toBe("back\n");
    });

    test("rejects a wrong or missing key, and reports what does not exist", async () => {
      for (const [apiKey, code] of [
        ["wrong", "INVALID_API_KEY"],
        ["", "MISSING_API_KEY"],
      ] as const) {
        const manager = SandboxManager.create({ connectionConfig: { ...connectionConfig, apiKey } });
        const failure = await failureOf(manager.getSandboxInfo(sandbox.id));
        expect(failure).toMatchObject({ statusCode: 401, error: { code } });
      }
      const manager = SandboxManager.create({ connectionConfig });
      expect(await failureOf(manager.killSandbox("none"))).toMatchObject({ statusCode: 404 });
    });
  });
});
