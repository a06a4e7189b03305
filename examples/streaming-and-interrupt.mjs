// @ts-check
// Output as it comes, by handlers, loop and plain stream; and stopping a run without losing its state.
//
// In one terminal: npx opensandbox-code-interpreter serve
// In another, after the two `export` lines that it prints: node examples/streaming-and-interrupt.mjs
import { CodeInterpreter, Sandbox } from "opensandbox-code-interpreter";

const SLOW_COUNT =
  "import time\nfor i in range(3):\n    print('count', i, flush=True)\n    time.sleep(0.1)\n";

const sandbox = await Sandbox.create();
try {
  const { codes } = await CodeInterpreter.create(sandbox);

  // Handlers are called in order, and awaited: a slow one slows the reading, and loses nothing.
  const { text } = await codes.run(`${SLOW_COUNT}i * 10`, {
    handlers: {
      onStdout: (message) => console.log("handler:", message.text.trim()),
      onResult: (result) => console.log("result:", result.text),
    },
  });
  console.log("the outcome has it too:", text);

  // The same as a loop. Results come in every format that the value has.
  const run = codes.run("print('once')\nclass B:\n    def _repr_html_(self): return '<b>bold</b>'\nB()");
  for await (const event of run) {
    if (event.type === "stdout") console.log("event:", event.text.trim());
    if (event.type === "result") console.log("event:", event.results["text/html"]);
  }

  // `runStream` keeps nothing, so that memory stays flat whatever is printed.
  let characters = 0;
  for await (const event of codes.runStream({ code: "for _ in range(1000): print('x' * 99)" })) {
    if (event.type === "stdout") characters += event.text.length;
  }
  console.log("characters:", characters);

  // An interrupt ends the code; the context and its variables stay.
  const endless = codes.run("n = 0\nwhile True:\n    n += 1\n    if n == 1: print('looping', flush=True)");
  for await (const event of endless) {
    if (event.type === "stdout") void endless.interrupt().catch(console.error);
  }
  console.log("interrupted:", (await endless).error?.name);
  console.log("n is still there:", (await codes.run("n > 0")).text);
} finally {
  await sandbox.kill();
  await sandbox.close();
}
