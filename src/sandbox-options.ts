import type { ConnectionConfig, ConnectionOptions } from "./connection.js";
import { InvalidArgumentException } from "./errors.js";
import type { Sandbox } from "./sandbox.js";
import {
  assertEnvironment,
  assertInteger,
  assertSeconds,
  assertStringMap,
  assertText,
  type CallOptions,
} from "./services/arguments.js";

/** The image whose kernels run the code, unless another one is asked for. */
export const CODE_INTERPRETER_IMAGE = "opensandbox/code-interpreter:v1.1.0";
/** What that image must be started with: a server's own default never starts the kernels. */
export const CODE_INTERPRETER_ENTRYPOINT: readonly string[] = ["/opt/code-interpreter/code-interpreter.sh"];
/** What keeps any other image running while execd serves it. */
const IDLE_ENTRYPOINT: readonly string[] = ["tail", "-f", "/dev/null"];
const DEFAULT_RESOURCE: Readonly<Record<string, string>> = { cpu: "1", memory: "2Gi" };
/** The least lifetime that the lifecycle server takes, in seconds. */
const SHORTEST_LIFETIME_SECONDS = 60;
/** `null` waits for ever, within what the runtime's own `fetch` allows (Node: 300 s to the answer's headers). */
export const DEFAULT_CREATE_TIMEOUT_SECONDS = 300;
export const DEFAULT_READY_TIMEOUT_SECONDS = 30;
export const DEFAULT_LIFETIME_SECONDS = 600;

/** An image, and how to get it from a private registry. */
export interface ImageOptions {
  /** Its reference, such as `python:3.12`. */
  readonly uri: string;
  /** Credentials for its registry. */
  readonly auth?: { readonly username: string; readonly password: string } | undefined;
}

/** Where {@link Sandbox.create} is. */
export interface CreateProgress {
  readonly phase: "created" | "endpoint" | "ready";
  readonly sandboxId: string;
  /** Milliseconds since the call. */
  readonly elapsedMillis: number;
}

/** Whether a sandbox can be used; an own check instead of execd's `/ping`. Throwing counts as "not yet". */
export type HealthCheck = (sandbox: Sandbox, options: { readonly signal: AbortSignal }) => Promise<boolean>;

/** How to wait until a sandbox is ready. */
export interface ReadyOptions extends CallOptions {
  /** How long to wait, in seconds. @default 30 */
  readonly readyTimeoutSeconds?: number | undefined;
  /** An own check. @default execd answers its `/ping` */
  readonly healthCheck?: HealthCheck | undefined;
  /** The pause between two checks, in milliseconds. @default 200 */
  readonly healthCheckPollingIntervalMillis?: number | undefined;
}

/** Options of {@link Sandbox.connect}. */
export interface SandboxConnectOptions extends ReadyOptions {
  /** The sandbox's id. Treat it as a secret: a server may proxy to a sandbox for whoever knows it. */
  readonly sandboxId: string;
  /** How to reach the lifecycle server. @default environment variables, then `localhost:8080` */
  readonly connectionConfig?: ConnectionConfig | ConnectionOptions | undefined;
  /** Does not wait until it is ready. @default false */
  readonly skipHealthCheck?: boolean | undefined;
  /** Ends the sandbox when `await using` disposes of this instance. @default false */
  readonly killOnDispose?: boolean | undefined;
}

/** Options of {@link Sandbox.create}. */
export interface SandboxCreateOptions extends Omit<SandboxConnectOptions, "sandboxId"> {
  /** An image, or a reference to one. @default {@link CODE_INTERPRETER_IMAGE} */
  readonly image?: string | ImageOptions | undefined;
  /** A snapshot to start from, instead of an image. */
  readonly snapshotId?: string | undefined;
  /** The command that the sandbox runs. @default what starts the kernels for the default image, `tail -f /dev/null` for another; the snapshot's own for a snapshot */
  readonly entrypoint?: readonly string[] | undefined;
  /** Environment variables of everything in the sandbox. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Labels to find the sandbox by; the server applies the rules of Kubernetes labels. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Limits, such as `{ cpu: "500m", memory: "512Mi" }`. @default `{ cpu: "1", memory: "2Gi" }` */
  readonly resource?: Readonly<Record<string, string>> | undefined;
  /** How long the sandbox lives, in seconds, 60 at least; `null` = until it is killed. @default 600 */
  readonly timeoutSeconds?: number | null | undefined;
  /** How long the server may take to create it, pulling its image included, in seconds. @default 300 */
  readonly createTimeoutSeconds?: number | undefined;
  /** Called as the creation goes on. */
  readonly onProgress?: ((progress: CreateProgress) => void) | undefined;
}

/** The body of the request that creates a sandbox. */
export interface CreateBody {
  readonly image?: { uri: string; auth?: { username: string; password: string } };
  readonly snapshotId?: string;
  readonly entrypoint?: string[];
  readonly env?: Record<string, string>;
  readonly metadata?: Record<string, string>;
  readonly resourceLimits: Record<string, string>;
  readonly timeout?: number;
}

/** Checks what {@link Sandbox.create} was given and gives the request's body. */
export function resolveCreateBody(options: SandboxCreateOptions): CreateBody {
  const { image, snapshotId, entrypoint, env, metadata, resource = DEFAULT_RESOURCE } = options;
  const { timeoutSeconds = DEFAULT_LIFETIME_SECONDS } = options;
  if (image !== undefined && snapshotId !== undefined) {
    throw new InvalidArgumentException("image and snapshotId exclude each other.");
  }
  if (snapshotId !== undefined) assertText(snapshotId, "snapshotId");
  assertEnvironment(env, "env");
  assertStringMap(metadata, "metadata");
  assertStringMap(resource, "resource");
  if (timeoutSeconds !== null) assertInteger(timeoutSeconds, "timeoutSeconds", SHORTEST_LIFETIME_SECONDS);
  assertSeconds(options.createTimeoutSeconds, "createTimeoutSeconds");
  assertEntrypoint(entrypoint);
  const resolvedImage = snapshotId === undefined ? resolveImage(image) : undefined;
  const resolvedEntrypoint = entrypoint ?? (resolvedImage && defaultEntrypoint(resolvedImage.uri));
  return {
    ...(resolvedImage !== undefined && { image: resolvedImage }),
    ...(snapshotId !== undefined && { snapshotId }),
    ...(resolvedEntrypoint !== undefined && { entrypoint: [...resolvedEntrypoint] }),
    ...(env !== undefined && { env: { ...env } }),
    ...(metadata !== undefined && { metadata: { ...metadata } }),
    resourceLimits: { ...resource },
    ...(timeoutSeconds !== null && { timeout: timeoutSeconds }),
  };
}

/** Checks what is said about waiting for a sandbox. */
export function assertReadyOptions(options: ReadyOptions): void {
  assertSeconds(options.readyTimeoutSeconds, "readyTimeoutSeconds");
  assertInteger(options.healthCheckPollingIntervalMillis, "healthCheckPollingIntervalMillis", 1, 60_000);
  if (options.healthCheck !== undefined && typeof options.healthCheck !== "function") {
    throw new InvalidArgumentException("healthCheck must be a function.");
  }
}

function resolveImage(
  image: string | ImageOptions = CODE_INTERPRETER_IMAGE,
): NonNullable<CreateBody["image"]> {
  const { uri, auth } = typeof image === "string" ? { uri: image, auth: undefined } : image;
  assertText(uri, "image");
  if (auth === undefined) return { uri };
  assertText(auth.username, "image.auth.username");
  assertText(auth.password, "image.auth.password");
  return { uri, auth: { username: auth.username, password: auth.password } };
}

function assertEntrypoint(entrypoint: readonly string[] | undefined): void {
  if (entrypoint === undefined) return;
  if (!Array.isArray(entrypoint) || entrypoint.length === 0) {
    throw new InvalidArgumentException("entrypoint must be a list of at least one string.");
  }
  entrypoint.forEach((word: unknown) => {
    if (typeof word !== "string") throw new InvalidArgumentException("entrypoint must be a list of strings.");
  });
}

function defaultEntrypoint(uri: string): readonly string[] {
  return uri === CODE_INTERPRETER_IMAGE ? CODE_INTERPRETER_ENTRYPOINT : IDLE_ENTRYPOINT;
}
