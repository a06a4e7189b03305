import {
  assertBoolean,
  assertOneOf,
  assertOptionalText,
  assertStringMap,
  checkOptions,
} from "../arguments.js";
import { InvalidArgumentException } from "../errors.js";
import { assertNetworkPolicy } from "../network-policy.js";
import type { CreateOptions } from "./create-options.js";
import { assertHooks } from "./hooks.js";
import { assertLabels } from "./labels.js";
import { assertVolumes } from "./volumes.js";

/** Checks the options of {@link Sandbox.create} that most programs do without. @throws {InvalidArgumentException} */
export function assertFurtherOptions(options: CreateOptions): void {
  const { templateId, snapshotId, metadata, networkPolicy, credentialProxy, lifecycle } = options;
  const { volumes, platform, extensions } = options;
  assertOptionalText(templateId, "templateId");
  assertLabels(metadata, "metadata");
  assertStringMap(extensions, "extensions");
  if (networkPolicy !== undefined) assertNetworkPolicy(networkPolicy, "networkPolicy");
  if (credentialProxy !== undefined) checkOptions(credentialProxy, "credentialProxy");
  assertBoolean(credentialProxy?.enabled, "credentialProxy.enabled");
  if (credentialProxy?.enabled === true && networkPolicy === undefined)
    refuse("credentialProxy needs a networkPolicy.");
  assertHooks(lifecycle, "lifecycle");
  assertVolumes(volumes);
  if (platform !== undefined) {
    assertOneOf(platform.os, "platform.os", ["linux", "windows"]);
    assertOneOf(platform.arch, "platform.arch", ["amd64", "arm64"]);
  }
  if (templateId !== undefined) assertTemplateOnly(options);
  if (extensions?.["poolRef"] === undefined) return;
  if (snapshotId !== undefined) refuse("snapshotId and extensions.poolRef exclude each other.");
  if (lifecycle !== undefined) refuse("lifecycle and extensions.poolRef exclude each other.");
}

/** Refuses what a template decides. */
function assertTemplateOnly(options: CreateOptions): void {
  const { image, snapshotId, entrypoint, env, resource, resourceRequests, timeoutSeconds } = options;
  const { credentialProxy, lifecycle, volumes, platform, secureAccess } = options;
  const fixed = { image, snapshotId, entrypoint, env, resource, resourceRequests };
  const other = { ...fixed, credentialProxy, lifecycle, volumes, platform, secureAccess };
  const [name] = Object.entries(other).find(([, value]) => value !== undefined) ?? [];
  if (name !== undefined) refuse(`templateId excludes ${name}.`);
  if (timeoutSeconds === null) refuse("templateId needs a timeoutSeconds that is not null.");
}

function refuse(message: string): never {
  throw new InvalidArgumentException(message);
}
