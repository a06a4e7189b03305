import {
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  realpathSync,
  writeFileSync,
  readFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import {
  baseEnvironment,
  makeDataDirectories,
  withLimits,
  withoutStrayDescriptors,
  type BoxLaunch,
  type BoxNetwork,
  type BoxPlan,
  type Command,
  type Confined,
  type Isolation,
} from "./isolation.js";
import { javaNetworkProperties } from "../../egress/environment.js";
import type { InstalledRuntimes } from "../../languages/languages.js";
import { realPathOf } from "../../languages/search.js";
import { SandboxException } from "../../../errors.js";
import { isWithin, makeMountPoints, overlaps, SYSTEM_DIRECTORIES } from "./mounts.js";
import { syscallFilter } from "./syscall-filter.js";

const WORKSPACE = "/workspace";
const ASSETS = "/run/opensandbox";
const SCRATCH = "/run/opensandbox-pipes";
/** The paths of the directories that a confined program sees. */
const CONFINED = { from: "/run/from", to: "/run/to" } as const;
/** The descriptor of the system call filter for bwrap: the first unused one. */
const FILTER_DESCRIPTOR = 4;
/** Sizes of in-memory file systems in bytes. /dev/shm has the size that Docker uses. */
const IN_MEMORY = { var: 64 * 2 ** 20, shm: 64 * 2 ** 20, scratch: 2 ** 20 };

/** System configuration that programs need. It contains no secrets: of /etc/ssl, not the private keys. */
const CONFIGURATION = [
  "alternatives",
  "bash.bashrc",
  "ca-certificates",
  "crypto-policies",
  "debian_version",
  "fonts",
  "ld.so.cache",
  "ld.so.conf",
  "ld.so.conf.d",
  "locale.alias",
  "locale.conf",
  "localtime",
  "magic",
  "mime.types",
  "os-release",
  "pki/ca-trust",
  "pki/tls/certs",
  "profile",
  "protocols",
  "python3",
  "python3.11",
  "services",
  "ssl/certs",
  "ssl/openssl.cnf",
  "timezone",
];

/** Since Linux 5.14 a user namespace counts its own processes. Before, the limit would count all of the user's. */
const COUNTS_PROCESSES = isAtLeast(os.release(), 5, 14);

/** Limits for one box of kernel objects that are counted per user. See {@link shareOf}. */
const INSTANCES = 32;
const WATCHES = 65_536;

/**
 * Returns the command line that starts a program in a user namespace around that of a box. The kernel limits there what
 * is otherwise counted for all processes of a user, so that one box cannot use all of it. The file named by the next
 * argument is opened as {@link FILTER_DESCRIPTOR}.
 *
 * @param locksDevices - whether to also protect the modes of files in /dev. The device nodes of a box are the host's
 * own, and if root runs the server, code in the box owns them. bwrap cannot bind them read-only and keep them usable.
 */
export function outerNamespace(locksDevices: boolean): string[] {
  const limits = [
    ...["inotify_instances", "fanotify_groups"].map((name) => [name, INSTANCES] as const),
    ...["inotify_watches", "fanotify_marks"].map((name) => [name, WATCHES] as const),
  ].map(([name, most]) => `echo ${shareOf(name, most)} >/proc/sys/user/max_${name}`);
  const locked = ["mount --rbind /dev /dev", "mount -o remount,bind,ro /dev"];
  const steps = [`{ ${limits.join("; ")}; } 2>/dev/null`, ...(locksDevices ? [locked.join(" && ")] : [])];
  const script = `${steps.join("; ")} && ${WITH_FILTER}`;
  return ["unshare", "--user", "--map-root-user", ...(locksDevices ? ["--mount"] : []), "bash", "-c", script];
}

const WITH_FILTER = `exec "$@" ${FILTER_DESCRIPTOR}<"$0"`;

/** Returns a quarter of the user's limit, so that other boxes and the user's own programs are not affected. */
function shareOf(name: string, most: number): number {
  try {
    const limit = Number(readFileSync(`/proc/sys/user/max_${name}`, "utf8"));
    return Math.max(Math.min(Math.floor(limit / 4), most), 1);
  } catch {
    return most; // not limited by this kernel
  }
}

/** The features that bwrap and the kernel support on this machine. */
export interface BubblewrapFeatures {
  /** Whether bwrap supports `--disable-userns` and `--size` (0.8 and newer). */
  readonly isRecent: boolean;
  /** The result of {@link outerNamespace} that works here; empty if none does. */
  readonly outer: readonly string[];
}

/** Isolates boxes with Linux namespaces through `bwrap`, as root or as an ordinary user. */
export class Bubblewrap implements Isolation {
  readonly name = "bubblewrap";
  readonly canMount = true;
  readonly hasNetworkRules = true;
  readonly #executable: string;
  readonly #isRecent: boolean;
  readonly #outer: readonly string[];

  constructor(executable: string, { isRecent, outer }: BubblewrapFeatures) {
    this.#executable = executable;
    this.#isRecent = isRecent;
    this.#outer = outer.length > 0 ? outer : ["bash", "-c", WITH_FILTER];
  }

  prepare(plan: BoxPlan): BoxLaunch {
    const { workspace, temporary } = makeDataDirectories(plan.directory);
    const node = realpathSync(process.execPath);
    const runtimes = runtimePaths(node, plan.runtimes);
    assertVisible(runtimes, plan);
    makeMountPoints(workspace, WORKSPACE, plan.mounts);
    makeMountPoints(temporary, "/tmp", plan.mounts);
    const bwrap = [
      this.#executable,
      ...this.#namespaces(plan.network),
      ...["--seccomp", String(FILTER_DESCRIPTOR)],
      ...systemDirectories(),
      ...this.#configuration(plan),
      ...masks([node, ...runtimes]).flatMap((hidden) => [...this.#tmpfs(IN_MEMORY.scratch), hidden]),
      ...["--proc", "/proc", "--dev", "/dev", ...this.#tmpfs(IN_MEMORY.shm), "/dev/shm"],
      ...[...this.#tmpfs(IN_MEMORY.var), "/var", "--dir", "/var/tmp"],
      ...["--bind", temporary, "/tmp", "--chmod", "1777", "/tmp"],
      ...["--ro-bind", plan.assets.supervisor, `${ASSETS}/supervisor.mjs`],
      ...["--ro-bind", plan.assets.kernels, `${ASSETS}/kernels`],
      ...["--perms", "0700", ...this.#tmpfs(IN_MEMORY.scratch), SCRATCH],
      ...["--bind", workspace, WORKSPACE, "--chdir", WORKSPACE],
      ...plan.mounts.flatMap(({ source, target, isReadOnly }) => [
        isReadOnly ? "--ro-bind" : "--bind",
        source,
        target,
      ]),
      // After /tmp, /var and the workspace, because a runtime may be below any of them on this machine.
      ...runtimes.flatMap((file) => ["--ro-bind", file, file]),
      ...javaProxySettings(plan),
      // Last, because nothing can be mounted in a read-only directory. Files in /proc/sys belong to the host, and for
      // the kernel the code in a box runs as the user who started the server: root could write to them.
      ...["--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/"],
      "--",
      ...withLimits(plan, [node, `${ASSETS}/supervisor.mjs`], COUNTS_PROCESSES),
    ];
    const { java, go, python } = plan.runtimes;
    // Directories that contain only a runtime come first, so that it takes precedence over the system's version.
    const programs = [java, go, python, plan.runtimes.node].flatMap((found) => found?.executable ?? []);
    const searchPath = [...programs, node].map((file) => path.dirname(file));
    return {
      ...withoutStrayDescriptors([...this.#outer, writeFilter(plan.directory), ...bwrap]),
      env: baseEnvironment(WORKSPACE, searchPath),
      cwd: "/",
      workspace: WORKSPACE,
      scratch: SCRATCH,
      kernels: `${ASSETS}/kernels`,
      // When bwrap dies, so does the whole PID namespace.
      endSignal: "SIGKILL",
      isAlone: true,
      directories: [WORKSPACE, "/tmp"],
      mounted: [...plan.mounts.map(({ target }) => target), ...runtimes],
      // bwrap runs twice: outside, and as the first process of the namespace.
      supervisorDepth: 2,
    };
  }

  confine<Directories extends Confined>(
    directories: Directories,
    program: (inside: Directories) => readonly string[],
  ): Command {
    const { from, to } = directories;
    const inside = { ...directories, ...(from !== undefined && { from: CONFINED.from }), to: CONFINED.to };
    return [
      this.#executable,
      // No network namespace: creating and removing one takes longer than removing a typical sandbox.
      ...["--unshare-user", "--unshare-pid", "--unshare-ipc", "--uid", "1000", "--gid", "1000"],
      // Allows reading the user's own files without read permission, and writing to read-only directories.
      ...["--cap-drop", "ALL", "--cap-add", "CAP_DAC_OVERRIDE", "--cap-add", "CAP_FOWNER"],
      ...["--new-session", "--die-with-parent"],
      ...systemDirectories(),
      ...masks([]).flatMap((hidden) => [...this.#tmpfs(IN_MEMORY.scratch), hidden]),
      // Without /proc the C library cannot change file modes.
      ...["--proc", "/proc", ...(from === undefined ? [] : ["--ro-bind", from, CONFINED.from])],
      ...["--bind", to, CONFINED.to, "--chdir", "/", "--"],
      ...program(inside),
    ];
  }

  #namespaces(network: BoxNetwork): string[] {
    return [
      "--unshare-all",
      // Also as root: otherwise its code would have root's capabilities on the host's files.
      ...["--unshare-user", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"],
      ...(this.#isRecent ? ["--disable-userns"] : []),
      ...(network === "allow" ? ["--share-net"] : []),
      ...["--hostname", "sandbox", "--new-session", "--die-with-parent"],
    ];
  }

  #tmpfs(bytes: number): string[] {
    return [...(this.#isRecent ? ["--size", String(bytes)] : []), "--tmpfs"];
  }

  #configuration({ directory, network }: BoxPlan): string[] {
    const etc = path.join(directory, "etc");
    mkdirSync(etc, { mode: 0o700 });
    const own = {
      passwd:
        "root:x:0:0:root:/root:/usr/sbin/nologin\n" +
        "sandbox:x:1000:1000:sandbox:/workspace:/bin/bash\n" +
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
      group: "root:x:0:\nsandbox:x:1000:\nnogroup:x:65534:\n",
      hosts: "127.0.0.1 localhost sandbox\n::1 localhost\n",
      "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    };
    for (const [name, content] of Object.entries(own)) writeFileSync(path.join(etc, name), content);
    const ofHost = network === "allow" ? [...CONFIGURATION, "resolv.conf"] : CONFIGURATION;
    return [
      ...ofHost.flatMap((name) => ["--ro-bind-try", `/etc/${name}`, `/etc/${name}`]),
      ...Object.keys(own).flatMap((name) => ["--ro-bind", path.join(etc, name), `/etc/${name}`]),
    ];
  }
}

/** Asserts that no mount hides a runtime. @throws {SandboxException} `SANDBOX_START_FAILED` */
function assertVisible(runtimes: readonly string[], { mounts }: BoxPlan): void {
  for (const { target } of mounts) {
    const hidden = runtimes.find((runtime) => overlaps(runtime, target));
    if (hidden === undefined) continue;
    const message = `Nothing can be mounted at ${target}: sandboxes need ${hidden}, where a language is installed.`;
    throw new SandboxException({ code: "SANDBOX_START_FAILED", message });
  }
}

/** Gives Java the proxy of the box: Java reads no variables. */
function javaProxySettings({ directory, network, runtimes }: BoxPlan): string[] {
  if (typeof network === "string" || runtimes.java === null) return [];
  const home = path.dirname(path.dirname(realPathOf(runtimes.java.executable)));
  const ofJava = path.join(home, "conf", "net.properties");
  if (!existsSync(ofJava)) return [];
  const file = path.join(directory, "etc", "net.properties");
  writeFileSync(file, javaNetworkProperties());
  return ["--ro-bind", file, realPathOf(ofJava)];
}

/** Writes the filter to a file and returns its path. */
function writeFilter(directory: string): string {
  const file = path.join(directory, "syscalls");
  writeFileSync(file, syscallFilter());
  return file;
}

/** On systems with a merged /usr, /bin and others are links, which must be links in the box as well. */
function systemDirectories(): string[] {
  return SYSTEM_DIRECTORIES.filter((directory) => existsSync(directory)).flatMap((directory) =>
    lstatSync(directory).isSymbolicLink()
      ? ["--symlink", readlinkSync(directory), directory]
      : ["--ro-bind", directory, directory],
  );
}

/** Returns the parts of the runtimes outside the system directories: `~/.nvm`, `~/.pyenv`, a virtual environment. */
function runtimePaths(node: string, runtimes: InstalledRuntimes): string[] {
  const found = Object.values(runtimes).filter((runtime) => runtime !== null);
  const prefixes = [installationOf(node), ...found.flatMap((runtime) => runtime.prefixes)];
  // The `python` of a virtual environment is a link, often to another link. Each must exist in the box.
  prefixes.push(...found.flatMap((runtime) => linksFrom(runtime.executable).map(installationOf)));
  const paths = prefixes.flatMap((prefix) => (isPersonal(prefix) ? installedParts(prefix) : [prefix]));
  return [...new Set(paths)]
    .filter((file) => existsSync(file) && !SYSTEM_DIRECTORIES.some((parent) => isWithin(file, parent)))
    .filter((file, _index, all) => !all.some((other) => other !== file && isWithin(file, other)));
}

function installationOf(executable: string): string {
  const prefix = path.dirname(path.dirname(executable));
  return path.basename(path.dirname(executable)) === "bin" && !isPersonal(prefix) ? prefix : executable;
}

/** Returns whether a directory also holds other files. Of such a directory the box sees at most the runtime's parts. */
function isPersonal(directory: string): boolean {
  return [os.homedir(), process.cwd(), os.tmpdir()].some((own) => isWithin(realPathOf(own), directory));
}

function installedParts(prefix: string): string[] {
  return ["bin", "lib", "lib64", "pyvenv.cfg"].map((name) => path.join(prefix, name));
}

function linksFrom(file: string): string[] {
  const links = [file];
  // The kernel follows at most 40 as well.
  for (let current = file; links.length < 40;) {
    try {
      current = path.resolve(path.dirname(current), readlinkSync(current));
    } catch {
      return links;
    }
    links.push(current);
  }
  return links;
}

/**
 * Hides the user's home and project if they are inside a system directory, such as /opt/app or /usr/src/app. A
 * directory that contains a runtime cannot be hidden.
 */
function masks(needed: readonly string[]): string[] {
  const hidden = [os.homedir(), process.cwd(), os.tmpdir()].map(realPathOf);
  return [...new Set(hidden)]
    .filter((directory) =>
      SYSTEM_DIRECTORIES.some((parent) => directory !== parent && isWithin(directory, parent)),
    )
    .filter((directory) => !needed.some((file) => isWithin(file, directory)));
}

function isAtLeast(release: string, major: number, minor: number): boolean {
  const [ofRelease = 0, minorOfRelease = 0] = release.split(".").map((part) => Number.parseInt(part, 10));
  return ofRelease > major || (ofRelease === major && minorOfRelease >= minor);
}
