import { symlink } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { SnippetPrograms, snippetsOf } from "../helpers/snippets.js";
import { root } from "../package/programs.js";

const PACKAGES = ["ai", "langchain", "@langchain", "deepagents", "@openai", "@mastra"];

let programs: SnippetPrograms;
beforeAll(async () => {
  programs = await SnippetPrograms.create();
  for (const name of PACKAGES) {
    const target = path.join(root, "node_modules", name);
    await symlink(target, path.join(programs.directory, "node_modules", name), "dir");
  }
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
