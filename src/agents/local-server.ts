import type { ConnectionOptions } from "../index.js";
import type { CodeToolsConfig } from "./options.js";

/** What the tools use of a local server. */
export interface SharedLocalServer {
  readonly connectionConfig: ConnectionOptions;
  readonly isolation: string;
  /** Ends the use; the last user closes the server. */
  release(): Promise<void>;
}

interface Shared {
  readonly server: Promise<Omit<SharedLocalServer, "release"> & { close(): Promise<void> }>;
  users: number;
}

/** One local server per kind of isolation serves all toolboxes of the process. */
const servers = new Map<CodeToolsConfig["isolation"], Shared>();

/** Starts the local server of this process, or joins its users. */
export async function useLocalServer(isolation: CodeToolsConfig["isolation"]): Promise<SharedLocalServer> {
  const shared = servers.get(isolation) ?? { server: start(isolation), users: 0 };
  servers.set(isolation, shared);
  shared.users += 1;
  let released: Promise<void> | undefined;
  const leave = async (): Promise<void> => {
    shared.users -= 1;
    if (shared.users > 0) return;
    servers.delete(isolation);
    await shared.server.then(
      (server) => server.close(),
      () => undefined,
    );
  };
  const release = (): Promise<void> => (released ??= leave());
  try {
    const server = await shared.server;
    return { connectionConfig: server.connectionConfig, isolation: server.isolation, release };
  } catch (error) {
    await release();
    throw error;
  }
}

async function start(isolation: CodeToolsConfig["isolation"]) {
  // Loaded only when it is needed: most users of the tools have a server.
  const { startLocalServer } = await import("../local/index.js");
  return await startLocalServer({ port: false, isolation });
}
