import { assertOptionalText, assertText } from "../arguments.js";
import { InvalidArgumentException } from "../errors.js";

/** A directory of the machine that the sandbox runs on. */
export interface HostVolume {
  /** An absolute path that the server's operator allows. */
  readonly path: string;
}

/** A persistent volume claim of Kubernetes, or a named volume of Docker. */
export interface PvcVolume {
  readonly claimName: string;
  /** @default true */
  readonly createIfNotExists?: boolean | undefined;
  /** Ends with the sandbox; only where the sandbox made it. @default false */
  readonly deleteOnSandboxTermination?: boolean | undefined;
  readonly storageClass?: string | undefined;
  /** Its size when it is created, such as `10Gi`. */
  readonly storage?: string | undefined;
  /** Such as `ReadWriteOnce`. */
  readonly accessModes?: readonly string[] | undefined;
}

/** A bucket of Alibaba Cloud's object storage. */
export interface OssfsVolume {
  readonly bucket: string;
  readonly endpoint: string;
  /** The version of `ossfs`. @default "2.0" */
  readonly version?: "1.0" | "2.0" | undefined;
  readonly options?: readonly string[] | undefined;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

/** What a sandbox mounts: exactly one of `host`, `pvc` and `ossfs`. */
export interface Volume {
  /** Lower-case letters, digits and `-`; no two of a sandbox may be equal. */
  readonly name: string;
  readonly host?: HostVolume | undefined;
  readonly pvc?: PvcVolume | undefined;
  readonly ossfs?: OssfsVolume | undefined;
  /** Where it appears in the sandbox: an absolute path. */
  readonly mountPath: string;
  /** A part of it instead of the whole; no `..`. */
  readonly subPath?: string | undefined;
  /** @default false */
  readonly readOnly?: boolean | undefined;
}

const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/** Refuses volumes that every server refuses. @throws {InvalidArgumentException} that names the volume */
export function assertVolumes(volumes: readonly Volume[] | undefined): void {
  if (volumes === undefined) return;
  const given: unknown = volumes;
  if (!Array.isArray(given)) throw new InvalidArgumentException("volumes must be a list.");
  const names = new Set<string>();
  for (const [index, volume] of volumes.entries()) {
    const at = `volumes[${index}]`;
    assertMatch(volume.name, NAME, `${at}.name`, "lower-case letters, digits and inner hyphens");
    if (names.has(volume.name)) throw new InvalidArgumentException(`${at}.name is given twice.`);
    names.add(volume.name);
    assertMatch(volume.mountPath, /^\//, `${at}.mountPath`, "an absolute path");
    if (volume.subPath !== "") assertOptionalText(volume.subPath, `${at}.subPath`);
    if (volume.subPath?.split("/").includes("..") === true) {
      throw new InvalidArgumentException(`${at}.subPath must not contain "..".`);
    }
    assertBackend(volume, at);
  }
}

function assertBackend({ host, pvc, ossfs }: Volume, at: string): void {
  if ([host, pvc, ossfs].filter((backend) => backend !== undefined).length !== 1) {
    throw new InvalidArgumentException(`${at} must have exactly one of host, pvc and ossfs.`);
  }
  if (host !== undefined)
    assertMatch(host.path, /^(\/|[A-Za-z]:[\\/])/, `${at}.host.path`, "an absolute path");
  if (pvc !== undefined) {
    assertMatch(pvc.claimName, NAME, `${at}.pvc.claimName`, "lower-case letters, digits and inner hyphens");
  }
  if (ossfs !== undefined) {
    for (const field of ["bucket", "endpoint", "accessKeyId", "accessKeySecret"] as const) {
      assertText(ossfs[field], `${at}.ossfs.${field}`);
    }
  }
}

function assertMatch(value: unknown, pattern: RegExp, name: string, rule: string): void {
  assertText(value, name);
  if (!pattern.test(value)) throw new InvalidArgumentException(`${name} must be ${rule}.`);
}
