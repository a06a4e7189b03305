import { afterAll, beforeAll, expect } from "@jest/globals";
import { startLocalServer, type LocalServer } from "../../src/local/index.js";
import { SandboxManager } from "../../src/sandbox-manager.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";
import { STEPS, type Seen, type Step } from "./scripted-answers.js";

/** Declares tests that share a local server; they are skipped where nothing isolates code or there is no Python. */
export function describeOnServer(
  group: string,
  title: string,
  declare: (server: () => LocalServer) => void,
): void {
  const reason = isolationWorks ? "there is no python3" : NO_ISOLATION_REASON;
  describeIf(
    isolationWorks && hasPython,
    group,
    reason,
  )(title, () => {
    let server: LocalServer;
    beforeAll(async () => (server = await startLocalServer({ pythonShell: "plain" })));
    afterAll(() => server.close());
    declare(() => server);
  });
}

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
