import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { SnippetPrograms, snippetsOf } from "../helpers/snippets.js";

let programs: SnippetPrograms;
beforeAll(async () => {
  programs = await SnippetPrograms.create();
});
afterAll(() => programs[Symbol.asyncDispose]());

test("there is a snippet for each framework; they compile for a strict user, in at most 15 lines", async () => {
  const snippets = await snippetsOf("docs/frameworks.md");
  expect(snippets.map(({ heading }) => heading)).toEqual([
    ...["AI SDK", "LangChain", "deepagents", "OpenAI Agents", "Mastra"],
  ]);
  const files = await Promise.all(
    snippets.map(async (snippet, index) => await programs.write(`framework-${index}`, snippet)),
  );
  expect(await programs.check(files)).toEqual([]);
  for (const { code } of snippets) expect(code.trimEnd().split("\n").length).toBeLessThanOrEqual(15);
}, 240_000);
