import assert from "node:assert/strict";
import { SandboxManager } from "opensandbox-code-interpreter";
import type { LocalServer } from "opensandbox-code-interpreter/local";
import { STEPS, type Seen, type Step } from "../scripted-answers.ts";

export function assertSeen(seen: readonly Seen[], taken: readonly Step[] = STEPS): void {
  assert.equal(seen.length, taken.length);
  for (const [index, { text, images = 0 }] of taken.entries()) {
    const one = seen[index] ?? { text: "", images: 0 };
    assert.ok(one.text.includes(text), `${JSON.stringify(one)} has no ${text}`);
    assert.equal(one.images, images);
  }
}

/** Compares some of an object's properties. */
export function assertHas(actual: object | undefined, expected: Readonly<Record<string, unknown>>): void {
  const chosen = Object.entries(actual ?? {}).filter(([name]) => name in expected);
  assert.deepEqual(Object.fromEntries(chosen), expected);
}

export async function countSandboxes({ connectionConfig }: LocalServer): Promise<number> {
  const manager = SandboxManager.create({ connectionConfig });
  const { items } = await manager.listSandboxInfos();
  await manager.close();
  return items.length;
}
