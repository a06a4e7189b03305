import { Sandbox, type SandboxInfo, type SandboxManager } from "../../index.js";
import { readConfiguration, type ConnectionFlags } from "../configuration.js";
import type { Io } from "../io.js";
import { table } from "../text.js";
import { networkPolicyOf, type Network } from "../option-parsers.js";
import { openManager } from "../workspace.js";

/** Options of `sandboxes create`. */
export interface CreateSandboxOptions extends ConnectionFlags {
  readonly image?: string | undefined;
  readonly snapshot?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly network?: Network | undefined;
  readonly timeout?: number | null | undefined;
  readonly cpu?: string | undefined;
  readonly memory?: string | undefined;
}

/** Options of `sandboxes ls`. */
export interface ListSandboxesOptions extends ConnectionFlags {
  readonly state?: readonly string[] | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** Lists the sandboxes of the server, the newest first. */
export async function list(options: ListSandboxesOptions, io: Io): Promise<number> {
  await using manager = await openManager(options);
  const { signal } = io.stop;
  const rows: string[][] = [];
  for await (const info of await manager.listSandboxInfos(
    { states: options.state, metadata: options.metadata },
    { signal },
  )) {
    if (io.json) await io.record(info);
    else rows.push([info.id, info.status.state, describeEnd(info), describeOrigin(info)]);
  }
  if (rows.length > 0) await io.write(`${table([["ID", "STATE", "ENDS", "IMAGE"], ...rows])}\n`);
  else if (!io.json) io.note("There are no sandboxes.");
  return 0;
}

/** Creates a sandbox that keeps running, and prints its id. */
export async function create(options: CreateSandboxOptions, io: Io): Promise<number> {
  const { connection, defaults } = await readConfiguration(options);
  await using manager = await openManager(options);
  const { signal } = io.stop;
  const { snapshot: snapshotId, env, metadata, network, cpu, memory } = options;
  await using sandbox = await Sandbox.create({
    connectionConfig: connection,
    signal,
    image: options.image ?? (snapshotId === undefined ? defaults.image : undefined),
    snapshotId,
    env,
    metadata,
    networkPolicy: networkPolicyOf(network),
    timeoutSeconds: options.timeout === undefined ? defaults.timeoutSeconds : options.timeout,
    resource:
      cpu === undefined && memory === undefined ? undefined : { cpu: cpu ?? "1", memory: memory ?? "2Gi" },
  });
  await (io.json
    ? io.record(await manager.getSandboxInfo(sandbox.id, { signal }))
    : io.write(`${sandbox.id}\n`));
  return 0;
}

/** Prints the description of a sandbox. */
export async function info(sandboxId: string, options: ConnectionFlags, io: Io): Promise<number> {
  await using manager = await openManager(options);
  const found = await manager.getSandboxInfo(sandboxId, { signal: io.stop.signal });
  await io.result(found, describe(found));
  return 0;
}

/** Pauses, resumes, renews or kills sandboxes. */
export async function change(
  sandboxIds: readonly string[],
  action: "pause" | "resume" | "kill" | { readonly renewSeconds: number },
  options: ConnectionFlags,
  io: Io,
): Promise<number> {
  await using manager = await openManager(options);
  for (const id of sandboxIds) {
    const outcome = await apply(manager, id, action, io.stop.signal);
    await io.result({ id, ...outcome.record }, `${id}  ${outcome.text}`);
  }
  return 0;
}

interface Outcome {
  readonly record: Readonly<Record<string, unknown>>;
  readonly text: string;
}

async function apply(
  manager: SandboxManager,
  id: string,
  action: Parameters<typeof change>[1],
  signal: AbortSignal,
): Promise<Outcome> {
  switch (action) {
    case "pause":
      await manager.pauseSandbox(id, { signal });
      return { record: { action }, text: "paused" };
    case "resume":
      await manager.resumeSandbox(id, { signal });
      return { record: { action }, text: "resumed" };
    case "kill":
      await manager.killSandbox(id, { signal });
      return { record: { action }, text: "killed" };
    default: {
      const expiresAt = await manager.renewSandbox(id, action.renewSeconds, { signal });
      return { record: { action: "renew", expiresAt }, text: `ends ${expiresAt.toISOString()}` };
    }
  }
}

function describe(found: SandboxInfo): string {
  const { id, status, createdAt, entrypoint, metadata, platform } = found;
  const rows = [
    ["id", id],
    ["state", [status.state, status.message].filter(Boolean).join(": ")],
    ["created", createdAt.toISOString()],
    ["ends", describeEnd(found)],
    ["image", describeOrigin(found)],
    ["entrypoint", entrypoint.join(" ")],
    ["platform", platform === undefined ? "" : `${platform.os}/${platform.arch}`],
    [
      "metadata",
      Object.entries(metadata)
        .map(([name, value]) => `${name}=${value}`)
        .join(", "),
    ],
  ];
  return table(rows.filter(([, value]) => value !== ""));
}

function describeEnd({ expiresAt }: SandboxInfo): string {
  return expiresAt?.toISOString() ?? "never";
}

function describeOrigin({ image, snapshotId }: SandboxInfo): string {
  return image?.uri ?? (snapshotId === undefined ? "" : `snapshot ${snapshotId}`);
}
