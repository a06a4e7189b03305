import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { packed } from "./packed-package.js";

/** How to reach a local server. */
export interface Address {
  readonly domain: string;
  readonly protocol: "http";
  readonly apiKey: string;
}

export interface Addresses {
  readonly connection: Address;
  /** This server cuts every event stream after some bytes. */
  readonly cutting: Address;
}

/** Two local servers in a process of their own, run by any runtime. */
export class Servers {
  readonly #process: ChildProcess;
  readonly addresses: Addresses;

  private constructor(process: ChildProcess, addresses: Addresses) {
    this.#process = process;
    this.addresses = addresses;
  }

  static async start([program = process.execPath, ...args]: readonly string[] = []): Promise<Servers> {
    const child = spawn(program, [...args, join(packed.consumer, "smoke/serve.mjs")], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const lines = createInterface({ input: child.stdout });
    const ended = once(child, "exit").then(() => undefined);
    const first = await Promise.race([once(lines, "line"), ended]);
    if (first === undefined) throw new Error(`${program} ended before its local servers were up`);
    return new Servers(child, JSON.parse(String(first[0])) as Addresses);
  }

  async close(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.stdin?.end();
    await ended;
  }
}
