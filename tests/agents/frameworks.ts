import { expect } from "@jest/globals";
import type { LocalServer } from "../../src/local/index.js";
import { SandboxManager } from "../../src/sandbox-manager.js";
import steps from "./scenario.json" with { type: "json" };

/** A tool call that a scripted model makes, and what it is to see of the result. */
export interface Step {
  readonly tool: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly images?: number;
}

/** What a model sees of one tool result. */
export interface Seen {
  readonly text: string;
  readonly images: number;
}

/** A conversation in which a model runs code, looks at a picture, makes a mistake and corrects it. */
export const STEPS: readonly Step[] = steps;

/** A run that only an abort ends. It creates a file at its start, which {@link STARTED} waits for. */
export const ENDLESS: Step = {
  tool: "run_code",
  input: {
    code: "import time\nopen('started', 'w').close()\nprint('waiting', flush=True)\nwhile True: time.sleep(0.1)",
  },
  text: "",
};
export const STARTED = "until [ -e started ]; do sleep 0.05; done";
/** A run that shows that the state of {@link STEPS} has survived the abort. */
export const AFTERWARDS: Step = { tool: "run_code", input: { code: "print('x is', x)" }, text: "x is 41" };

/** Compares what a model has seen with the steps that it took. */
export function expectSeen(seen: readonly Seen[], taken: readonly Step[] = STEPS): void {
  expect(seen).toEqual(
    taken.map(({ text, images = 0 }) => ({
      text: expect.stringContaining(text) as unknown as string,
      images,
    })),
  );
}

/** How many sandboxes a server has. */
export async function countSandboxes({ connectionConfig }: LocalServer): Promise<number> {
  const manager = SandboxManager.create({ connectionConfig });
  const { items } = await manager.listSandboxInfos();
  await manager.close();
  return items.length;
}
