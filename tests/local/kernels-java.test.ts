import { existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { cacheDirectory } from "../../src/local/host/assets.js";
import { javaClassesDirectory } from "../../src/local/languages/java/cache.js";
import { javaFinder } from "../../src/local/languages/java/runtime.js";
import { Runtimes } from "../../src/local/languages/runtimes.js";
import { useOwnCache } from "../helpers/cache-directory.js";
import { type LocalSandbox, readOutcome, startSandbox, until } from "../helpers/local-sandbox.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON, runs } from "../helpers/skips.js";

const hasJdk = javaFinder.candidates().length > 0 && runs("jshell", ["--version"]);
const canRun = isolationWorks && hasJdk;

// The first run of a sandbox starts a JVM.
const START_MS = 60_000;

describeIf(
  canRun,
  "local/kernels-java",
  hasJdk ? NO_ISOLATION_REASON : "no JDK with JShell (apt-get install default-jdk-headless)",
)("the Java kernel", () => {
  let sandbox: LocalSandbox;
  // One for all tests, since each context starts a JVM.
  let context: string;
  beforeAll(async () => {
    sandbox = await startSandbox();
    context = await sandbox.createContext("java");
  }, START_MS);
  afterAll(() => sandbox[Symbol.asyncDispose]());

  const java = (code: string) => sandbox.run("java", code, context);
  const start = (code: string) => sandbox.startRun("java", code, context);

  test(
    "keeps variables, methods, classes and imports from run to run",
    async () => {
      await java(
        "import java.time.*;\nint x = 20;\nint twice(int n) { return 2 * n; }\nrecord Pair(int a, int b) {}",
      );
      const { results, executionCount, error } = await java(
        "new Pair(twice(x) + 2, Duration.ofSeconds(3).toMillisPart())",
      );
      expect(error).toBeUndefined();
      expect(results).toEqual([{ text: "Pair[a=42, b=0]" }]);
      expect(executionCount).toBe(2);
    },
    START_MS,
  );

  test.each([
    ["1 + 1", "2"],
    ['"héé 😀"', "héé 😀"],
    ["'c'", "c"],
    ["new int[] { 1, 2 }", "int[2] { 1, 2 }"],
    ["List.of(1, 2).stream().map(n -> n * 2).collect(Collectors.toList())", "[2, 4]"],
    ["Object nothing = null; nothing", "null"],
    ["// a comment\n5 // another", "5"],
  ])("the value of %s is the result", async (code, text) => {
    await expect(java(code)).resolves.toMatchObject({ results: [{ text }], error: undefined });
  });

  test("display shows values by MIME type, in order with what is printed", async () => {
    const outcome = await java(`System.out.print("before");
display("<b>bold</b>", "text/html"); display(List.of(1)); display(new byte[] { 1, 2 }, "image/png");
System.out.print("after");
6 * 7`);
    expect(outcome).toMatchObject({
      stdout: "beforeafter",
      results: [{ "text/html": "<b>bold</b>" }, { text: "[1]" }, { "image/png": "AQI=" }, { text: "42" }],
      error: undefined,
    });
    expect(outcome.order).toEqual([
      "init",
      "stdout",
      "result",
      "stdout",
      "execution_count",
      "result",
      "execution_complete",
    ]);
  });

  test.each(["%maven org.x:y:1", "%jars /tmp/*.jar", "%%loadFromPOM"])(
    "%j is refused with the alternative",
    async (line) => {
      const { error } = await java(`int fine = 1;\n${line}`);
      expect(error).toMatchObject({ ename: "UnsupportedMagic" });
      expect(error?.evalue).toContain(
        "(line 2); put the jar files into the sandbox and name them in the variable CLASSPATH",
      );
    },
  );

  test.each(["int silent = 3;", "silent = 4;", 'System.out.print("");', "// nothing"])(
    "%s has no result",
    async (code) => {
      await expect(java(code)).resolves.toMatchObject({ results: [], error: undefined, isComplete: true });
    },
  );

  test("prints to both streams in order", async () => {
    const code = 'System.out.println("ö 1"); System.err.println("2"); System.out.print("3"); 4';
    const outcome = await java(code);
    expect(outcome).toMatchObject({ stdout: "ö 1\n3", stderr: "2\n", results: [{ text: "4" }] });
    expect(outcome.order).toEqual([
      ...["init", "stdout", "stderr", "stdout", "execution_count", "result", "execution_complete"],
    ]);
  });

  test("output of a child process arrives in order", async () => {
    const code =
      'System.out.println("before"); new ProcessBuilder("echo", "child").inheritIO().start().waitFor(); System.out.println("after");';
    await expect(java(code)).resolves.toMatchObject({ stdout: "before\nchild\nafter\n" });
  });

  test("prints while it runs", async () => {
    const run = start('System.out.println("first"); Thread.sleep(600_000);');
    await run.until("first");
    await sandbox.interrupt(context);
    expect((await run.outcome).error?.ename).toBe("EvaluationInterruptedException");
  });

  test("ten thousand lines arrive complete", async () => {
    const { stdout } = await java('for (int i = 0; i < 10_000; i++) System.out.println("line " + i);');
    expect(stdout).toBe(Array.from({ length: 10_000 }, (_, i) => `line ${i}\n`).join(""));
  });

  test("an exception has its class, its message and the user's line numbers", async () => {
    await java("int div(int a, int b) {\n  return a / b;\n}");
    const { error } = await java('int one = 1;\n\nString s = "x" + div(one, 0);');
    expect(error).toMatchObject({ ename: "ArithmeticException", evalue: "/ by zero" });
    const [, first, second] =
      /^java\.lang\.ArithmeticException: \/ by zero\n\tat div \(<cell (\d+)>:2\)\n\tat <cell (\d+)>:3$/.exec(
        error?.traceback ?? "",
      ) ?? [];
    expect(Number(second)).toBe(Number(first) + 1);
  });

  test("a stack trace contains the user's exception class and the cause", async () => {
    const { error } = await java(
      'class Trouble extends RuntimeException { Trouble(Throwable c) { super("it broke", c); } }\n' +
        'try { Integer.parseInt("x"); } catch (Exception e) { throw new Trouble(e); }',
    );
    expect(error).toMatchObject({ ename: "Trouble", evalue: "it broke" });
    expect(error?.traceback).toContain('Caused by: java.lang.NumberFormatException: For input string: "x"');
  });

  test("a compile error has a message and a position", async () => {
    const { error, stdout } = await java('System.out.println("ran");\n\n  int y = "text";');
    expect(stdout).toBe("ran\n");
    expect(error?.ename).toBe("CompilationException");
    expect(error?.evalue).toBe("incompatible types: java.lang.String cannot be converted to int (line 3)");
    expect(error?.traceback).toMatch(
      /^<cell \d+>:3: error: incompatible types.*\n {2}int y = "text";\n {10}\^$/s,
    );
  });

  test("incomplete code is an error instead of waiting for more", async () => {
    const { error } = await java("for (int i = 0; i < 3; i++) {");
    expect(error).toMatchObject({ ename: "IncompleteSourceException" });
  });

  test("a method can use later declarations", async () => {
    const first = await java("int early() { return late() + 1; }");
    expect(first).toMatchObject({
      error: undefined,
      stderr: "early cannot be used until this is declared: method late()\n",
    });
    expect((await java("early()")).error?.ename).toBe("UnresolvedReferenceException");
    await java("int late() { return 6; }");
    await expect(java("early()")).resolves.toMatchObject({ results: [{ text: "7" }] });
  });

  test.each([
    ["a busy loop", "long n = 0; while (true) n++;"],
    ["a wait", "Thread.sleep(600_000);"],
    ["endless printing", 'while (true) System.out.println("again");'],
    ["a child process", 'new ProcessBuilder("sleep", "600").start().waitFor();'],
  ])("an interrupt ends %s and keeps the state", async (_what, code) => {
    await java("int kept = 11;");
    const run = start(`System.out.println("begun"); ${code}`);
    await run.until("begun");
    await sandbox.interrupt(context);
    expect((await run.outcome).error?.ename).toBe("EvaluationInterruptedException");
    await expect(java("kept")).resolves.toMatchObject({ results: [{ text: "11" }] });
  });

  test("code that catches everything runs its finally block when it is interrupted", async () => {
    const code =
      'try { System.out.println("begun"); Thread.sleep(600_000); } finally { System.out.println("cleaned"); }';
    const run = start(code);
    await run.until("begun");
    await sandbox.interrupt(context);
    expect((await run.outcome).stdout).toBe("begun\ncleaned\n");
  });

  test("System.exit ends the run and not the context", async () => {
    await java("int before = 8;");
    const { error, isComplete } = await java("Runnable leave = () -> System.exit(3); leave.run();");
    expect(error).toEqual({ ename: "SystemExit", evalue: "3", traceback: "SystemExit: 3" });
    expect(isComplete).toBe(true);
    await expect(java("before")).resolves.toMatchObject({ results: [{ text: "8" }] });
  });

  test("reading standard input is refused", async () => {
    const { error } = await java("new Scanner(System.in).nextLine()");
    expect(error).toMatchObject({
      ename: "UnsupportedOperationException",
      evalue: "Standard input is not available in this run.",
    });
    expect(error?.traceback).not.toContain("JavaKernel");
  });

  test("a stack trace that code prints has the user's line numbers", async () => {
    await java(`int fails(int n) {
  if (n > 0)
    new Exception("below").printStackTrace();
  return n;
}
class Thing {
  Thing() {
    new Exception("new").printStackTrace();
  }
}`);
    const { stderr } = await java(`// first
int failed =
  fails(
    1);
new Thing();
try {
  throw new IllegalStateException("outer", new RuntimeException("inner"));
} catch (IllegalStateException e) {
  e.printStackTrace();
}`);
    const places = stderr.replace(/<cell \d+>/g, "<cell>");
    expect(places).toBe(`java.lang.Exception: below
\tat fails (<cell>:3)
\tat <cell>:3
java.lang.Exception: new
\tat Thing.<init> (<cell>:8)
\tat <cell>:5
java.lang.IllegalStateException: outer
\tat <cell>:7
Caused by: java.lang.RuntimeException: inner
`);
  });

  test("messages of the JVM contain the user's class names", async () => {
    const { error } = await java("String nothing = null; nothing.length()");
    expect(error).toMatchObject({ ename: "NullPointerException" });
    expect(error?.evalue).toBe('Cannot invoke "String.length()" because "nothing" is null');
  });

  test("output of a thread of an earlier run is dropped", async () => {
    await java(`var go = new CountDownLatch(1); var gone = new CountDownLatch(1);
new Thread(() -> {
  try { go.await(); } catch (InterruptedException e) {}
  System.out.println("late"); System.err.println("late"); gone.countDown();
}).start();`);
    const late = await java('go.countDown(); gone.await(); System.out.println("own");');
    expect(late).toMatchObject({ stdout: "own\n", stderr: "" });
  });

  test("work given to a thread pool of an earlier run belongs to the current run", async () => {
    await java(
      'var pool = Executors.newFixedThreadPool(1); pool.submit(() -> System.out.println("first")).get();',
    );
    const { stdout } = await java(`pool.submit(() -> System.out.println("pool")).get(); pool.shutdown();
CompletableFuture.runAsync(() -> System.out.println("common")).get();`);
    expect(stdout).toBe("pool\ncommon\n");
  });

  test("an exception in another thread is shown and does not end the run", async () => {
    const { stderr, error } = await java(
      'Thread t = new Thread(() -> { throw new IllegalStateException("elsewhere"); }); t.start(); t.join();',
    );
    expect(error).toBeUndefined();
    expect(stderr).toContain("java.lang.IllegalStateException: elsewhere");
  });

  test("an endless recursion has a short stack trace", async () => {
    const { error } = await java("int deep(int n) { return deep(n + 1); }\ndeep(0)");
    expect(error?.ename).toBe("StackOverflowError");
    expect(error?.traceback.split("\n").length).toBeLessThan(60);
  });

  test("running out of memory is an error of the code, and the state is kept", async () => {
    await java("int kept = 12;");
    const code = "var all = new ArrayList<long[]>(); while (true) all.add(new long[10_000_000]);";
    expect((await java(code)).error?.ename).toBe("OutOfMemoryError");
    await expect(java("all = null; kept")).resolves.toMatchObject({ results: [{ text: "12" }] });
  });

  test("code can use cryptography and the file system, which need the JDK's configuration", async () => {
    const code =
      'Files.writeString(Path.of("a.txt"), "hi"); Files.readString(Path.of("a.txt")) + java.security.MessageDigest.getInstance("SHA-256").digest().length';
    await expect(java(code)).resolves.toMatchObject({ results: [{ text: "hi32" }] });
  });

  test("the end of the process is an error of its run, and the context starts a new one", async () => {
    const { error } = await java("int lost = 1; Runtime.getRuntime().halt(9);");
    expect(error?.ename).toBe("KernelDied");
    expect(error?.evalue).toContain("exit status 9");
    expect((await java("lost")).error?.evalue).toContain("variable lost");
  });

  test(
    "a JAVA_VERSION that is not installed is replaced, with a note that names the version that runs",
    async () => {
      const usual = await new Runtimes().default("java");
      const other = await sandbox.client.create({ env: { JAVA_VERSION: "99" } });
      const context = { language: "java" };
      const first = await other.execd("POST", "/code", { code: 'System.out.print("ran")', context });
      const text = await first.text();
      expect(text).toContain(
        `JAVA_VERSION is 99, which is not installed on this machine; Java ${usual?.version ?? ""} runs instead.`,
      );
      const second = await other.execd("POST", "/code", { code: "1 + 1", context });
      expect(await second.text()).not.toContain("JAVA_VERSION");
    },
    START_MS,
  );

  describe("with a cache of its own", () => {
    // But with the compiled packages of Go from this machine: compiling them takes half a minute.
    const usual = cacheDirectory(".");
    useOwnCache(() => {
      const own = cacheDirectory(".");
      mkdirSync(own);
      for (const name of readdirSync(usual).filter((each) => each.startsWith("go-")))
        symlinkSync(path.join(usual, name), path.join(own, name));
    });

    test(
      "is compiled once for all sandboxes; until then, it starts from its source",
      async () => {
        await using first = await startSandbox();
        const launched = 'System.getProperty("sun.java.command").replaceAll(".*/", "")';
        expect((await first.run("java", launched)).results).toEqual([{ text: "JavaKernel.java" }]);
        const version = (await new Runtimes().default("java"))?.version ?? "";
        // It is compiled at a low priority.
        await until(() => existsSync(javaClassesDirectory(version)), Boolean, 3 * START_MS);
        const second = await first.client.create();
        expect((await second.run("java", launched)).results).toEqual([{ text: "JavaKernel" }]);
        const classPath = await second.run("java", 'System.getProperty("java.class.path")');
        expect(classPath.results).toEqual([{ text: "." }]);
      },
      5 * START_MS,
    );
  });

  describeIf(
    runs("javac", ["--version"]),
    "local/kernels-java, CLASSPATH",
    "no JDK with JShell (apt-get install default-jdk-headless)",
  )("a sandbox with CLASSPATH in its environment", () => {
    test(
      "runs code with the classes of its jar files and directories",
      async () => {
        const other = await sandbox.client.create({
          env: { CLASSPATH: "/workspace/lib/*:/workspace/classes" },
        });
        const built = await other.command(`mkdir -p lib jar/ours classes
for name in Packed Loose; do echo "package ours; public class $name { public static String name() { return \\"$name\\"; } }" > $name.java; done
javac -d classes *.java && mv classes/ours/Packed.class jar/ours && jar cf lib/packed.jar -C jar . && rm -r jar`);
        expect(built).toMatchObject({ stderr: "", ending: "execution_complete" });
        const response = await other.execd("POST", "/code", {
          code: "import ours.*;\nPacked.name() + Loose.name()",
          context: { language: "java" },
        });
        expect((await readOutcome(response)).events).toContainEqual(
          expect.objectContaining({ type: "result", results: { text: "PackedLoose" } }),
        );
      },
      START_MS,
    );
  });
});
