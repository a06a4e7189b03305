import type { FileInfo } from "../index.js";
import { toBase64 } from "./base64.js";
import { readLines, type LineWindow } from "./line-window.js";
import { errorResult, formatSize, Report } from "./report.js";
import type { ToolCall } from "./run-tools.js";
import type { CodeToolInputs, CodeToolResult, ToolImage } from "./types.js";

/** The number of bytes that are read to detect a file's type. */
const SNIFFED_BYTES = 8_192;
/** The largest picture that is read, in bytes; what is too large for a model is not shown anyway. */
const LARGEST_PICTURE = 3_750_000;
const SIGNATURES = [
  { mediaType: "image/png", bytes: [0x89, 0x50, 0x4e, 0x47] },
  { mediaType: "image/jpeg", bytes: [0xff, 0xd8, 0xff] },
  { mediaType: "image/gif", bytes: [0x47, 0x49, 0x46, 0x38] },
  { mediaType: "image/webp", bytes: [0x52, 0x49, 0x46, 0x46] },
] as const satisfies readonly {
  readonly mediaType: ToolImage["mediaType"];
  readonly bytes: readonly number[];
}[];

/** Reads lines of a text file, or a picture. */
export async function readFile(
  { workspace, signal, limits }: ToolCall,
  { path, startLine = 1, endLine = Infinity }: CodeToolInputs["read_file"],
): Promise<CodeToolResult> {
  if (endLine < startLine) return errorResult("endLine must not be before startLine.");
  const { files } = workspace.interpreter;
  const { [path]: info } = await files.getFileInfo([path], { signal });
  if (info?.type === "directory") return errorResult(`${path} is a directory; use list_files.`);
  const size = info?.size ?? 0;
  if (size === 0) return { text: "[the file is empty]", images: [], isError: false };
  const start = await files.readBytes(path, { range: { end: SNIFFED_BYTES }, signal });
  const mediaType = SIGNATURES.find(({ bytes }) => bytes.every((byte, at) => start[at] === byte))?.mediaType;
  if (mediaType !== undefined) {
    if (size > LARGEST_PICTURE) {
      return errorResult(`${path} is a picture of ${formatSize(size)}: too large to show; make it smaller.`);
    }
    const report = new Report(1);
    report.addImage(mediaType, toBase64(await files.readBytes(path, { signal })));
    return report.finish();
  }
  if (start.includes(0)) {
    return errorResult(`${path} is a binary file of ${formatSize(size)}; read it with run_code.`);
  }
  const window = await readLines(await files.readBytesStream(path, { signal }), {
    startLine,
    endLine,
    maxBytes: limits.maxOutputBytes,
  });
  if (window.lastLine < startLine) {
    return errorResult(`${path} has ${window.lastLine} lines; startLine is ${startLine}.`);
  }
  const isWhole = startLine === 1 && window.isEnd && !window.isCut;
  return {
    text: isWhole ? window.text : `${window.text}\n${describeWindow(window, startLine, size)}`,
    images: [],
    isError: false,
  };
}

function describeWindow({ lastLine, isCut, isEnd }: LineWindow, startLine: number, size: number): string {
  const lines = startLine === lastLine ? `line ${startLine}` : `lines ${startLine} to ${lastLine}`;
  const cut = isCut ? "; it is too long, read the rest of it with run_code" : "";
  const more = isEnd ? "" : `; more follows from startLine ${lastLine + 1}`;
  return `[${lines} of a file of ${formatSize(size)}${cut}${more}]`;
}

/** Writes a text file. */
export async function writeFile(
  { workspace, signal }: ToolCall,
  { path, content }: CodeToolInputs["write_file"],
): Promise<CodeToolResult> {
  const { files } = workspace.interpreter;
  await files.writeFiles([{ path, data: content }], { signal });
  await workspace.changedFiles.skip(signal);
  const size = new TextEncoder().encode(content).length;
  return {
    text: `[wrote ${path}, ${formatSize(size)}]`,
    images: [],
    files: [{ path, size }],
    isError: false,
  };
}

/** Lists a directory. */
export async function listFiles(
  { workspace, signal, limits }: ToolCall,
  { path = ".", depth = 1 }: CodeToolInputs["list_files"],
): Promise<CodeToolResult> {
  const { files } = workspace.interpreter;
  const { [path]: root } = await files.getFileInfo([path], { signal });
  const entries = await files.listDirectory(path, { depth, signal });
  const base = `${root?.path.replace(/\/$/, "") ?? ""}/`;
  const nameOf = ({ path: full }: FileInfo): string =>
    full.startsWith(base) ? full.slice(base.length) : full;
  const lines: string[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const line =
      entry.type === "directory" ? `${nameOf(entry)}/` : `${nameOf(entry)} (${formatSize(entry.size)})`;
    bytes += line.length + 1;
    if (bytes > limits.maxOutputBytes) break;
    lines.push(line);
  }
  const left = entries.length - lines.length;
  if (left > 0) lines.push(`[and ${left} more; list a directory below, or with less depth]`);
  return {
    text: [`[${root?.path ?? path}]`, ...(lines.length === 0 ? ["[empty]"] : lines)].join("\n"),
    images: [],
    files: entries
      .filter(({ type }) => type === "file")
      .slice(0, lines.length)
      .map((entry) => ({ path: nameOf(entry), size: entry.size })),
    isError: false,
  };
}
