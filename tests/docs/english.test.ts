import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "@jest/globals";
import { root } from "../package/programs.js";

/**
 * Phrases that a reader has to read twice, and what to write instead. The list keeps out what the project once was full of;
 * it is no substitute for reading what you wrote.
 */
const PATTERNS: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [
    /(?<!there (?:may )?)\b(?:is|are|was|were|be) no (?!longer|more|less|fewer|such|different|one\b)[a-z]+/gi,
    "is not a …, there is no …",
  ],
  [/\b(?:that|which|what) (?:is|are) none\b/gi, "the plain words: unknown, invalid"],
  [/\bwithout a word\b/gi, "with an empty body, without a message"],
  [/\bwho(?:ever|soever)\b/gi, "anyone who, a caller that"],
  [/\bfor ever\b/gi, "without a limit"],
  [/\bhang(?:s|ing)? on (?:it|them|this|a sandbox)\b/gi, "belongs to, depends on"],
  [/\b(?:give|gives|gave|given|giving) up\b(?! after)/gi, "stops, releases, cancels"],
  [/\blets? go\b/gi, "releases"],
  [/\bin vain\b/gi, "without effect"],
  [/\b(?:therein|thereof|thereby|whereupon|hitherto|herein|lest|nought|aught)\b/gi, "plain words"],
  [/\bof its own accord\b/gi, "by itself"],
  [/\bcomes? to nothing\b/gi, "fails"],
  [/\bsays? nothing of\b/gi, "does not mention"],
  [/\bread-me\b/gi, "README"],
  [/\b(?:came|comes?) of (?:it|a|the|one|each)\b/gi, "the outcome of, the result of"],
  [/\bof which only\b/gi, "of which at most, a separate sentence"],
  [/\bthe caller's own affair\b/gi, "the caller's reason"],
  [/\bas (?:it|they) (?:was|were) asked for\b/gi, "as requested"],
  [/\bleft alone\b/gi, "not changed, not closed"],
  [/\bwhat is not one\b/gi, "an invalid value"],
  [/\bdecoded anew\b/gi, "decoded at each access"],
];

/** Recorded or generated text, and this list. */
const EXCLUDED = [
  /^(?:generated|api|tests\/fixtures)\//,
  /^tests\/docs\/english\.test\.ts$/,
  /package-lock\.json$|^LICENSE$|\.snap$|\.png$|\.svg$/,
];

test("the text of the project is plain", () => {
  const files = execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" })
    .split("\0")
    .filter((file) => file !== "" && !EXCLUDED.some((excluded) => excluded.test(file)));
  expect(files.length).toBeGreaterThan(100);
  const findings = files.flatMap((file) => findingsIn(file));
  expect(findings).toEqual([]);
});

function findingsIn(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(path.join(root, file), "utf8");
  } catch {
    return []; // deleted in the working tree
  }
  return text
    .split("\n")
    .flatMap((line, index) =>
      PATTERNS.flatMap(([pattern, instead]) =>
        [...line.matchAll(pattern)].map(([found]) => `${file}:${index + 1}: "${found}": write ${instead}`),
      ),
    );
}
