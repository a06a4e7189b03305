import { realpathSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { InstalledRuntimes } from "../../languages/languages.js";
import { realPathOf } from "../../languages/search.js";
import {
  launchOnHost,
  withLimits,
  withoutStrayDescriptors,
  type BoxLaunch,
  type BoxNetwork,
  type BoxPlan,
  type Command,
  type Confined,
  type Isolation,
} from "./isolation.js";

/** Files of programs and system libraries, and system information that they read. */
const READABLE = [
  "/usr",
  "/bin",
  "/sbin",
  "/System",
  "/Library/Apple",
  "/Library/Developer",
  "/Library/Frameworks",
  "/Library/Java",
  "/opt",
  "/private/etc/localtime",
  "/private/etc/ssl",
  "/private/var/db/dyld",
  "/private/var/db/timezone",
  // Selects the shell behind /bin/sh.
  "/private/var/select",
];

/** Files that name resolution needs. */
const READABLE_WITH_NETWORK = [
  "/private/etc/hosts",
  "/private/etc/protocols",
  "/private/etc/resolv.conf",
  "/private/etc/services",
  "/private/var/run/resolv.conf",
];

/**
 * Directories with data of other programs. They override everything readable. Databases of servers from Homebrew and
 * MacPorts belong to the user, and /System/Volumes/Data shows the whole disk a second time.
 */
const UNREADABLE = [
  "/private/etc/master.passwd",
  "/private/var/root",
  "/System/Volumes/Data",
  "/opt/homebrew/var",
  "/opt/local/var",
  "/usr/local/var",
];

/**
 * Devices that any program may use. All others belong to the user, such as the terminal in which a password is typed.
 */
const DEVICES = ["/dev/null", "/dev/zero", "/dev/tty", "/dev/stdin", "/dev/stdout", "/dev/stderr"];
const READABLE_DEVICES = [...DEVICES, "/dev/random", "/dev/urandom", "/dev/autofs_nowait"];

/** System services that name resolution and certificate checks need. */
const NETWORK_SERVICES = [
  "com.apple.dnssd.service",
  "com.apple.SystemConfiguration.configd",
  "com.apple.SystemConfiguration.DNSConfiguration",
  "com.apple.trustd.agent",
];

/**
 * Isolates boxes with macOS's `sandbox-exec`. It follows Apple's own profiles and has not run on macOS yet: its tests
 * cover the profile, not its effect. macOS has no PID namespaces, so code sees the names of the user's processes but
 * cannot signal them, and no limit of a box as a whole is enforced. It has no network namespaces either: without
 * network access, code in a box cannot listen on a port, as that would be a port of the machine.
 */
export class SandboxExec implements Isolation {
  readonly name = "sandbox-exec";
  readonly canMount = false;
  readonly hasNetworkRules = false;

  prepare(plan: BoxPlan): BoxLaunch {
    const node = realpathSync(process.execPath);
    const launch = launchOnHost(plan, searchPath(node, plan.runtimes));
    const profile = makeProfile({
      readable: [
        ...READABLE,
        ...(plan.network === "allow" ? READABLE_WITH_NETWORK : []),
        node,
        path.dirname(path.dirname(node)),
        ...installed(plan.runtimes).flatMap(({ prefixes }) => prefixes),
        plan.assets.supervisor,
        plan.assets.kernels,
      ].map(realPathOf),
      writable: [...launch.directories, launch.scratch].map(realPathOf),
      unreadable: UNREADABLE,
      home: realPathOf(os.homedir()),
      network: plan.network,
    });
    const command = [
      "sandbox-exec",
      "-p",
      profile,
      ...withLimits(plan, [node, plan.assets.supervisor], false),
    ];
    return { ...withoutStrayDescriptors(command), ...launch };
  }

  confine<Directories extends Confined>(
    directories: Directories,
    program: (inside: Directories) => readonly string[],
  ): Command {
    const { from, to } = directories;
    const profile = makeProfile({
      readable: [...READABLE, ...(from === undefined ? [] : [from])].map(realPathOf),
      writable: [realPathOf(to)],
      unreadable: UNREADABLE,
      home: realPathOf(os.homedir()),
      network: "deny",
    });
    return ["sandbox-exec", "-p", profile, ...program(directories)];
  }
}

/** What a profile allows. Paths must be resolved, as the sandbox checks them after following links. */
export interface ProfileRules {
  readonly readable: readonly string[];
  /** Also readable. */
  readonly writable: readonly string[];
  readonly unreadable: readonly string[];
  readonly home: string;
  readonly network: BoxNetwork;
}

/**
 * Writes a profile in the language of `sandbox-exec`. Everything not allowed is denied; if several rules match, the
 * last one applies.
 */
export function makeProfile({ readable, writable, unreadable, home, network }: ProfileRules): string {
  const all = (operation: string, verdict: string, files: readonly string[]) => {
    const filters = [...new Set(files)].map((file) => `  (subpath ${quote(file)})`);
    return filters.length === 0 ? [] : [`(${verdict} ${operation}`, ...filters, ")"];
  };
  // A runtime in the home directory is readable; the rest of the home directory is not.
  const inHome = readable.filter((file) => file !== home && file.startsWith(`${home}/`));
  return [
    "(version 1)",
    "(deny default)",
    "(allow process-fork)",
    "(allow process-exec)",
    "(allow signal (target same-sandbox))",
    "(allow process-info* (target same-sandbox))",
    "(allow sysctl-read)",
    // The arguments and environment of any process of the user.
    '(deny sysctl-read (sysctl-name-regex #"^kern.procargs"))',
    // Locks of Python's `multiprocessing`.
    "(allow ipc-posix-sem)",
    // Looks up the current user.
    '(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))',
    // Programs check every directory on the path of a file.
    "(allow file-read-metadata)",
    '(allow file-read-data (literal "/"))',
    ...all(
      "file-read*",
      "allow",
      readable.filter((file) => file !== home),
    ),
    ...all("file-read*", "deny", [home, ...unreadable]),
    ...all("file-read*", "allow", [...inHome, ...writable]),
    ...all("file-write*", "allow", writable),
    `(allow file-read* (subpath "/dev/fd") ${READABLE_DEVICES.map(literal).join(" ")})`,
    `(allow file-write-data (subpath "/dev/fd") ${DEVICES.map(literal).join(" ")})`,
    '(allow file-ioctl (literal "/dev/tty"))',
    "(deny network*)",
    // Creating a socket is allowed; what it can connect to is limited by the rules below.
    "(allow system-socket)",
    // Only sockets in these directories: access to `docker.sock`, for example, gives full control.
    ...writable.flatMap((directory) => [
      `(allow network-bind network-inbound (local unix-socket (subpath ${quote(directory)})))`,
      `(allow network-outbound (remote unix-socket (subpath ${quote(directory)})))`,
    ]),
    ...(network === "allow" ? networkRules() : []),
    "",
  ].join("\n");
}

function networkRules(): string[] {
  return [
    "(allow network* (local ip) (remote ip))",
    '(allow network-outbound (remote unix-socket (path-literal "/private/var/run/mDNSResponder")))',
    ...NETWORK_SERVICES.map((service) => `(allow mach-lookup (global-name ${quote(service)}))`),
  ];
}

function literal(file: string): string {
  return `(literal ${quote(file)})`;
}

/** Quotes a string in the language of profiles, which is a Scheme. */
function quote(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

function installed(runtimes: InstalledRuntimes) {
  return Object.values(runtimes).filter((runtime) => runtime !== null);
}

function searchPath(node: string, runtimes: InstalledRuntimes): string[] {
  return [...installed(runtimes).map(({ executable }) => executable), node].map((file) => path.dirname(file));
}
