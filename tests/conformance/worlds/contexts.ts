import { expect } from "@jest/globals";
import type { CodeContext } from "../../../src/index.js";
import type { Area, Case, World } from "../../helpers/worlds.js";
import { run } from "./runs.js";

const FIRST = "49d69201-3077-4b26-b297-2d857713525b";
const CWD = "3a8a1e99-49d9-4feb-92e5-8a9ec68805f5";
const DEFAULT = "ce42e1fa-b3e8-4d91-94b7-0c87196ab39d";
const HUNG = "aba6344d-9056-46d5-a6a8-f0fe642a0df4";
const BUSY = "f8a97cea-e9af-4788-abf4-edcb1186bb17";
const DEAD = "0ddeecb6-5320-464a-ae21-920eede773e8";

const create = (makes: string, options: { cwd?: string } = {}): Case => ({
  call: ({ codes }) => codes.createContext("python", options),
  gives: { id: expect.any(String), language: "python" },
  makes,
});
const remove = (id: string): Case => ({
  call: ({ codes, idOf }) => codes.deleteContext(idOf(id)),
  gives: undefined,
});
const list = (ids: readonly string[], language?: string): Case => ({
  call: async ({ codes }) => sorted(await codes.listContexts(language)),
  gives: ({ idOf }: World) => sorted(ids.map((id) => ({ id: idOf(id), language: "python" }))),
});
/** Servers list contexts in any order. */
const sorted = (contexts: readonly CodeContext[]) =>
  [...contexts].sort((one, other) => (one.id < other.id ? -1 : 1));
const inContext = (id: string, { idOf }: World) => ({ context: { id: idOf(id), language: "python" } });

/** Starts code that does not end by itself, and resolves when it is running. */
const occupy = (id: string) => (world: World) =>
  new Promise((resolve) => {
    const code = "print('begun', flush=True)\nwhile True: pass";
    world.codes.run(code, { ...inContext(id, world), handlers: { onStdout: resolve } });
  });

export const contexts: Area = {
  name: "contexts",
  fixture: "execd-code",
  cases: {
    "create ctx python": create(FIRST),
    "create ctx python cwd": create(CWD, { cwd: "/workspace/newdir" }),
    "cwd in ctx": {
      ...run({ text: "'/workspace'", executionCount: 1 }),
      // A run has no directory; servers ignore it.
      sends: { code: "import os; os.getcwd()", context: { id: CWD, language: "python" } },
    },
    "run unknown ctx": {
      call: ({ codes }) => codes.run("1", { context: { id: "nope", language: "python" } }),
      fails: [500, "RUNTIME_ERROR", "error running codes context not found"],
    },
    "run ctx id w/ wrong language": run({ text: "2", executionCount: 2 }),
    "create ctx": create(HUNG),
    "delete hung ctx": remove(HUNG),
    contexts: {
      ...list([CWD, DEFAULT, FIRST]),
      before: async ({ codes, note }) => {
        const { id = "" } = await codes.run("1");
        note(DEFAULT, id);
      },
    },
    "contexts python": list([CWD, DEFAULT, FIRST], "python"),
    "contexts go": list([], "go"),
    "contexts command": {
      call: ({ codes }) => codes.listContexts("command"),
      fails: [500, "RUNTIME_ERROR", "unsupported language context operation: command"],
    },
    "ctx get": {
      call: ({ codes, idOf }) => codes.getContext(idOf(CWD)),
      gives: ({ idOf }: World) => ({ id: idOf(CWD), language: "python" }),
    },
    "ctx delete unknown": {
      call: ({ codes }) => codes.deleteContext("nope"),
      fails: [404, "CONTEXT_NOT_FOUND", "context nope not found"],
    },
    "ctx delete": remove(CWD),
    "ctx get deleted": {
      call: ({ codes, idOf }) => codes.getContext(idOf(CWD)),
      fails: [404, "CONTEXT_NOT_FOUND", /^context \S+ not found$/],
    },
    "run on deleted": {
      call: (world) => world.codes.run("1", inContext(CWD, world)),
      sends: { code: "1", context: { id: CWD, language: "python" } },
      fails: [500, "RUNTIME_ERROR", "error running codes context not found"],
    },
    "delete by lang none": { call: ({ codes }) => codes.deleteContexts("go"), gives: undefined },
    "interrupt unknown": {
      call: ({ codes }) => codes.interrupt("nope"),
      fails: [500, "RUNTIME_ERROR", "error interruptting code context. no such session"],
    },
    "create ctx (2)": create(BUSY),
    "slow run": {
      with: ["other ctx while busy"],
      call: async (world) => {
        const code = 'import time\nprint("s")\ntime.sleep(2)\nprint("e")';
        const slow = world.codes.run(code, inContext(BUSY, world));
        const quick = await world.codes.run("1+1");
        return { quick: quick.text, slow: (await slow).stdout };
      },
      gives: { quick: "2", slow: "s\ne\n" },
    },
    "run to interrupt": {
      with: ["interrupt"],
      endsLast: true,
      call: async (world) => {
        const code = "import time\nfor i in range(100):\n  print(i,flush=True); time.sleep(0.2)";
        let isInterrupted = false;
        const onStdout = async () => {
          if (isInterrupted) return;
          isInterrupted = true;
          await world.codes.interrupt(world.idOf(BUSY));
        };
        const { stdout, error } = await world.codes.run(code, {
          ...inContext(BUSY, world),
          handlers: { onStdout },
        });
        return { begin: stdout.slice(0, 2), error: error?.name };
      },
      gives: { begin: "0\n", error: "KeyboardInterrupt" },
    },
    "interrupt idle ctx": {
      call: ({ codes, idOf }) => codes.interrupt(idOf(BUSY)),
      gives: undefined,
    },
    "delete busy ctx": { ...remove(BUSY), before: occupy(BUSY) },
    "create ctx (3)": create(DEAD),
    "delete dead ctx": {
      ...remove(DEAD),
      before: (world) => world.codes.run("import os; os._exit(1)", inContext(DEAD, world)),
    },
    "delete python ctxs": { call: ({ codes }) => codes.deleteContexts("python"), gives: undefined },
    "contexts (2)": list([]),
    "default ctx recreated": run({ text: "2", executionCount: 1 }),
  },
};
