import { describeUnmountable, overlaps } from "../../box/isolation/mounts.js";
import type { NamedVolumeClaim, VolumeSpec } from "../../host/volumes.js";
import type { Fields } from "../../http/validation.js";
import { problem } from "../../wire/problem.js";

const NAME = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
const MOUNT_PATH = "^/.*";
const HOST_PATH = String.raw`^(/|[A-Za-z]:[\\/])`;
const BACKENDS = ["host", "pvc", "ossfs"] as const;
const LONGEST_NAME = 63;
const LONGEST_CLAIM = 253;

/** A volume as it was requested. */
export interface RequestedVolume {
  readonly name: string;
  readonly mountPath: string;
  readonly isReadOnly: boolean;
  readonly subPath: string;
  readonly hostPath: string | undefined;
  readonly claim: NamedVolumeClaim | undefined;
}

/** Reads the volumes of a request and reports invalid ones. */
export function readVolumes(fields: Fields): RequestedVolume[] {
  return fields.objects("volumes").map((volume) => {
    const name = volume.pattern("name", NAME, { required: true, longest: LONGEST_NAME });
    const mountPath = volume.pattern("mountPath", MOUNT_PATH, { required: true });
    const isReadOnly = volume.boolean("readOnly");
    const subPath = volume.string("subPath");
    const hostPath = volume.object("host")?.pattern("path", HOST_PATH, { required: true });
    const claim = readClaim(volume.object("pvc"));
    volume.object("ossfs");
    const given = BACKENDS.filter((backend) => volume.has(backend));
    if (given.length !== 1) {
      const found = given.length === 0 ? "none was provided" : "multiple were provided";
      volume.reportWhole(`Exactly one backend (host, pvc, ossfs) must be specified, but ${found}.`);
    }
    return {
      name: name ?? "",
      mountPath: mountPath ?? "",
      isReadOnly,
      subPath: subPath ?? "",
      hostPath,
      claim,
    };
  });
}

function readClaim(pvc: Fields | undefined): NamedVolumeClaim | undefined {
  if (pvc === undefined) return undefined;
  const claimName = pvc.pattern("claimName", NAME, { required: true, longest: LONGEST_CLAIM });
  const createIfNotExists = pvc.boolean("createIfNotExists");
  const deleteOnSandboxTermination = pvc.boolean("deleteOnSandboxTermination");
  // Only for Kubernetes.
  pvc.string("storageClass");
  pvc.string("storage");
  pvc.strings("accessModes");
  return {
    claimName: claimName ?? "",
    createIfNotExists: !pvc.has("createIfNotExists") || createIfNotExists,
    deleteOnSandboxTermination,
  };
}

/**
 * Checks the form of volumes. @param canMount - whether sandboxes of this server have paths of their own
 * @throws {Problem} 400
 */
export function checkVolumes(volumes: readonly RequestedVolume[], canMount: boolean): VolumeSpec[] {
  const names = new Set<string>();
  const checked: VolumeSpec[] = [];
  for (const volume of volumes) {
    const { name, isReadOnly } = volume;
    if (names.has(name)) {
      const message = `Duplicate volume name '${name}'. Each volume must have a unique name.`;
      throw problem(400, "VOLUME::DUPLICATE_NAME", message);
    }
    names.add(name);
    const subPath = checkSubPath(volume.subPath);
    const source = checkSource(volume);
    if (!canMount) {
      const message = `Volume '${name}': the local server mounts volumes only with bubblewrap. Without it, sandboxes have the paths of this machine.`;
      throw problem(400, "VOLUME::UNSUPPORTED_BACKEND", message);
    }
    const mountPath = checkMountPath(volume.mountPath, checked);
    checked.push({ name, mountPath, isReadOnly, subPath, source });
  }
  return checked;
}

function checkSubPath(subPath: string): string[] {
  const refuse = (reason: string) =>
    problem(400, "VOLUME::INVALID_SUB_PATH", `SubPath '${subPath}' ${reason}`);
  const parts = subPath.split("/");
  if (parts.includes("..")) throw refuse("contains path traversal '..' which is not allowed.");
  if (subPath.startsWith("/")) throw refuse("must be a relative path, not absolute.");
  if (subPath.includes("\0")) throw refuse("contains a NUL character.");
  return parts.filter((part) => part !== "" && part !== ".");
}

function checkSource({ name, hostPath, claim }: RequestedVolume): string | NamedVolumeClaim {
  if (claim !== undefined) return claim;
  if (hostPath === undefined) {
    const message = `Volume '${name}': the local server mounts no OSSFS buckets.`;
    throw problem(400, "VOLUME::UNSUPPORTED_BACKEND", message);
  }
  const refuse = (reason: string) =>
    problem(400, "VOLUME::INVALID_HOST_PATH", `Host path '${hostPath}' ${reason}`);
  if (hostPath.split("/").includes("..")) throw refuse("contains path traversal component '..'.");
  if (/\/\/|.\/$|\/\.(\/|$)/.test(hostPath)) throw refuse("is not normalized. Remove redundant slashes.");
  if (hostPath.includes("\0")) throw refuse("contains a NUL character.");
  return hostPath;
}

function checkMountPath(given: string, others: readonly VolumeSpec[]): string {
  const refuse = (reason: string) =>
    problem(400, "VOLUME::INVALID_MOUNT_PATH", `Mount path '${given}' ${reason}`);
  const mountPath = given.replace(/(?<=.)\/$/, "");
  if (mountPath === "/") throw refuse("is the root of the sandbox.");
  if (/\/\/|\/\.{1,2}(\/|$)|\0/.test(mountPath)) throw refuse("is not normalized.");
  const unmountable = describeUnmountable(mountPath);
  if (unmountable !== undefined) throw refuse(`cannot be used: ${unmountable}.`);
  const other = others.find((volume) => overlaps(volume.mountPath, mountPath));
  if (other === undefined) return mountPath;
  throw refuse(
    other.mountPath === mountPath
      ? `is used by the volume '${other.name}' too.`
      : `overlaps that of the volume '${other.name}'.`,
  );
}
