import { assertBoolean, assertList, assertOptionalText, assertText } from "../arguments.js";
import { InvalidArgumentException } from "../errors.js";

/** A directory on the sandbox's host machine. */
export interface HostVolume {
  /** An absolute path. The server's operator must allow it. */
  readonly path: string;
}

/** A persistent volume claim on Kubernetes, or a named volume on Docker. */
export interface PvcVolume {
  readonly claimName: string;
  /** @default true */
  readonly createIfNotExists?: boolean | undefined;
  /** Whether the claim is deleted with the sandbox, if it was created for it. @default false */
  readonly deleteOnSandboxTermination?: boolean | undefined;
  readonly storageClass?: string | undefined;
  /** The size for a new claim, such as `10Gi`. */
  readonly storage?: string | undefined;
  /** The access modes, such as `ReadWriteOnce`. */
  readonly accessModes?: readonly string[] | undefined;
}

/** A bucket in Alibaba Cloud's object storage. */
export interface OssfsVolume {
  readonly bucket: string;
  readonly endpoint: string;
  /** The version of `ossfs`. @default "2.0" */
  readonly version?: "1.0" | "2.0" | undefined;
  readonly options?: readonly string[] | undefined;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

/** A volume of a sandbox: exactly one of `host`, `pvc` and `ossfs`. */
export interface Volume {
  /** A name that is unique in the sandbox: lower-case letters, digits and `-`. */
  readonly name: string;
  readonly host?: HostVolume | undefined;
  readonly pvc?: PvcVolume | undefined;
  readonly ossfs?: OssfsVolume | undefined;
  /** The absolute path in the sandbox. */
  readonly mountPath: string;
  /** The directory of the volume to mount, without `..`. @default the whole volume */
  readonly subPath?: string | undefined;
  /** @default false */
  readonly readOnly?: boolean | undefined;
}

const NAME_RULE = "lower-case letters, digits and inner hyphens";
const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/** Asserts that volumes are valid for all servers. @throws {InvalidArgumentException} that names the volume */
export function assertVolumes(volumes: readonly Volume[] | undefined): void {
  if (volumes === undefined) return;
  assertList(volumes, "volumes");
  const names = new Set<string>();
  for (const [index, volume] of volumes.entries()) {
    const at = `volumes[${index}]`;
    assertMatch(volume.name, NAME, `${at}.name`, NAME_RULE);
    if (names.has(volume.name)) throw new InvalidArgumentException(`${at}.name is given twice.`);
    names.add(volume.name);
    assertMatch(volume.mountPath, /^\//, `${at}.mountPath`, "an absolute path");
    if (volume.subPath !== "") assertOptionalText(volume.subPath, `${at}.subPath`);
    if (volume.subPath?.split("/").includes("..") === true) {
      throw new InvalidArgumentException(`${at}.subPath must not contain "..".`);
    }
    assertBoolean(volume.readOnly, `${at}.readOnly`);
    // Otherwise a mistake in a name would let the sandbox write.
    if ("readonly" in volume)
      throw new InvalidArgumentException(`${at}.readonly is not an option; use readOnly.`);
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
    assertMatch(pvc.claimName, NAME, `${at}.pvc.claimName`, NAME_RULE);
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
