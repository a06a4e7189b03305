import {
  assertBoolean,
  assertEnvironment,
  assertFunction,
  assertInteger,
  assertOptionalText,
  assertProgram,
  assertSeconds,
  assertStringMap,
  assertText,
  type CallOptions,
  checkOptions,
} from "../arguments.js";
import type { components } from "../../generated/lifecycle.js";
import type { ConnectionConfig, ConnectionOptions } from "../connection.js";
import { InvalidArgumentException } from "../errors.js";
import type { NetworkPolicy } from "../network-policy.js";
import type { LifecycleHooks } from "./hooks.js";
import type { Volume } from "./volumes.js";

/** The default image. It contains the kernels that run code. */
export const CODE_INTERPRETER_IMAGE = "opensandbox/code-interpreter:v1.1.0";
/** The entrypoint of this image. The server's default does not start the kernels. */
export const CODE_INTERPRETER_ENTRYPOINT: readonly string[] = ["/opt/code-interpreter/code-interpreter.sh"];
/** The entrypoint of other images. It keeps the container running. */
const IDLE_ENTRYPOINT: readonly string[] = ["tail", "-f", "/dev/null"];
const DEFAULT_RESOURCE: Readonly<Record<string, string>> = { cpu: "1", memory: "2Gi" };
/** The shortest lifetime that the lifecycle server accepts, in seconds. */
const SHORTEST_LIFETIME_SECONDS = 60;
/** Node's `fetch` waits as long for the headers of a response. */
export const DEFAULT_CREATE_TIMEOUT_SECONDS = 300;
export const DEFAULT_READY_TIMEOUT_SECONDS = 30;
const DEFAULT_LIFETIME_SECONDS = 600;

/** An image, with credentials if its registry is private. */
export interface ImageOptions {
  /** The image's reference, such as `python:3.12`. */
  readonly uri: string;
  /** The credentials for the registry. */
  readonly auth?: { readonly username: string; readonly password: string } | undefined;
}

/** The progress of {@link Sandbox.create}. */
export interface CreateProgress {
  readonly phase: "created" | "endpoint" | "ready";
  readonly sandboxId: string;
  /** Milliseconds since the call. */
  readonly elapsedMillis: number;
}

/** Options for waiting until a sandbox is ready. */
export interface ReadyOptions extends CallOptions {
  /** How long to wait, in seconds. @default 30 */
  readonly readyTimeoutSeconds?: number | undefined;
  /** The pause between two checks, in milliseconds. @default 200 */
  readonly healthCheckPollingIntervalMillis?: number | undefined;
}

/** Options for opening a sandbox. */
export interface OpenOptions extends ReadyOptions {
  /** The connection to the lifecycle server. @default from environment variables, else `localhost:8080` */
  readonly connectionConfig?: ConnectionConfig | ConnectionOptions | undefined;
  /** Returns without waiting for the sandbox to become ready. @default false */
  readonly skipHealthCheck?: boolean | undefined;
  /** Kills the sandbox when `await using` disposes of this instance. @default false */
  readonly killOnDispose?: boolean | undefined;
}

/** Options for creating a sandbox. */
export interface CreateOptions extends OpenOptions {
  /** The image, or its reference. @default {@link CODE_INTERPRETER_IMAGE} */
  readonly image?: string | ImageOptions | undefined;
  /** A snapshot to start from, instead of an image. */
  readonly snapshotId?: string | undefined;
  /**
   * A template to start from, instead of an image. The template decides everything but `timeoutSeconds`, `metadata`,
   * `networkPolicy` and `extensions`. Needs a server of September 2026 on Kubernetes.
   */
  readonly templateId?: string | undefined;
  /**
   * The command that the sandbox runs.
   * @default {@link CODE_INTERPRETER_ENTRYPOINT} for the default image, `tail -f /dev/null` for others. For a snapshot the
   * server uses the latter: pass {@link CODE_INTERPRETER_ENTRYPOINT} for a snapshot of the code-interpreter image.
   */
  readonly entrypoint?: readonly string[] | undefined;
  /** Environment variables for all processes in the sandbox. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Labels for finding the sandbox. They follow the rules of Kubernetes: values have at most 63 letters, digits, `-`, `_` and `.`. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Resource limits, such as `{ cpu: "500m", memory: "512Mi" }`. @default `{ cpu: "1", memory: "2Gi" }` */
  readonly resource?: Readonly<Record<string, string>> | undefined;
  /** Resource requests for Kubernetes. Other runtimes ignore them. */
  readonly resourceRequests?: Readonly<Record<string, string>> | undefined;
  /** The sandbox's lifetime in seconds, at least 60; `null` means no limit. @default 600 */
  readonly timeoutSeconds?: number | null | undefined;
  /** The hosts that the sandbox may connect to. @default all */
  readonly networkPolicy?: NetworkPolicy | undefined;
  /** Adds credentials to outgoing requests, outside the sandbox. Requires a `networkPolicy`. @default off */
  readonly credentialProxy?: { readonly enabled: boolean } | undefined;
  /** Commands that the sandbox runs by itself: before its entrypoint starts, and from time to time. @default none */
  readonly lifecycle?: LifecycleHooks | undefined;
  /** The volumes to mount. */
  readonly volumes?: readonly Volume[] | undefined;
  /** The platform of the image. @default the server's platform */
  readonly platform?: { readonly os: "linux" | "windows"; readonly arch: "amd64" | "arm64" } | undefined;
  /** Requires a secret header, which is part of each port's endpoint. Kubernetes only. @default false */
  readonly secureAccess?: boolean | undefined;
  /** Runtime-specific settings. With `poolRef`, the SDK sends an image or limits only if you pass them. */
  readonly extensions?: Readonly<Record<string, string>> | undefined;
  /** The time limit in seconds for the server to create the sandbox, including pulling its image. @default 300 */
  readonly createTimeoutSeconds?: number | undefined;
  /** Called at each phase of the creation, and awaited. If it throws, the creation fails with its error. */
  readonly onProgress?: ((progress: CreateProgress) => void | Promise<void>) | undefined;
}

/** The body of the request that creates a sandbox. */
export type CreateBody = components["schemas"]["CreateSandboxRequest"];

/** Options that {@link resolveCreateBody} does not check: most programs pass none of them. */
const FURTHER = [
  "templateId",
  "metadata",
  "networkPolicy",
  "credentialProxy",
  "lifecycle",
  "volumes",
  "platform",
  "extensions",
] as const satisfies readonly (keyof CreateOptions)[];

/**
 * Checks the options of {@link Sandbox.create}, except for what {@link checkFurtherOptions} checks, and returns the
 * request's body.
 */
export function resolveCreateBody(options: CreateOptions): CreateBody {
  const { image, snapshotId, templateId, entrypoint, env, metadata, extensions, volumes, platform } =
    checkOptions(options);
  const { networkPolicy, credentialProxy, lifecycle, secureAccess, resourceRequests } = options;
  const { timeoutSeconds = DEFAULT_LIFETIME_SECONDS } = options;
  refuseNull({ image, networkPolicy, credentialProxy, lifecycle, volumes, platform });
  if (image !== undefined && snapshotId !== undefined) refuse("image and snapshotId exclude each other.");
  assertOptionalText(snapshotId, "snapshotId");
  assertEnvironment(env, "env");
  assertStringMap(options.resource, "resource");
  assertStringMap(resourceRequests, "resourceRequests");
  if (timeoutSeconds !== null) assertInteger(timeoutSeconds, "timeoutSeconds", SHORTEST_LIFETIME_SECONDS);
  if (entrypoint !== undefined) assertProgram(entrypoint, "entrypoint");
  assertBoolean(secureAccess, "secureAccess");
  assertSeconds(options.createTimeoutSeconds, "createTimeoutSeconds");
  assertFunction(options.onProgress, "onProgress");
  const isComplete = extensions?.["poolRef"] !== undefined || templateId !== undefined;
  const isFromImage = snapshotId === undefined && (image !== undefined || !isComplete);
  const resolvedImage = isFromImage ? resolveImage(image) : undefined;
  return compact({
    image: resolvedImage,
    snapshotId,
    templateId,
    entrypoint: entrypoint ?? (resolvedImage && defaultEntrypoint(resolvedImage.uri)),
    env,
    metadata,
    resourceLimits: options.resource ?? (isComplete ? undefined : DEFAULT_RESOURCE),
    resourceRequests,
    timeout: timeoutSeconds ?? undefined,
    networkPolicy,
    credentialProxy,
    lifecycle,
    volumes,
    platform,
    secureAccess,
    extensions,
  });
}

/** Checks the options that most programs do without. Loads that only if there are any. */
export async function checkFurtherOptions(options: CreateOptions): Promise<void> {
  if (FURTHER.every((name) => options[name] === undefined)) return;
  (await import("./further-options.js")).assertFurtherOptions(options);
}

/** Checks the options for connecting to a sandbox and waiting for it. */
export function assertConnectOptions(options: OpenOptions & { readonly healthCheck?: unknown }): void {
  assertSeconds(checkOptions(options).readyTimeoutSeconds, "readyTimeoutSeconds");
  assertInteger(options.healthCheckPollingIntervalMillis, "healthCheckPollingIntervalMillis", 1, 60_000);
  assertFunction(options.healthCheck, "healthCheck");
  assertBoolean(options.skipHealthCheck, "skipHealthCheck");
  assertBoolean(options.killOnDispose, "killOnDispose");
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

/** Refuses `null` at any depth: callers in plain JavaScript pass it for what is missing. */
function refuseNull(value: object, at = ""): void {
  for (const [key, inner] of Object.entries(value) as [string, unknown][]) {
    if (inner === null) refuse(`${at}${key} must not be null.`);
    if (typeof inner === "object") refuseNull(inner, `${at}${key}.`);
  }
}

function refuse(message: string): never {
  throw new InvalidArgumentException(message);
}

/** Copies the options into plain JSON, without what is `undefined`. */
function compact(body: Readonly<Record<keyof CreateBody, unknown>>): CreateBody {
  try {
    // What is read-only or `undefined` in the options is neither in JSON.
    return JSON.parse(JSON.stringify(body)) as CreateBody;
  } catch (cause) {
    throw new InvalidArgumentException(`The options cannot be sent as JSON: ${String(cause)}`, { cause });
  }
}

function defaultEntrypoint(uri: string): readonly string[] {
  return uri === CODE_INTERPRETER_IMAGE ? CODE_INTERPRETER_ENTRYPOINT : IDLE_ENTRYPOINT;
}
