import os from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { listProcesses, readOf, readStat, TICKS_PER_SECOND } from "../../box/processes.js";
import type { Configuration } from "../configuration.js";

const SAMPLE_MS = 250;

/** execd's metrics of the machine; here of the box, if it has its own processes. */
export interface Metrics {
  readonly cpu_count: number;
  /** Of all cores together. */
  readonly cpu_used_pct: number;
  readonly mem_total_mib: number;
  readonly mem_used_mib: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
}

interface Sample {
  readonly at: number;
  /** Seconds of one core, from an arbitrary start. */
  readonly busy: number;
}

/** Measures usage between two calls. */
export class Meter {
  readonly #memoryLimit: number | undefined;
  readonly #cpuCount = os.availableParallelism();
  #last: Sample;

  constructor({ limits }: Configuration) {
    this.#memoryLimit = limits?.memoryBytes;
    this.#last = this.#sample();
  }

  /** Measures over a short time. */
  static async measure(configuration: Configuration): Promise<Metrics> {
    const meter = new Meter(configuration);
    await delay(SAMPLE_MS);
    return meter.read();
  }

  read(): Metrics {
    const { at, busy } = this.#last;
    this.#last = this.#sample();
    const available = ((this.#last.at - at) / 1000) * this.#cpuCount;
    const share = available > 0 ? (this.#last.busy - busy) / available : 0;
    const total = Math.min(this.#memoryLimit ?? Infinity, os.totalmem());
    const used = this.#memoryLimit === undefined ? os.totalmem() - os.freemem() : memoryOfProcesses();
    return {
      cpu_count: this.#cpuCount,
      cpu_used_pct: Math.min(Math.max(share * 100, 0), 100),
      mem_total_mib: total / 2 ** 20,
      mem_used_mib: Math.min(used, total) / 2 ** 20,
      timestamp: Date.now(),
    };
  }

  #sample(): Sample {
    const busy = this.#memoryLimit === undefined ? busyOfMachine() : busyOfProcesses();
    return { at: performance.now(), busy };
  }
}

function busyOfMachine(): number {
  const ofCore = ({ times }: os.CpuInfo) => times.user + times.nice + times.sys + times.irq;
  return os.cpus().reduce((total, core) => total + ofCore(core), 0) / 1000;
}

/** Includes children that have ended, so that the sum does not decrease when a process ends. */
function busyOfProcesses(): number {
  const ticks = listProcesses().map((pid) => {
    const { fields = [] } = readStat(pid) ?? {};
    return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  });
  return ticks.reduce((total, count) => total + count, 0) / TICKS_PER_SECOND;
}

/** Shared memory is divided among the processes. */
function memoryOfProcesses(): number {
  const kilobytes = listProcesses().map((pid) =>
    Number(/^Pss:\s+(\d+) kB/m.exec(readOf(pid, "smaps_rollup") ?? "")?.[1] ?? 0),
  );
  return kilobytes.reduce((total, count) => total + count, 0) * 1024;
}
