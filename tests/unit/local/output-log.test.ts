import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { OutputLogs, type OutputLog } from "../../../src/local/supervisor/commands/output-log.js";

const SEGMENT = 8 * 2 ** 20;
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), "output-log-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const files = () => readdirSync(directory);

function createLogs(budget: number): OutputLogs {
  return new OutputLogs(budget, () => {
    mkdirSync(directory, { recursive: true });
    return path.join(directory, randomUUID());
  });
}

async function read(log: OutputLog, start: number, end = log.end): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of log.read(start, end)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

describe("the output of commands", () => {
  test("returns what was written, from any position to any other", async () => {
    const log = createLogs(SEGMENT).create();
    expect([log.start, log.end, await read(log, 0)]).toEqual([0, 0, ""]);
    log.append(Buffer.from("first\n"));
    log.append(Buffer.from("second\n"));
    log.close();
    expect([await read(log, 0), await read(log, 6), await read(log, 2, 8)]).toEqual([
      "first\nsecond\n",
      "second\n",
      "rst\nse",
    ]);
  });

  test("continues in another file as one output", async () => {
    const log = createLogs(10 * SEGMENT).create();
    log.append(Buffer.alloc(SEGMENT + 10, "a"));
    log.append(Buffer.from("b"));
    expect(files()).toHaveLength(2);
    expect(await read(log, SEGMENT - 5)).toBe(`${"a".repeat(15)}b`);
    log.delete();
    expect(files()).toHaveLength(0);
  });

  test("loses its oldest part beyond the limit, and keeps the positions of the rest", async () => {
    const log = createLogs(2 * SEGMENT).create();
    for (let count = 0; count < 40; count++) log.append(Buffer.alloc(2 ** 20, String(count % 10)));
    expect(log.end).toBe(40 * 2 ** 20);
    expect(log.start).toBeGreaterThan(0);
    expect(files().length).toBeLessThanOrEqual(3);
    expect(await read(log, log.end - 3)).toBe("999");
    expect((await read(log, 0)).length).toBe(log.end - log.start);
    log.delete();
  });

  test("loses the oldest of any command first", async () => {
    const logs = createLogs(2 * SEGMENT);
    const old = logs.create();
    old.append(Buffer.from("old"));
    old.close();
    const young = logs.create();
    young.append(Buffer.alloc(2 * SEGMENT, "y"));
    expect(await read(old, 0)).toBe("");
    expect(old.end).toBe(3);
    old.append(Buffer.from("more"));
    expect(await read(old, 0)).toBe("more");
    young.delete();
    old.delete();
  });

  test("continues after its files were deleted", async () => {
    const log = createLogs(SEGMENT).create();
    log.append(Buffer.from("lost"));
    rmSync(directory, { recursive: true });
    expect(await read(log, 0)).toBe("");
    log.close();
    log.append(Buffer.from("kept"));
    expect(await read(log, 0)).toBe("kept");
    log.delete();
  });
});
