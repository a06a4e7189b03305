// Measures the local server on this machine and prints a Markdown table: `node scripts/figures.mjs`. Requires a build.
import { setTimeout as sleep } from "node:timers/promises";
import { CodeInterpreter, Sandbox } from "../dist/index.mjs";
import { startLocalServer } from "../dist/local/index.mjs";

const PROGRAMS = {
  python: ["1+1", "for i in range(10000): print(i)", "while True: pass"],
  javascript: ["1+1", "for (let i = 0; i < 10000; i++) console.log(i)", "for (;;) {}"],
  typescript: ["1+1", "for (let i: number = 0; i < 10000; i++) console.log(i)", "for (;;) {}"],
  bash: ["echo $((1+1))", "for ((i = 0; i < 10000; i++)); do echo $i; done", "while :; do :; done"],
  java: ["1+1", "for (int i = 0; i < 10000; i++) System.out.println(i);", "while (true) {}"],
  go: ["fmt.Println(1+1)", "for i := 0; i < 10000; i++ { fmt.Println(i) }", "for {}"],
};
const NEW_CONTEXTS = 5;
const ROUND_TRIPS = 20;
/**
 * The time after which the spare kernel of any language is ready, which cannot be observed from outside the sandbox.
 */
const SPARE_MILLIS = 4000;

const startedAt = performance.now();
const server = await startLocalServer({ port: false });
const serverMillis = performance.now() - startedAt;
const { connectionConfig } = server;
console.log(`Start of the server: ${Math.round(serverMillis)} ms\n`);
console.log(
  "| language | cold start | new context, warm | `1+1` | 10,000 lines | interrupt | memory per context |",
);
console.log("| --- | --- | --- | --- | --- | --- | --- |");
for (const language of Object.keys(PROGRAMS)) await measure(language);

const count = Number(process.argv[2] ?? 0);
if (count > 0) await measureMany(count);
await server.close();

async function measure(language) {
  const [small, lines, endless] = PROGRAMS[language];
  const sandbox = await Sandbox.create({ connectionConfig });
  const { codes } = await CodeInterpreter.create(sandbox);
  const run = async (code, context) => {
    const execution = await codes.run(code, context ? { context } : { language });
    if (execution.error) throw new Error(`${language}: ${execution.error.name} ${execution.error.value}`);
  };
  const cold = await time(() => run(small));
  await sleep(SPARE_MILLIS);
  const before = await memoryOf(sandbox);
  const warm = [];
  for (let index = 0; index < NEW_CONTEXTS; index += 1) {
    const context = await codes.createContext(language);
    warm.push(await time(() => run(small, context)));
    await sleep(SPARE_MILLIS);
  }
  const memory = ((await memoryOf(sandbox)) - before) / NEW_CONTEXTS;
  const trips = [];
  for (let index = 0; index < ROUND_TRIPS; index += 1) trips.push(await time(() => run(small)));
  const printing = await time(() => run(lines));
  const running = codes.run(endless, { language });
  // The endless loop prints nothing to wait for; Go compiles it first.
  await sleep(language === "go" ? 3000 : 500);
  const interrupt = await time(() => running.interrupt());
  await sandbox.kill();
  await sandbox.close();
  const millis = [cold, median(warm), median(trips), printing, interrupt].map(
    (value) => `${format(value)} ms`,
  );
  console.log(`| ${[language, ...millis, `${Math.round(memory)} MiB`].join(" | ")} |`);
}

async function measureMany(total) {
  const sandboxes = [];
  const millis = await time(async () => {
    const make = async () => {
      const sandbox = await Sandbox.create({ connectionConfig });
      sandboxes.push(sandbox);
      const { codes } = await CodeInterpreter.create(sandbox);
      const { text } = await codes.run("1+1");
      if (text !== "2") throw new Error(`1+1 is ${text}`);
    };
    await Promise.all(Array.from({ length: total }, make));
  });
  console.log(
    `\n${total} sandboxes at once, each with a Python kernel that has answered: ${format(millis / 1000)} s`,
  );
  await Promise.all(sandboxes.map((sandbox) => sandbox.kill().then(() => sandbox.close())));
}

async function memoryOf(sandbox) {
  return (await sandbox.getMetrics()).memoryUsedMiB;
}

async function time(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

function format(value) {
  return value < 10 ? value.toFixed(1) : String(Math.round(value));
}
