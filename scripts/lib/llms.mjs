import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

const pages = JSON.parse(readFileSync(new URL("../../docs/.vitepress/pages.json", import.meta.url), "utf8"));

const INTRODUCTION = `# opensandbox-code-interpreter

> TypeScript SDK for OpenSandbox's code interpreter: runs untrusted Python, JavaScript, TypeScript, Go, Java and Bash in
> sandboxes, with live output, state between runs, interrupts, files and commands. It includes a local server that needs no
> Docker, tools for agent frameworks, an MCP server and a command line.
`;

/** The text of `llms.txt`: every page with its first sentence. Format: https://llmstxt.org */
export function llmsIndex(docs) {
  const sections = pages.map(({ section, items }) => {
    const lines = items
      .filter(({ page }) => existsSync(path.join(docs, `${page}.md`)))
      .map(({ page, title }) => `- [${title}](/${page}): ${firstSentence(read(docs, page))}`);
    return `## ${section}\n\n${lines.join("\n")}\n`;
  });
  return [INTRODUCTION, ...sections].join("\n");
}

/** The text of `llms-full.txt`: every page in full. */
export function llmsFull(docs) {
  const texts = pages
    .flatMap(({ items }) => items)
    .filter(({ page }) => existsSync(path.join(docs, `${page}.md`)))
    .map(({ page }) => read(docs, page).trim());
  return `${[INTRODUCTION.trim(), ...texts].join("\n\n---\n\n")}\n`;
}

function read(docs, page) {
  return readFileSync(path.join(docs, `${page}.md`), "utf8");
}

function firstSentence(text) {
  const paragraph = text
    .split("\n\n")
    .find((block) => !block.startsWith("#") && !block.startsWith("---") && block.trim() !== "");
  const [, sentence = ""] = /^(.*?[.!?])(?:\s|$)/s.exec((paragraph ?? "").trim()) ?? [];
  return sentence.replaceAll(/\s+/g, " ").replaceAll(/\[([^\]]+)\]\([^)]+\)/g, "$1");
}
