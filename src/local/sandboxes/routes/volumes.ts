import { problem } from "../../wire/problem.js";
import type { Fields } from "../../http/validation.js";

const NAME = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
const MOUNT_PATH = "^/.*";
const HOST_PATH = String.raw`^(/|[A-Za-z]:[\\/])`;
const BACKENDS = ["host", "pvc", "ossfs"] as const;

/** A requested volume. */
export interface VolumeSpec {
  readonly name: string;
  readonly subPath: string | undefined;
  /** `undefined` for other kinds of volume. */
  readonly hostPath: string | undefined;
}

/** Reads the volumes of a request and reports invalid ones. */
export function readVolumes(fields: Fields): VolumeSpec[] {
  return fields.objects("volumes").map((volume) => {
    const name = volume.pattern("name", NAME, { required: true });
    volume.pattern("mountPath", MOUNT_PATH, { required: true });
    volume.boolean("readOnly");
    const subPath = volume.string("subPath");
    const hostPath = volume.object("host")?.pattern("path", HOST_PATH, { required: true });
    volume.object("pvc")?.pattern("claimName", NAME, { required: true });
    volume.object("ossfs");
    const given = BACKENDS.filter((backend) => volume.has(backend));
    if (given.length !== 1) {
      const found = given.length === 0 ? "none was provided" : "multiple were provided";
      volume.reportWhole(`Exactly one backend (host, pvc, ossfs) must be specified, but ${found}.`);
    }
    return { name: name ?? "", subPath, hostPath };
  });
}

/**
 * Rejects volumes: the local server mounts no files of its machine into a sandbox. @throws {Problem} 400 for
 * any volume
 */
export function assertVolumes(volumes: readonly VolumeSpec[]): void {
  const names = new Set<string>();
  for (const { name, subPath, hostPath } of volumes) {
    if (names.has(name)) {
      const message = `Duplicate volume name '${name}'. Each volume must have a unique name.`;
      throw problem(400, "VOLUME::DUPLICATE_NAME", message);
    }
    names.add(name);
    if (subPath?.split("/").includes("..") === true) {
      const message = `SubPath '${subPath}' contains path traversal '..' which is not allowed.`;
      throw problem(400, "VOLUME::INVALID_SUB_PATH", message);
    }
    if (hostPath === undefined) {
      const message = "The local server supports only host paths as volumes, and allows none.";
      throw problem(400, "VOLUME::UNSUPPORTED_BACKEND", message);
    }
  }
  const [first] = volumes;
  if (first !== undefined) {
    const message = `Host path '${first.hostPath ?? ""}' is not under any allowed prefix. Allowed prefixes: []`;
    throw problem(400, "VOLUME::HOST_PATH_NOT_ALLOWED", message);
  }
}
