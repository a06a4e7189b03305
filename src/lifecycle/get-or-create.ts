import { assertText, checkOptions, refuse } from "../arguments.js";
import { ConnectionConfig } from "../connection.js";
import { SandboxApiException, SandboxInternalException, SandboxUnhealthyException } from "../errors.js";
import { sleep, throwIfAborted } from "../transport/abort.js";
import {
  assertConnectOptions,
  resolveCreateBody,
  type CreateOptions,
  type OpenOptions,
} from "./create-options.js";
import { assertFurtherOptions } from "./further-options.js";
import type { SandboxInfo } from "./info.js";
import { LABEL_VALUE } from "./labels.js";
import { isGone, Lifecycle } from "./lifecycle.js";
import { listSandboxes, patchMetadata, renewSandbox } from "./management.js";

/** The label with the name. */
const NAME = "opensandbox-code-interpreter/name";
/** The label of a sandbox that was chosen among those with its name. Without it, nobody uses the sandbox. */
const CHOSEN = "opensandbox-code-interpreter/chosen";
/** The pause between two looks at the sandboxes of a name, in milliseconds. */
const POLLING_INTERVAL_MILLIS = 200;
/** After how long a sandbox that is not chosen counts as left behind by a program that ended, in milliseconds. */
const ABANDONED_MILLIS = 30_000;
/** How often a call begins again because the sandbox that it had found or created ended. */
const MOST_ATTEMPTS = 10;
/** States of a sandbox that will never run again. */
const ENDED: ReadonlySet<string> = new Set(["stopping", "terminated", "failed"]);

/** The ways to get a `Sandbox`. Passed in, since the facade is above this module. */
interface Facade<Opened, Options extends CreateOptions> {
  create(options: Options): Promise<Opened>;
  connect(options: OpenOptions & { readonly sandboxId: string }): Promise<Opened>;
  resume(options: OpenOptions & { readonly sandboxId: string }): Promise<Opened>;
}

/**
 * Connects to the sandbox of a name, or creates it.
 *
 * Servers cannot create a sandbox only if there is none. So each caller that finds none creates one, and they agree on one
 * of them by what all can see: the oldest one is chosen, by a label that its creator sets, and the creators of the others
 * delete theirs. Nobody uses a sandbox before it is chosen or while an older one may still be chosen, and a caller that sees
 * that a younger one was chosen does not choose its own. So two callers never use different ones.
 */
export async function getOrCreate<Opened, Options extends CreateOptions>(
  name: string,
  options: Options,
  facade: Facade<Opened, Options>,
): Promise<Opened> {
  assertText(name, "name");
  if (!LABEL_VALUE.test(name)) {
    refuse("name", 'at most 63 letters, digits, "-", "_" and ".", with a letter or digit at both ends', name);
  }
  resolveCreateBody(checkOptions(options));
  assertFurtherOptions(options);
  assertConnectOptions(options);
  const { signal, timeoutSeconds = 600 } = options;
  throwIfAborted(signal);
  const lifecycle = new Lifecycle(ConnectionConfig.from(options.connectionConfig));
  const lost = new SandboxInternalException({ message: "Another sandbox with this name was chosen." });
  try {
    for (let attempt = 1; ; attempt += 1) {
      const found = await choose(lifecycle, name, { signal });
      try {
        if (found !== undefined) {
          await extend(lifecycle, found, timeoutSeconds, signal);
          return await open(found, options, facade);
        }
        return await facade.create({
          ...options,
          metadata: { ...options.metadata, [NAME]: name },
          onProgress: async (progress) => {
            const { phase, sandboxId } = progress;
            if (phase === "created") {
              const chosen = await choose(lifecycle, name, { signal, mine: sandboxId });
              if (chosen?.id !== sandboxId) throw lost;
            }
            await options.onProgress?.(progress);
          },
        });
      } catch (error) {
        // What was found has ended meanwhile.
        const hasEnded = found !== undefined && (isGone(error) || error instanceof SandboxUnhealthyException);
        if ((error !== lost && !hasEnded) || attempt === MOST_ATTEMPTS) throw error;
        await sleep(POLLING_INTERVAL_MILLIS, signal);
      }
    }
  } finally {
    lifecycle.close();
  }
}

/**
 * Waits until one sandbox of a name is chosen, and returns it; `undefined` if there is none.
 *
 * @param options.mine the caller's own sandbox, which it chooses if it is the oldest
 */
async function choose(
  lifecycle: Lifecycle,
  name: string,
  { signal, mine }: { readonly signal: AbortSignal | undefined; readonly mine?: string },
): Promise<SandboxInfo | undefined> {
  let waitsFor: string | undefined;
  let since = 0;
  for (;;) {
    const found = await list(lifecycle, name, signal);
    const [first] = found;
    const isMineListed = mine === undefined || found.some(({ id }) => id === mine);
    if (first === undefined && isMineListed) return undefined;
    if (first !== undefined && isMineListed) {
      if (first.metadata[CHOSEN] !== undefined) return first;
      if (first.id === mine) {
        const younger = found.find(({ metadata }) => metadata[CHOSEN] !== undefined);
        if (younger !== undefined) return younger;
        await patchMetadata(lifecycle, mine, { [CHOSEN]: "true" }, { signal });
        continue;
      }
    }
    // An older one may still be chosen, or the server does not list mine yet.
    const reason = isMineListed ? (first?.id ?? "") : "";
    if (waitsFor !== reason) since = performance.now();
    waitsFor = reason;
    if (performance.now() - since >= ABANDONED_MILLIS) {
      if (first === undefined || !isMineListed) return undefined;
      await lifecycle.kill(first.id, { signal, isRepeated: true });
    }
    await sleep(POLLING_INTERVAL_MILLIS, signal);
  }
}

/** Lists the sandboxes of a name, the oldest first. */
async function list(
  lifecycle: Lifecycle,
  name: string,
  signal: AbortSignal | undefined,
): Promise<SandboxInfo[]> {
  const found: SandboxInfo[] = [];
  for await (const info of await listSandboxes(
    lifecycle,
    { metadata: { [NAME]: name }, pageSize: 200 },
    { signal },
  )) {
    if (!ENDED.has(info.status.state.toLowerCase())) found.push(info);
  }
  const age = (info: SandboxInfo) => info.createdAt.getTime();
  return found.sort((one, other) => age(one) - age(other) || (one.id < other.id ? -1 : 1));
}

/** Moves the expiry of a sandbox if it would end before a new one would. */
async function extend(
  lifecycle: Lifecycle,
  { id, expiresAt }: SandboxInfo,
  timeoutSeconds: number | null,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (expiresAt === undefined || timeoutSeconds === null) return;
  if (expiresAt.getTime() - Date.now() >= timeoutSeconds * 1_000) return;
  await renewSandbox(lifecycle, id, timeoutSeconds, { signal });
}

async function open<Opened, Options extends CreateOptions>(
  { id: sandboxId, status }: SandboxInfo,
  options: Options,
  facade: Facade<Opened, Options>,
): Promise<Opened> {
  if (status.state === "Paused") {
    try {
      return await facade.resume({ ...options, sandboxId });
    } catch (error) {
      // Another caller has resumed it.
      if (!(error instanceof SandboxApiException && error.statusCode === 409)) throw error;
    }
  }
  return await facade.connect({ ...options, sandboxId });
}
