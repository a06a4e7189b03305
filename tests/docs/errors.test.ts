import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "@jest/globals";
import { root } from "../package/programs.js";

test("docs/errors.md lists every SdkErrorCode with a cause and a remedy", async () => {
  const source = await readFile(path.join(root, "src/errors.ts"), "utf8");
  const [union = ""] = /export type SdkErrorCode =[^;]+;/.exec(source) ?? [];
  const codes = [...union.matchAll(/"([A-Z_]+)"/g)].map(([, code = ""]) => code);
  expect(codes.length).toBeGreaterThan(20);

  const page = await readFile(path.join(root, "docs/errors.md"), "utf8");
  const sections = page
    .split(/^## /m)
    .filter((section) => /^Codes of the (?:SDK|local server)/.test(section));
  const rows = sections.flatMap((section) => [...section.matchAll(/^\| `([A-Z_]+)` *\|(.*)\|(.*)\|$/gm)]);
  expect(rows.map(([, code]) => code).toSorted()).toEqual(codes.toSorted());
  for (const [, code, cause = "", remedy = ""] of rows) {
    expect({ code, isComplete: cause.trim() !== "" && remedy.trim() !== "" }).toEqual({
      code,
      isComplete: true,
    });
  }
});
