import { randomUUID } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  realpathSync,
  statSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { InvalidArgumentException } from "../../errors.js";
import type { Isolation } from "../box/isolation/isolation.js";
import { isWithin, type BoxMount } from "../box/isolation/mounts.js";
import { identityOf } from "../wire/file-identity.js";
import type { Problem } from "../wire/problem.js";
import { messageOf, problem } from "../wire/problem.js";
import { NotBelowError, openBelow } from "./below.js";
import { SERVER_PREFIX, type ServerDirectory } from "./server-directory.js";

/** A requested volume, checked for its form. */
export interface VolumeSpec {
  readonly name: string;
  /** An absolute path without `.`, `..` and a slash at its end. */
  readonly mountPath: string;
  readonly isReadOnly: boolean;
  /** The directories below the volume's root that lead to what is mounted. */
  readonly subPath: readonly string[];
  /** A path on this machine, or the claim of a named volume. */
  readonly source: string | NamedVolumeClaim;
}

/** A claim of a named volume. */
export interface NamedVolumeClaim {
  readonly claimName: string;
  readonly createIfNotExists: boolean;
  readonly deleteOnSandboxTermination: boolean;
}

/** What a sandbox mounts. */
export interface SandboxMounts {
  readonly mounts: readonly BoxMount[];
  /** Releases what keeps the sources from being replaced. Call it when they are mounted. */
  close(): void;
}

interface NamedVolume {
  readonly directory: string;
  /** The ids of the sandboxes that have it. */
  readonly users: Set<string>;
  /** The id of the sandbox that takes it along. */
  readonly endsWith: string | undefined;
}

interface AllowedRoot {
  readonly path: string;
  readonly descriptor: number;
}

/** Asserts that each path is an existing directory. @throws {InvalidArgumentException} */
export function assertAllowedHostPaths(paths: readonly string[]): void {
  if (!Array.isArray(paths)) throw notAllowable("allowedHostPaths must be a list", paths);
  for (const [index, given] of paths.entries()) {
    const expected = `allowedHostPaths[${index}] must be the absolute path of a directory of this machine`;
    if (typeof given !== "string" || !path.isAbsolute(given)) throw notAllowable(expected, given);
    const fault = describeFault(given);
    if (fault !== undefined) throw notAllowable(expected, given, fault);
  }
}

function notAllowable(expected: string, given: unknown, fault = ""): InvalidArgumentException {
  return new InvalidArgumentException(`${expected}; got ${JSON.stringify(given)}${fault}.`);
}

/** Returns why a path is not a directory, as the rest of a sentence. */
function describeFault(given: string): string | undefined {
  try {
    const stats = statSync(given, { throwIfNoEntry: false });
    if (stats === undefined) return ", which does not exist: create it before the server starts";
    return stats.isDirectory() ? undefined : ", which is not a directory";
  } catch (error) {
    return `, which cannot be read: ${messageOf(error)}`;
  }
}

/** The volumes of a server: the directories of the machine that it may mount, and named volumes, which end with it. */
export class Volumes {
  /** Whether the server's sandboxes can mount anything. */
  readonly canMount: boolean;
  readonly #server: ServerDirectory;
  readonly #directory: string;
  /** Open, so that they stay the same directories. The innermost ones come first. */
  readonly #roots: readonly AllowedRoot[];
  readonly #named = new Map<string, NamedVolume>();

  constructor(
    server: ServerDirectory,
    allowedHostPaths: readonly string[],
    { canMount }: Pick<Isolation, "canMount">,
  ) {
    this.#server = server;
    this.canMount = canMount;
    this.#directory = path.join(server.path, "volumes");
    mkdirSync(this.#directory, { mode: 0o700 });
    this.#roots = allowedHostPaths
      .map((given) => ({
        path: path.resolve(given),
        descriptor: openSync(realpathSync(given), constants.O_RDONLY | constants.O_DIRECTORY),
      }))
      .sort((one, other) => other.path.length - one.path.length);
  }

  /**
   * Finds or creates what a sandbox mounts.
   *
   * @throws {Problem} 400 or 500; then nothing stays that was created for this sandbox only
   */
  mount(sandboxId: string, volumes: readonly VolumeSpec[]): SandboxMounts {
    const opened: number[] = [];
    const close = () => {
      for (const descriptor of opened.splice(0)) closeSync(descriptor);
    };
    try {
      const mounts = volumes.map((volume) => {
        const descriptor = this.#open(sandboxId, volume);
        opened.push(descriptor);
        return describeMount(volume, descriptor);
      });
      return { mounts, close };
    } catch (error) {
      close();
      this.release(sandboxId);
      throw error;
    }
  }

  /** Ends the use of named volumes by a sandbox that has ended, and removes those that end with it. */
  release(sandboxId: string): void {
    for (const [name, { directory, users, endsWith }] of this.#named) {
      users.delete(sandboxId);
      // As on Docker, a volume that another sandbox uses stays.
      if (endsWith !== sandboxId || users.size > 0) continue;
      this.#named.delete(name);
      this.#server.discard(directory);
    }
  }

  close(): void {
    for (const { descriptor } of this.#roots) closeSync(descriptor);
  }

  #open(sandboxId: string, volume: VolumeSpec): number {
    const { name, source, subPath } = volume;
    if (typeof source !== "string") return this.#openNamed(sandboxId, volume, source);
    const root = this.#findRoot(source);
    const target = path.join(source, ...subPath);
    if (root === undefined) throw this.#notAllowed(source);
    const parts = [...path.relative(root.path, source).split("/"), ...subPath].filter((part) => part !== "");
    let descriptor: number;
    try {
      descriptor = openBelow(root.descriptor, parts);
    } catch (error) {
      if (error instanceof NotBelowError) throw this.#notAllowed(target, `: ${error.message}`);
      const message = `Volume '${name}': could not ensure host path directory exists at '${target}': ${messageOf(error)}`;
      throw problem(500, "VOLUME::HOST_PATH_CREATE_FAILED", message);
    }
    if (!isOfServers(pathOf(descriptor))) return descriptor;
    closeSync(descriptor);
    throw this.#notAllowed(target, ": the local server keeps its own files there");
  }

  #openNamed(sandboxId: string, { name, subPath }: VolumeSpec, claim: NamedVolumeClaim): number {
    const volume = this.#named.get(claim.claimName) ?? this.#createNamed(sandboxId, name, claim);
    volume.users.add(sandboxId);
    const root = openSync(volume.directory, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      return openBelow(root, subPath);
    } catch (error) {
      if (!(error instanceof NotBelowError)) throw error;
      const message = `Volume '${name}': resolved subPath escapes the volume mountpoint: ${error.message}.`;
      throw problem(400, "VOLUME::INVALID_SUB_PATH", message);
    } finally {
      closeSync(root);
    }
  }

  #createNamed(sandboxId: string, name: string, claim: NamedVolumeClaim): NamedVolume {
    const { claimName, createIfNotExists, deleteOnSandboxTermination } = claim;
    if (!createIfNotExists) {
      const message = `Volume '${name}': Docker named volume '${claimName}' does not exist. Named volumes of the local server are created by the first sandbox that has createIfNotExists.`;
      throw problem(400, "VOLUME::PVC_NOT_FOUND", message);
    }
    // A new name each time: the one before may still be being removed.
    const directory = path.join(this.#directory, randomUUID());
    mkdirSync(directory, { mode: 0o755 });
    const endsWith = deleteOnSandboxTermination ? sandboxId : undefined;
    const volume: NamedVolume = { directory, users: new Set(), endsWith };
    this.#named.set(claimName, volume);
    return volume;
  }

  /** Returns the innermost allowed directory of a path. */
  #findRoot(source: string): AllowedRoot | undefined {
    return this.#roots.find((root) => isWithin(source, root.path));
  }

  #notAllowed(source: string, reason = ""): Problem {
    const allowed = this.#roots.map((root) => `'${root.path}'`).join(", ");
    const message = `Host path '${source}' is not under any allowed prefix${reason}. Allowed prefixes: [${allowed}]`;
    return problem(400, "VOLUME::HOST_PATH_NOT_ALLOWED", message);
  }
}

function describeMount({ name, mountPath, isReadOnly }: VolumeSpec, descriptor: number): BoxMount {
  const stats = fstatSync(descriptor, { bigint: true });
  if (!stats.isDirectory() && !stats.isFile()) {
    const message = `Volume '${name}': only directories and regular files can be mounted.`;
    throw problem(400, "VOLUME::INVALID_HOST_PATH", message);
  }
  return {
    source: pathOf(descriptor),
    target: mountPath,
    isReadOnly,
    isDirectory: stats.isDirectory(),
    identity: identityOf(stats),
  };
}

function pathOf(descriptor: number): string {
  return readlinkSync(`/proc/self/fd/${descriptor}`);
}

/** Returns whether a path holds files of a local server, or is one. Code in a box could attack the server with them. */
function isOfServers(source: string): boolean {
  const temporary = realpathSync(os.tmpdir());
  return isWithin(temporary, source) || source.startsWith(path.join(temporary, SERVER_PREFIX));
}
