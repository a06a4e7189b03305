import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { CAPABILITIES, type CapabilityName } from "../../src/capabilities.js";
import { startLocalServer, type LocalServer } from "../../src/local/index.js";
import { Sandbox } from "../../src/sandbox.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";
import { root } from "../package/programs.js";

const PAGE = path.join(root, "docs/capabilities.md");
/** Writes the table into the page instead of comparing it. */
const UPDATES = process.env["UPDATE_RECORDINGS"] === "1";
const TABLE = /(?<start><!-- Written by the tests[^\n]*-->\n)(?<table>[^]*?)(?<end>\n<!-- end -->)/;

let server: LocalServer | undefined;
afterAll(() => server?.close());

describeIf(
  isolationWorks,
  "docs/capabilities",
  NO_ISOLATION_REASON,
)("the table of capabilities", () => {
  test("has what the local server responds, and which servers have each", async () => {
    server = await startLocalServer();
    const { connectionConfig } = server;
    // As the table says, what belongs to a policy needs a sandbox that has one.
    const sandbox = await Sandbox.create({ connectionConfig, networkPolicy: { defaultAction: "deny" } });
    const { all } = await sandbox.capabilities();
    const rows = Object.entries(CAPABILITIES).map(([name, { what, since }]) => {
      // The keys of the table.
      const { isAvailable } = all[name as CapabilityName];
      return [`\`${name}\``, what, since, isAvailable ? "yes" : "no"];
    });
    const wanted = toTable([["name", "what", "servers that have it", "local server"], ...rows]);
    if (UPDATES) {
      const page = await readFile(PAGE, "utf8");
      await writeFile(PAGE, page.replace(TABLE, `$<start>\n${wanted}\n$<end>`));
    }
    expect(TABLE.exec(await readFile(PAGE, "utf8"))?.groups?.["table"]?.trim()).toBe(wanted);
  });
});

/** Formats rows as Prettier does. */
function toTable([head = [], ...rows]: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].map((row) => (row[column] ?? "").length)),
  );
  const toLine = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [head, widths.map((width) => "-".repeat(width)), ...rows].map(toLine).join("\n");
}
