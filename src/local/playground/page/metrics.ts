import type { SandboxMetrics } from "../../../index.js";
import { h } from "./dom.js";

const SAMPLES = 60;
const NAMESPACE = "http://www.w3.org/2000/svg";

/** Two small charts: processor and memory of the sandbox. */
export class MetricsView {
  readonly element = h("div", { class: "metrics" });
  readonly #cpu = new Chart("Processor");
  readonly #memory = new Chart("Memory");

  constructor() {
    this.element.append(this.#cpu.element, this.#memory.element);
  }

  add({ cpuUsedPercentage, memoryUsedMiB, memoryTotalMiB }: SandboxMetrics): void {
    this.#cpu.add(cpuUsedPercentage / 100, `${Math.round(cpuUsedPercentage)} %`);
    const share = memoryTotalMiB > 0 ? memoryUsedMiB / memoryTotalMiB : 0;
    this.#memory.add(share, `${Math.round(memoryUsedMiB)} of ${Math.round(memoryTotalMiB)} MiB`);
  }
}

class Chart {
  readonly element: HTMLElement;
  readonly #name: string;
  readonly #line = document.createElementNS(NAMESPACE, "polyline");
  readonly #picture = document.createElementNS(NAMESPACE, "svg");
  readonly #label = h("span", { class: "value", text: "–" });
  #samples: number[] = [];

  constructor(name: string) {
    this.#name = name;
    this.#picture.setAttribute("viewBox", `0 0 ${SAMPLES - 1} 100`);
    this.#picture.setAttribute("preserveAspectRatio", "none");
    this.#picture.setAttribute("role", "img");
    this.#picture.setAttribute("aria-label", `${name}: no sample yet`);
    this.#picture.append(this.#line);
    this.element = h("figure", {}, h("figcaption", { text: `${name} ` }, this.#label), this.#picture);
  }

  /** @param share the value, from 0 to 1 */
  add(share: number, label: string): void {
    this.#samples = [...this.#samples, Math.min(Math.max(share, 0), 1)].slice(-SAMPLES);
    const first = SAMPLES - this.#samples.length;
    const points = this.#samples.map((sample, index) => `${first + index},${100 - sample * 100}`);
    this.#line.setAttribute("points", points.join(" "));
    this.#picture.setAttribute("aria-label", `${this.#name}: ${label}`);
    this.#label.textContent = label;
  }
}
