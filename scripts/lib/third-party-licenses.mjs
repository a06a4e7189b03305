import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./entries.mjs";

/** Returns the license texts of all bundled packages, given the paths of the bundled files. */
export function thirdPartyLicenses(inputs) {
  const packages = new Set(
    inputs.flatMap((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []),
  );
  const notices = [...packages].sort().map(notice);
  if (notices.length === 0) return "This package contains no third-party code.\n";
  return `This package contains code of the following packages.\n\n${notices.join("\n")}`;
}

function notice(path) {
  const directory = join(root, path);
  const { name, version, license } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
  const file = readdirSync(directory).find((entry) => /^licen[cs]e(\.|$)/i.test(entry));
  if (file === undefined) throw new Error(`${name} is bundled, but its package has no license file.`);
  const text = readFileSync(join(directory, file), "utf8").trim();
  return `${"=".repeat(80)}\n${name} ${version} (${license})\n${"=".repeat(80)}\n\n${text}\n`;
}
