import type { RouteTable } from "../../http/routes.js";
import { bodyHeaders } from "../../wire/headers.js";
import { problem } from "../../wire/problem.js";
import type { HostedSandbox } from "../hosted-sandbox.js";
import type { Sandboxes } from "../sandboxes.js";
import { formatTime } from "../times.js";
import { readCount } from "../../http/validation.js";

const RULE = "-".repeat(40);
const DOUBLE_RULE = "=".repeat(72);
const DEFAULT_LINES = 100;
const SUMMARY_LINES = 50;

/** Describes a sandbox as text, for people. */
export function diagnosticRoutes(sandboxes: Sandboxes): RouteTable {
  type Describe = (sandbox: HostedSandbox, query: URLSearchParams) => string;
  const diagnose = (path: string, describe: Describe): RouteTable => ({
    [`GET /sandboxes/:id/diagnostics/${path}`]: ({ url: { searchParams: query }, parameters }) => {
      if (query.has("scope")) {
        const message = "The stable Diagnostics API is not implemented by this OpenSandbox server.";
        throw problem(501, "DIAGNOSTICS_NOT_IMPLEMENTED", message);
      }
      const text = describe(sandboxes.get(parameters["id"] ?? ""), query);
      // As on the real server, all of these are deprecated except the summary.
      return textResponse(text, path === "summary" ? {} : { deprecation: "true" });
    },
  });
  return {
    ...diagnose("logs", (sandbox, query) =>
      logsOf(sandbox, readCount(query, "tail", { fallback: DEFAULT_LINES })),
    ),
    ...diagnose("inspect", inspect),
    ...diagnose("events", (sandbox, query) =>
      eventsOf(sandbox, readCount(query, "limit", { fallback: SUMMARY_LINES })),
    ),
    ...diagnose("summary", (sandbox, query) => {
      const tail = readCount(query, "tail", { fallback: SUMMARY_LINES });
      const limit = readCount(query, "event_limit", { fallback: SUMMARY_LINES });
      return [
        [DOUBLE_RULE, "SANDBOX DIAGNOSTICS SUMMARY", `Sandbox ID: ${sandbox.id}`, DOUBLE_RULE, ""],
        section("INSPECT", inspect(sandbox)),
        section("EVENTS", eventsOf(sandbox, limit)),
        section(`LOGS (last ${tail} lines)`, logsOf(sandbox, tail)),
      ]
        .flat()
        .join("\n");
    }),
  };
}

function section(title: string, content: string): string[] {
  return [RULE, title, RULE, content];
}

/** Returns what the supervisor of the sandbox reports, such as which processes it killed, and why. */
function logsOf({ box }: HostedSandbox, lines: number): string {
  const all = box.log.split("\n").filter((line) => line !== "");
  return all
    .slice(-lines)
    .map((line) => `${line}\n`)
    .join("");
}

function inspect({ id, state, createdAt, expiresAt, spec }: HostedSandbox): string {
  const { memoryBytes, diskBytes, processes, cpuCount, cpuSeconds } = spec.limits;
  const rows: Readonly<Record<string, string | undefined>> = {
    id,
    state,
    image: spec.imageUri,
    snapshot: spec.snapshotId,
    created: formatTime(createdAt),
    expires: expiresAt === undefined ? "never" : formatTime(expiresAt),
    memory: `${memoryBytes} bytes`,
    disk: `${diskBytes} bytes`,
    processes: String(processes),
    cpu: cpuCount === undefined ? "all" : String(cpuCount),
    "cpu-seconds": cpuSeconds === undefined ? "unlimited" : String(cpuSeconds),
  };
  return Object.entries(rows)
    .filter((entry): entry is [string, string] => entry[1] !== undefined)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join("");
}

function eventsOf({ events }: HostedSandbox, limit: number): string {
  return events
    .slice(-limit)
    .map(({ at, what }) => `${formatTime(at)} ${what}\n`)
    .join("");
}

function textResponse(text: string, headers: Readonly<Record<string, string>>): Response {
  return new Response(text, { headers: { ...bodyHeaders("text/plain; charset=utf-8", text), ...headers } });
}
