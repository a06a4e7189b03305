import { SandboxApiException, type CallOptions, type FileInfo, type Sandbox } from "../index.js";

/** Returns `null` for a file that is missing. */
export async function orNull<Value>(work: Promise<Value>): Promise<Value | null> {
  try {
    return await work;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Describes a path and follows symbolic links; `null` if it is missing. */
export async function readLink(
  sandbox: Sandbox,
  path: string,
  options: CallOptions,
): Promise<FileInfo | null> {
  const info = await orNull(sandbox.files.getInfo(path, options));
  if (info?.type !== "symlink") return info;
  const { stdout } = await sandbox.commands.run(["readlink", "-f", "--", path], options);
  return await orNull(sandbox.files.getInfo(stdout.replace(/\n$/, ""), options));
}

/** Whether an error says that a file or directory is missing, or that its path leads through a file. */
export function isMissing(error: unknown): boolean {
  return fileErrorOf(error) === "file_not_found";
}

/** Why an operation on a file failed, by the names that agent frameworks use; `undefined` for other failures. */
export function fileErrorOf(
  error: unknown,
): "file_not_found" | "permission_denied" | "is_directory" | undefined {
  if (!(error instanceof SandboxApiException)) return undefined;
  if (error.statusCode === 404) return "file_not_found";
  // Servers report errors of the operating system in Go's wording.
  if (/: no such file or directory|: not a directory/.test(error.message)) return "file_not_found";
  if (/permission denied|read-only file system/.test(error.message)) return "permission_denied";
  return error.message.includes("is a directory") ? "is_directory" : undefined;
}

/** A line of a command's output, which comes without its newline; an empty one comes as a newline. */
export function toLine(text: string): string {
  return text === "\n" ? text : `${text}\n`;
}
