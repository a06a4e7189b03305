import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

/**
 * The diagrams of docs/architecture.md. Each row names modules that a request passes through. Every import between two
 * modules is drawn as an arrow. `links` are arrows that are not imports: from one process to another.
 */
export const diagrams = [
  {
    name: "sdk-request",
    title: "One run through the SDK",
    rows: [
      { label: "facade", modules: ["src/code-interpreter.ts"] },
      {
        label: "services",
        modules: ["src/services/codes.ts", "src/services/run-options.ts", "src/services/link.ts"],
      },
      { label: "execution", modules: ["src/execution/run.ts"] },
      { label: "", modules: ["src/execution/handlers.ts"] },
      { label: "", modules: ["src/execution/run-stream.ts", "src/execution/execution.ts"] },
      { label: "", modules: ["src/execution/event.ts", "src/execution/interrupt.ts"] },
      { label: "transport", modules: ["src/transport/transport.ts"] },
      { label: "", modules: ["src/transport/call.ts", "src/transport/event-stream.ts"] },
      {
        label: "",
        modules: ["src/transport/endpoint.ts", "src/transport/retry.ts", "src/transport/response.ts"],
      },
    ],
    links: [],
  },
  {
    name: "server-request",
    title: "One POST /code through the local server",
    rows: [
      { label: "http", modules: ["src/local/http/listener.ts", "src/local/http/app.ts"] },
      { label: "sandboxes", modules: ["src/local/sandboxes/routes/gateway.ts"] },
      { label: "", modules: ["src/local/sandboxes/hosted-sandbox.ts"] },
      { label: "box", modules: ["src/local/box/box.ts"] },
      { label: "supervisor", modules: ["src/local/supervisor/main.ts"] },
      { label: "", modules: ["src/local/supervisor/execd.ts"] },
      { label: "", modules: ["src/local/supervisor/code/routes.ts"] },
      { label: "", modules: ["src/local/supervisor/code/contexts.ts"] },
      { label: "", modules: ["src/local/supervisor/code/kernel-pool.ts"] },
      { label: "", modules: ["src/local/supervisor/code/worker.ts"] },
      { label: "kernel", modules: ["src/local/languages/python/python.py"] },
    ],
    links: [
      ["src/local/http/listener.ts", "src/local/http/app.ts", "calls it as a fetch handler"],
      ["src/local/box/box.ts", "src/local/supervisor/main.ts", "HTTP/2 over one socket"],
      [
        "src/local/supervisor/code/kernel-pool.ts",
        "src/local/supervisor/code/worker.ts",
        "through the language's descriptor",
      ],
      ["src/local/supervisor/code/worker.ts", "src/local/languages/python/python.py", "pipes"],
    ],
  },
];

/** Returns the arrows of a diagram: the imports in the code, and the links. */
export function arrowsOf({ rows, links }, root) {
  const modules = rows.flatMap((row) => row.modules);
  const imports = modules
    .filter((module) => module.endsWith(".ts"))
    .flatMap((module) =>
      importsOf(module, root)
        .filter((imported) => modules.includes(imported))
        .map((imported) => ({ from: module, to: imported, label: "" })),
    );
  return [...imports, ...links.map(([from, to, label]) => ({ from, to, label }))];
}

/** Returns the problems of a diagram: missing files, modules without an arrow, arrows that point up. */
export function problemsOf(diagram, root) {
  const rowOf = (module) => diagram.rows.findIndex(({ modules }) => modules.includes(module));
  const modules = diagram.rows.flatMap((row) => row.modules);
  const arrows = arrowsOf(diagram, root);
  return [
    ...modules
      .filter((module) => !existsSync(path.join(root, module)))
      .map((module) => `${module} does not exist`),
    ...modules
      .filter((module) => !arrows.some(({ from, to }) => from === module || to === module))
      .map((module) => `${module} has no arrow`),
    ...arrows
      .filter(({ from, to }) => rowOf(from) > rowOf(to))
      .map(({ from, to }) => `the arrow from ${from} to ${to} points up`),
  ];
}

function importsOf(module, root) {
  const text = readFileSync(path.join(root, module), "utf8");
  return [...text.matchAll(/^(?:import|export)\b[^;]*?from "(\.{1,2}\/[^"]+)\.js";/gms)].map(
    ([, specifier]) => path.posix.join(path.posix.dirname(module), `${specifier}.ts`),
  );
}

const BOX = { width: 210, height: 34, gap: 24 };
const ROW = 74;
const LABELS = 120;

/** Draws a diagram as SVG that is readable on light and dark pages. */
export function draw(diagram, root) {
  const { rows, title } = diagram;
  const widest = Math.max(...rows.map(({ modules }) => modules.length));
  const width = LABELS + widest * (BOX.width + BOX.gap) + 60;
  const height = rows.length * ROW + 20;
  const places = new Map();
  for (const [row, { modules }] of rows.entries()) {
    for (const [column, module] of modules.entries())
      places.set(module, { x: LABELS + column * (BOX.width + BOX.gap), y: 20 + row * ROW, row });
  }
  const arrows = arrowsOf(diagram, root).map((arrow) => drawArrow(arrow, places));
  const boxes = [...places].map(
    ([module, { x, y }]) =>
      `<rect x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="6"/><text class="module" x="${x + BOX.width / 2}" y="${y + 22}">${shortName(module)}</text>`,
  );
  const labels = rows.map(
    ({ label }, row) => `<text class="layer" x="8" y="${20 + row * ROW + 22}">${label}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">
<title>${title}</title>
<style>
svg { background: #ffffff; font: 13px system-ui, sans-serif; }
rect { fill: #eef3f9; stroke: #4a6785; }
text { fill: #1b1f24; }
.module { text-anchor: middle; font-family: ui-monospace, monospace; font-size: 12px; }
.layer { font-weight: 600; }
.link-label { font-size: 11px; fill: #545c66; }
path { fill: none; stroke: #8296ad; }
.link { stroke-dasharray: 5 4; stroke: #b3261e; }
</style>
<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" style="fill:#8296ad;stroke:none"/></marker></defs>
${[...arrows, ...boxes, ...labels].join("\n")}
</svg>
`;
}

function drawArrow({ from, to, label }, places) {
  const start = places.get(from);
  const end = places.get(to);
  const isLink = label !== "";
  const line =
    start.row === end.row
      ? sideways(start, end)
      : `M${start.x + BOX.width / 2} ${start.y + BOX.height} C${start.x + BOX.width / 2} ${start.y + BOX.height + 24} ${end.x + BOX.width / 2} ${end.y - 24} ${end.x + BOX.width / 2} ${end.y}`;
  const text = isLink
    ? `<text class="link-label" x="${start.row === end.row ? start.x + BOX.width - 60 : end.x + BOX.width / 2 + 10}" y="${start.row === end.row ? start.y - 5 : end.y - 14}">${label}</text>`
    : "";
  return `<path${isLink ? ' class="link"' : ""} d="${line}" marker-end="url(#end)"/>${text}`;
}

function sideways(start, end) {
  const middle = start.y + BOX.height / 2;
  return start.x < end.x
    ? `M${start.x + BOX.width} ${middle} L${end.x} ${middle}`
    : `M${start.x} ${middle} L${end.x + BOX.width} ${middle}`;
}

function shortName(module) {
  return module.replace(/^src\/(?:local\/)?/, "");
}
