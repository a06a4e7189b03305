import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";

/**
 * Returns the parsed documents of a directory in the last commit, by file name. Returns `null` without a commit: no
 * git, no repository, or a directory that was never committed.
 */
export async function committedDocuments(directory) {
  const git = async (...args) =>
    (await promisify(execFile)("git", ["-C", directory, ...args], { maxBuffer: 64 * 1024 * 1024 })).stdout;
  try {
    const listed = (await git("ls-tree", "--name-only", "HEAD", "./")).split("\n");
    const names = listed.filter((name) => name.endsWith(".yaml")).map((name) => path.basename(name));
    if (names.length === 0) return null;
    const documents = await Promise.all(
      names.map(async (name) => [name, parse(await git("show", `HEAD:./${name}`))]),
    );
    return new Map(documents);
  } catch {
    return null;
  }
}
