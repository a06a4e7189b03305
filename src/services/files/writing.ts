import { assertInteger, type CallOptions } from "../../arguments.js";
import { streamsRequests } from "../../transport/platform.js";
import type { SegmentedBody } from "../../transport/segmented-body.js";
import type { FileTransport } from "./file-transport.js";
import { isSearchable } from "./mode.js";
import { encodeMultipart, type UploadPart } from "./multipart.js";
import { parentOf } from "./paths.js";
import { toWirePermissions, type WirePermissions, type WriteEntry } from "./requests.js";

/** The mode of a created directory, as servers write it. */
export const DEFAULT_DIRECTORY_MODE = 755;
/** Servers accept up to 1,000 parts in one request, and each file is two. */
const MOST_FILES_PER_REQUEST = 400;

/** Writes files, whose paths are valid and distinct, and creates their parent directories. */
export async function writeAll(
  execd: FileTransport,
  files: readonly WriteEntry[],
  options: CallOptions,
): Promise<void> {
  const parents = new Map<string, WirePermissions & { readonly mode: number }>();
  const parts = files.map(({ path, data, size, mode = "644", owner, group }, index): UploadPart => {
    const name = `files[${index}]`;
    assertInteger(size, `${name}.size`);
    const permissions = toWirePermissions({ mode: mode ?? undefined, owner, group }, name);
    const parent = parentOf(path);
    // Newer servers create parent directories with the file's mode. Nobody could enter a directory with mode 644.
    if (parent !== undefined && permissions.mode !== undefined && !isSearchable(permissions.mode)) {
      if (!parents.has(parent)) parents.set(parent, { ...permissions, mode: DEFAULT_DIRECTORY_MODE });
    }
    return { name: `${name}.data`, data, size, metadata: { path, ...permissions } };
  });
  // Encode all entries first, so that an invalid one is rejected before anything is sent.
  const bodies = Array.from({ length: Math.ceil(parts.length / MOST_FILES_PER_REQUEST) }, (_, index) =>
    encodeMultipart(parts.slice(index * MOST_FILES_PER_REQUEST, (index + 1) * MOST_FILES_PER_REQUEST)),
  );
  try {
    if (parents.size > 0) await createAll(execd, Object.fromEntries(parents), options);
    for (const body of bodies) await sendMultipart(execd, body, options);
  } finally {
    for (const body of bodies) body.release();
  }
}

async function sendMultipart(
  execd: FileTransport,
  body: SegmentedBody,
  { signal }: CallOptions,
): Promise<void> {
  try {
    const sent = streamsRequests() ? body : await body.blob();
    await execd.client.POST("/files/upload", {
      body: {},
      bodySerializer: () => sent,
      // The body sets its own.
      headers: { "Content-Type": null },
      // Without stream bodies, progress cannot be observed.
      fetch: execd.upload({ signal, ...(!streamsRequests() && { idleTimeoutSeconds: null }) }).fetch,
    });
  } catch (error) {
    if (body.failure !== undefined && signal?.aborted !== true) throw body.failure.error;
    throw error;
  }
}

/** Creates directories by their paths; sends nothing if there are none. */
export async function createAll(
  execd: FileTransport,
  body: Record<string, WirePermissions & { readonly mode: number }>,
  options: CallOptions,
): Promise<void> {
  if (Object.keys(body).length === 0) return;
  await execd.client.POST("/directories", { body, fetch: execd.json(options).fetch });
}
