import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type LocalSandbox, startSandbox } from "../helpers/local-sandbox.js";

let sandbox: LocalSandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(async () => sandbox[Symbol.asyncDispose]());

const run = (code: string, contextId?: string) => sandbox.run("javascript", code, contextId);
const text = async (code: string) => (await run(code)).results.at(-1)?.["text"];

describe("values", () => {
  test("the last expression is the result, with the number of the run", async () => {
    const first = await run("1 + 1");
    expect(first).toMatchObject({ results: [{ text: "2" }], stdout: "", error: undefined });
    expect(first.order).toEqual(["init", "execution_count", "result", "execution_complete"]);
    const second = await run("'two'");
    expect(second.results).toEqual([{ text: "'two'" }]);
    expect(second.executionCount).toBe((first.executionCount ?? 0) + 1);
  });

  test("undefined is not shown as a result", async () => {
    expect(await run("const nothing = 1")).toMatchObject({ results: [], executionCount: undefined });
  });

  test("variables and constants are kept and can be redeclared", async () => {
    await run("const a = 1; let b = 2; function c() { return a + b }");
    await run("const a = 10; let b = 20");
    expect(await text("c()")).toBe("30");
  });

  test("top-level await works, also in declarations", async () => {
    await run("const awaited = await new Promise((resolve) => setTimeout(resolve, 5, 'later'))");
    expect(await text("awaited")).toBe("'later'");
  });

  test("an object whose keys are MIME types is shown as its representations", async () => {
    const { results } = await run("({ 'text/html': '<b>x</b>', 'image/png': new Uint8Array([1, 2, 3]) })");
    expect(results).toMatchObject([{ "text/html": "<b>x</b>", "image/png": "AQID" }]);
  });

  test("an object provides its representations by a method", async () => {
    const { results } = await run(
      "({ toMimeBundle: () => ({ 'text/markdown': '# x', 'application/json': { a: [1] } }) })",
    );
    expect(results).toMatchObject([{ "text/markdown": "# x", "application/json": { a: [1] } }]);
  });

  test("display shows a value before the run ends", async () => {
    const outcome = await run("console.log('a'); display({ 'text/html': '<i>' }); console.log('b')");
    expect(outcome).toMatchObject({ stdout: "a\nb\n", executionCount: undefined });
    expect(outcome.results).toMatchObject([{ "text/html": "<i>" }]);
    expect(outcome.order).toEqual(["init", "stdout", "result", "stdout", "execution_complete"]);
  });
});

describe("modules", () => {
  test("import statements of every form", async () => {
    const code = `import fs, { existsSync as exists } from "node:fs";
import * as path from "path";
import "node:url";
[fs.existsSync === exists, path.sep]`;
    expect(await text(code)).toBe("[ true, '/' ]");
  });

  test("modules that code has written are resolved from the current directory", async () => {
    await run(`const { writeFileSync } = require("fs");
writeFileSync("own.mjs", "export const one = 1; export default 'd'");
writeFileSync("own.cjs", "exports.two = 2")`);
    expect(await text('import d, { one } from "./own.mjs"; [d, one]')).toBe("[ 'd', 1 ]");
    expect(await text('(await import("./own.mjs")).one + require("./own.cjs").two')).toBe("3");
  });

  test("a missing export is an error", async () => {
    const { error } = await run('import { nothing } from "node:fs"');
    expect(error).toMatchObject({ ename: "SyntaxError" });
    expect(error?.evalue).toContain("nothing");
  });

  test("export before a declaration is ignored", async () => {
    await run("export const exported = 5;\nexport default function named() { return exported }");
    expect(await text("named()")).toBe("5");
  });

  test("a list of exports is ignored, and the default export is the value of the run", async () => {
    expect(
      await text("const listed = 5; function other() {}\nexport { listed, other as alias };\nlisted"),
    ).toBe("5");
    expect(await text("export default { a: 1, b: 2 }")).toBe("{ a: 1, b: 2 }");
  });

  test("code is the main module for CommonJS and ES modules", async () => {
    expect(await text("module.exports = { a: 1 }; require.main === module")).toBe("true");
    expect(await text("import.meta.filename === process.argv[1]")).toBe("true");
  });
});

describe("output", () => {
  test("standard output and standard error are separate and in order, child processes included", async () => {
    const outcome = await run(`console.log("one"); console.error("two"); process.stdout.write("three");
require("child_process").execSync("echo four; echo five >&2", { stdio: "inherit" });
console.log("six")`);
    expect(outcome).toMatchObject({ stdout: "one\nthreefour\nsix\n", stderr: "two\nfive\n" });
    expect(outcome.order.slice(1, 4)).toEqual(["stdout", "stderr", "stdout"]);
  });

  test("arrives while the code runs", async () => {
    const contextId = await sandbox.createContext("javascript");
    const endless = sandbox.startRun("javascript", "console.log('now'); while (true);", contextId);
    await endless.until("now");
    await sandbox.interrupt(contextId);
    expect((await endless.outcome).error).toMatchObject({ ename: "KeyboardInterrupt" });
  });

  test("any character arrives, and half of one becomes a replacement character", async () => {
    const outcome = await run(
      `console.log("é€😀\\0|\\ud800|"); process.stdout.write(Buffer.from([0xe2, 0x82])); "😀\\ud800"`,
    );
    expect(outcome.stdout).toBe("é€😀\0|\ufffd|\n\ufffd");
    expect(outcome.results).toEqual([{ text: "'😀\\ud800'" }]);
  });

  test("a stack trace that code prints has no frames of the kernel", async () => {
    const { stdout, stderr } = await run(`try { null.x } catch (error) { console.log(error.stack) }
console.log(new RangeError("outer", { cause: new Error("inner") }));
console.trace("here");`);
    expect(stdout).toMatch(
      /^TypeError: .*\n {4}at <cell-\d+>:1:12\nRangeError: outer\n {4}at <cell-\d+>:2:13 \{\n/,
    );
    expect(stdout).toMatch(/\n {2}\[cause\]: Error: inner\n {6}at <cell-\d+>:2:46\n\}\n$/);
    expect(stderr).toMatch(/^Trace: here\n {4}at <cell-\d+>:3:9\n$/);
  });

  test("the stack of a Node error contains its code", async () => {
    const { stdout } = await run("try { Buffer.from(1) } catch (error) { console.log(error.stack) }");
    expect(stdout).toMatch(
      /^TypeError \[ERR_INVALID_ARG_TYPE\]: .*\n(?: {4}at .*\n)* {4}at <cell-\d+>:1:14\n$/,
    );
  });

  test("of an earlier run is dropped, and a note says so once", async () => {
    await run(`setTimeout(() => console.log("late"), 5); setInterval(() => console.log("again"), 5);
void (async () => { for (;;) { await null; await new Promise((r) => setTimeout(r, 3)); console.log("loop"); } })();`);
    const wait = "await new Promise((r) => setTimeout(r, 60)); console.log('own')";
    const outcome = await run(wait);
    expect(outcome.stdout).toBe("own\n");
    expect(outcome.stderr).toMatch(/^Note: code of an earlier run printed after that run had ended;.*\n$/);
    expect(await run(wait)).toMatchObject({ stdout: "own\n", stderr: "" });
  });

  test("between two runs is reported in the second", async () => {
    const contextId = await sandbox.createContext("javascript");
    const [go, mark] = ["/tmp/print-between", "/tmp/printed-between"];
    await sandbox.run(
      "javascript",
      `const fs = require("fs");
const waiting = setInterval(() => {
  if (!fs.existsSync("${go}")) return;
  clearInterval(waiting);
  console.log("late");
  fs.writeFileSync("${mark}", "");
}, 5);
1`,
      contextId,
    );
    // Prints only now, when the first run has ended.
    await sandbox.run("bash", `touch ${go}; until [ -e ${mark} ]; do sleep 0.01; done`);
    const { stdout, stderr } = await sandbox.run("javascript", "console.log('own')", contextId);
    expect({ stdout, isNoted: stderr.startsWith("Note: ") }).toEqual({ stdout: "own\n", isNoted: true });
  });
});

describe("a promise as the last value", () => {
  test.each([
    [
      "a call of an async function",
      "async function main() { await null; return { n: 1 } }\nmain()",
      "{ n: 1 }",
    ],
    ["an async function called at once", "(async () => { await null; return 2 })();", "2"],
    ["a promise of a subclass", "class P extends Promise {}\nP.resolve(3)", "3"],
    ["a variable", "const later = new Promise((y) => setTimeout(y, 5, 4)); later", "4"],
    ["a promise of another realm", "require('vm').runInNewContext('Promise.resolve(5)')", "5"],
  ])("is awaited and its value shown: %s", async (_what, code, value) => {
    expect(await text(code)).toBe(value);
  });

  test("has no result if it resolves to undefined, and the output is kept", async () => {
    const code = `async function main() { await new Promise((y) => setTimeout(y, 20)); console.log("done"); }
main().catch(console.error);`;
    expect(await run(code)).toMatchObject({ stdout: "done\n", stderr: "", results: [], error: undefined });
  });

  test("that rejects is the error of the run", async () => {
    const { error } = await run("(async () => { await null; throw new RangeError('lost') })()");
    expect(error).toMatchObject({ ename: "RangeError", evalue: "lost" });
  });

  test("that never settles can be interrupted, and is not waited for after `void`", async () => {
    const contextId = await sandbox.createContext("javascript");
    const endless = sandbox.startRun("javascript", "console.log('now'); new Promise(() => {})", contextId);
    await endless.until("now");
    await sandbox.interrupt(contextId);
    expect((await endless.outcome).error).toMatchObject({ ename: "KeyboardInterrupt" });
    expect(await run("void new Promise(() => {})")).toMatchObject({ results: [], error: undefined });
  });
});

describe("errors", () => {
  test("name, message, and a traceback with the user's lines only", async () => {
    const { error, isComplete } = await run("function f() {\n  null.x\n}\nf()");
    expect(isComplete).toBe(true);
    expect(error).toMatchObject({
      ename: "TypeError",
      evalue: "Cannot read properties of null (reading 'x')",
    });
    expect(error?.traceback).toMatch(/^TypeError: .*\n {4}at f \(<cell-\d+>:2:8\)\n {4}at <cell-\d+>:4:1$/);
  });

  test("a syntax error shows the line", async () => {
    const { error } = await run("const fine = 1;\nconst = 2");
    expect(error).toMatchObject({ ename: "SyntaxError", evalue: "Unexpected token '='" });
    expect(error?.traceback).toMatch(/^<cell-\d+>:2\nconst = 2\n {6}\^\n\nSyntaxError/);
  });

  test("an unexpected end is reported at the end of the code", async () => {
    const { error } = await run("const fine = 1;\nfine.toString(\n");
    expect(error?.traceback).toMatch(/^<cell-\d+>:2\nfine.toString\(\n {14}\^\n/);
  });

  test("a syntax error in text that the code parses has the position of the call", async () => {
    const { error } = await run("function load() {\n  return JSON.parse('{bad') }\n\nload()");
    expect(error).toMatchObject({ ename: "SyntaxError" });
    expect(error?.traceback).toMatch(
      /^SyntaxError: .*\n.*\n {4}at load \(<cell-\d+>:2:15\)\n {4}at <cell-\d+>:4:1$/,
    );
  });

  test("line numbers are right below imports", async () => {
    const { error } = await run('import {\n  readFileSync,\n} from "node:fs";\nthrow new Error("at 4")');
    expect(error?.traceback).toMatch(/<cell-\d+>:4:7/);
  });

  test("a value that is not an Error can be thrown", async () => {
    expect((await run("throw 'a string'")).error).toMatchObject({ ename: "Uncaught", evalue: "a string" });
  });

  test.each([
    ["a rejection that nobody handles", "Promise.reject(new RangeError('lost'))"],
    [
      "an exception in a callback",
      "setTimeout(() => { throw new RangeError('lost') }); await new Promise(() => {})",
    ],
  ])("%s ends the run and not the context", async (_what, code) => {
    await run("var kept = 7");
    expect((await run(code)).error).toMatchObject({ ename: "RangeError", evalue: "lost" });
    expect(await text("kept")).toBe("7");
  });

  test("an exception or rejection of an earlier run does not fail a later one", async () => {
    await run(`setTimeout(() => { throw new Error("late") }, 5);
setTimeout(async () => { throw new Error("late") }, 5);`);
    expect(
      await run("await new Promise((resolve) => setTimeout(resolve, 60)); console.log('own')"),
    ).toMatchObject({
      stdout: "own\n",
      error: undefined,
    });
  });

  test("a value that looks like an Error has its name and message", async () => {
    const codes = {
      "await fetch('data:,', { signal: AbortSignal.abort() })": "AbortError: This operation was aborted",
      "structuredClone(() => 1)": "DataCloneError: () => 1 could not be cloned.",
      "require('vm').runInNewContext('null.x')": "TypeError: Cannot read properties of null (reading 'x')",
      "function Old() { this.message = 'old'; this.stack = '' } Old.prototype.name = 'OldError'; throw new Old()":
        "OldError: old",
    };
    for (const [code, expected] of Object.entries(codes)) {
      const { error } = await run(code);
      expect([error?.ename, error?.evalue].join(": ")).toBe(expected);
    }
  });

  test.each([
    [
      "unhandledRejection",
      "process.on('unhandledRejection', (e) => console.log('handled', e.message)); Promise.reject(new Error('r'))",
      "handled r\n",
    ],
    [
      "uncaughtException",
      "process.once('uncaughtException', (e) => console.log('caught', e.message)); setTimeout(() => { throw new Error('t') }, 5)",
      "caught t\n",
    ],
    [
      "a capture callback",
      "process.setUncaughtExceptionCaptureCallback((e) => console.log('captured', e.message)); setTimeout(() => { throw new Error('t') }, 5)",
      "captured t\n",
    ],
  ])("a handler of the code's own is called instead: %s", async (_event, code, stdout) => {
    const contextId = await sandbox.createContext("javascript");
    const wait = "await new Promise((y) => setTimeout(y, 40)); 'end'";
    const outcome = await sandbox.run("javascript", `${code}; ${wait}`, contextId);
    expect(outcome).toMatchObject({ stdout, results: [{ text: "'end'" }], error: undefined });
  });

  test("a run is not affected if an earlier one removed all event handlers", async () => {
    const contextId = await sandbox.createContext("javascript");
    const remove = "process.removeAllListeners('uncaughtException').removeAllListeners('unhandledRejection')";
    await sandbox.run("javascript", `var kept = 7; ${remove}; 0`, contextId);
    const failing = await sandbox.run(
      "javascript",
      "setTimeout(() => { null.x }); await new Promise(() => {})",
      contextId,
    );
    expect(failing.error).toMatchObject({ ename: "TypeError" });
    expect((await sandbox.run("javascript", "kept", contextId)).results).toEqual([{ text: "7" }]);
  });

  test("process.exit of an earlier run does not end a later one", async () => {
    const contextId = await sandbox.createContext("javascript");
    await sandbox.run("javascript", "var kept = 7; setTimeout(() => process.exit(1), 20); 0", contextId);
    const outcome = await sandbox.run(
      "javascript",
      "await new Promise((y) => setTimeout(y, 80)); kept",
      contextId,
    );
    expect(outcome).toMatchObject({ results: [{ text: "7" }], error: undefined });
  });

  test.each([
    ["JSX", "const e = <div>hi</div>;", "JSX is not supported"],
    ["decorators", "@sealed class A {}", "decorators are not supported"],
  ])("%s are refused by name", async (_what, code, message) => {
    const { error } = await run(`1;\n${code}`);
    expect(error).toMatchObject({ ename: "SyntaxError" });
    expect(error?.evalue).toContain(message);
    expect(error?.traceback).toMatch(/^<cell-\d+>:2\n/);
  });

  test("standard input is refused", async () => {
    const ask = `await require("readline/promises").createInterface({ input: process.stdin }).question("name? ")`;
    for (const code of [ask, "prompt('name?')"]) {
      expect((await run(code)).error?.evalue).toContain("Standard input is not available");
    }
  });

  test("the end of the process is reported, and the context starts a new one", async () => {
    await run("var gone = 1");
    const { error } = await run("console.log('last'); process.exit(3)");
    expect(error?.evalue).toContain("exit status 3");
    expect(await text("typeof gone")).toBe("'undefined'");
  });

  test("the end of the process while the code waits is reported as such", async () => {
    const { error } = await run("setTimeout(() => process.exit(5), 5); await new Promise(() => {})");
    expect(error).toMatchObject({ ename: "KernelDied" });
    expect(error?.evalue).toContain("exit status 5");
  });
});

describe("an interrupt", () => {
  test.each([
    ["a loop", "while (true);"],
    ["an await that never settles", "await new Promise(() => {})"],
    [
      "a flood of microtasks",
      "const flood = () => Promise.resolve().then(flood); flood(); await new Promise(() => {})",
    ],
    ["a loop of awaits", "while (true) await null"],
    ["a loop of timers", "for (;;) await new Promise((resolve) => setTimeout(resolve, 1))"],
    ["a child process", "require('child_process').execSync('sleep 60')"],
    ["a regular expression", "/^(a+)+$/.test('a'.repeat(40) + 'b')"],
  ])("ends %s and keeps the state", async (_what, code) => {
    const contextId = await sandbox.createContext("javascript");
    await run("var kept = 'kept'", contextId);
    const endless = sandbox.startRun("javascript", `console.log("runs"); ${code}`, contextId);
    await endless.until("runs");
    await sandbox.interrupt(contextId);
    expect(await endless.outcome).toMatchObject({
      error: { ename: "KeyboardInterrupt", evalue: "" },
      isComplete: true,
    });
    expect((await run("kept", contextId)).results).toEqual([{ text: "'kept'" }]);
  });

  test("never holds up the output of later runs", async () => {
    const contextId = await sandbox.createContext("javascript");
    const code = `console.log("runs"); require('child_process').execSync('sleep 60')`;
    for (let count = 0; count < 15; count++) {
      const endless = sandbox.startRun("javascript", code, contextId);
      await endless.until("runs");
      await sandbox.interrupt(contextId);
      expect(await endless.outcome).toMatchObject({
        error: { ename: "KeyboardInterrupt" },
        isComplete: true,
      });
    }
  });

  test("does nothing if no code runs in the context", async () => {
    const contextId = await sandbox.createContext("javascript");
    await run("var kept = 1", contextId);
    await sandbox.interrupt(contextId);
    expect((await run("kept", contextId)).results).toEqual([{ text: "1" }]);
  });
});
