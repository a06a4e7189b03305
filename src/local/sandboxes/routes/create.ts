import { jsonResponse } from "../../http/responses.js";
import { Rules } from "../../egress/rules.js";
import { messageOf, problem } from "../../wire/problem.js";
import { resolveLimits } from "../../box/limits.js";
import type { SandboxSpec } from "../hosted-sandbox.js";
import type { Sandboxes } from "../sandboxes.js";
import { LATEST, now } from "../times.js";
import { readFields, type Fields } from "../../http/validation.js";
import { assertLabels } from "../labels.js";
import { checkVolumes, readVolumes } from "./volumes.js";

const SHORTEST_TIMEOUT_SECONDS = 60;
const KEPT_EXTENSIONS = "opensandbox.extensions.";

/** `POST /sandboxes` */
export async function createSandbox(request: Request, sandboxes: Sandboxes): Promise<Response> {
  const spec = readSpec(await readFields(request), sandboxes);
  return jsonResponse(202, (await sandboxes.create(spec)).toCreated());
}

function readSpec(fields: Fields, { snapshots, volumes: { canMount } }: Sandboxes): SandboxSpec {
  const imageUri = readImage(fields);
  const timeoutSeconds = fields.integer("timeout", { minimum: SHORTEST_TIMEOUT_SECONDS });
  const resources = fields.map("resourceLimits") ?? {};
  // Only for Kubernetes.
  fields.map("resourceRequests");
  const env = fields.map("env", { nullable: true }) ?? {};
  const metadata = fields.map("metadata") ?? {};
  const entrypoint = fields.strings("entrypoint");
  const secureAccess = fields.boolean("secureAccess");
  const extensions = fields.map("extensions") ?? {};
  const platform = readPlatform(fields);
  const snapshotId = fields.string("snapshotId");
  const volumes = readVolumes(fields);
  const network = readNetworkPolicy(fields);
  fields.assertValid();

  const hasImage = imageUri !== undefined && imageUri.trim() !== "";
  const hasSnapshot = snapshotId !== undefined && snapshotId.trim() !== "";
  if (hasImage === hasSnapshot) fields.fail("Exactly one of image or snapshotId must be provided.");
  if (extensions["poolRef"] !== undefined) {
    const message = "poolRef is not supported by the local server.";
    throw problem(400, "SANDBOX::UNSUPPORTED_POOL_REF", message);
  }
  if (!fields.has("resourceLimits")) fields.fail("resourceLimits is required when poolRef is not provided.");
  if (hasImage && entrypoint === undefined) fields.fail("entrypoint is required when image is provided.");

  if (timeoutSeconds !== undefined && now() + timeoutSeconds * 1_000_000 > LATEST) {
    const message = `Sandbox timeout ${timeoutSeconds}s is too large to represent safely.`;
    throw problem(400, "SANDBOX::INVALID_PARAMETER", message);
  }
  assertLabels(metadata);
  assertExtensions(extensions);
  if (secureAccess) throw unsupported("secureAccess");
  if (fields.has("credentialProxy")) throw unsupported("credentialProxy");
  if (fields.has("lifecycle")) throw unsupported("lifecycle");
  const checkedVolumes = checkVolumes(volumes, canMount);
  const snapshot = snapshotId !== undefined && hasSnapshot ? snapshots.ready(snapshotId) : undefined;
  const kept = Object.entries(extensions).filter(([name]) => name.startsWith(KEPT_EXTENSIONS));
  return {
    imageUri: snapshot === undefined ? imageUri : undefined,
    snapshotId: snapshot?.id,
    // The real server's default.
    entrypoint: entrypoint ?? ["tail", "-f", "/dev/null"],
    env: { ...snapshot?.env, ...env },
    metadata,
    extensions: Object.fromEntries(kept),
    platform,
    volumes: checkedVolumes,
    limits: resolveLimits(resources),
    timeoutSeconds,
    network: network ?? snapshot?.network,
  };
}

function readNetworkPolicy(fields: Fields): Rules | undefined {
  if (!fields.has("networkPolicy")) return undefined;
  try {
    return new Rules(fields.raw("networkPolicy"));
  } catch (error) {
    fields.report("value_error", "networkPolicy", `Value error, ${messageOf(error)}`, { error: {} });
    return undefined;
  }
}

function readImage(fields: Fields): string | undefined {
  const image = fields.object("image");
  const uri = image?.string("uri", { required: true });
  const auth = image?.object("auth");
  auth?.string("username", { required: true });
  auth?.string("password", { required: true });
  return uri;
}

function readPlatform(fields: Fields): object | undefined {
  const platform = fields.object("platform");
  const os = platform?.string("os", { required: true });
  const arch = platform?.string("arch", { required: true });
  if (os === undefined || arch === undefined) return undefined;
  if (!["linux", "windows"].includes(os) || !["amd64", "arm64"].includes(arch)) {
    const message = `Unsupported platform '${os}/${arch}': os must be linux or windows, arch amd64 or arm64.`;
    throw problem(400, "SANDBOX::INVALID_PARAMETER", message);
  }
  return { os, arch };
}

function assertExtensions(extensions: Readonly<Record<string, string>>): void {
  const name = "access.renew.extend.seconds";
  const given = extensions[name];
  if (given === undefined) return;
  const seconds = Number(given);
  if (Number.isInteger(seconds) && seconds >= 300 && seconds <= 86_400) return;
  const range = "must be between 300 and 86400 seconds (5 minutes to 24 hours inclusive)";
  const message = `Invalid extensions["${name}"]: ${range}, got ${given}.`;
  throw problem(400, "SANDBOX::INVALID_PARAMETER", message);
}

function unsupported(field: string): Error {
  return problem(400, "SANDBOX::INVALID_PARAMETER", `${field} is not supported by the local server.`);
}
