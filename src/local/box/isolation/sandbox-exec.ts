import { mkdirSync, realpathSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { InstalledRuntimes } from "../../languages/languages.js";
import {
  baseEnvironment,
  makeDataDirectories,
  withLimits,
  withoutStrayDescriptors,
  type BoxLaunch,
  type BoxPlan,
  type Command,
  type Confined,
  type Isolation,
} from "./isolation.js";

/** What programs and the system's libraries are made of, and what they ask the system about. */
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
  // Which shell /bin/sh is.
  "/private/var/select",
];

/** What names need to be found in a network. */
const READABLE_WITH_NETWORK = [
  "/private/etc/hosts",
  "/private/etc/protocols",
  "/private/etc/resolv.conf",
  "/private/etc/services",
  "/private/var/run/resolv.conf",
];

/**
 * Where others keep what is theirs; it wins over everything that is readable. The databases of Homebrew's and MacPorts'
 * servers belong to the user, and so does all that is seen a second time below /System/Volumes/Data.
 */
const UNREADABLE = [
  "/private/etc/master.passwd",
  "/private/var/root",
  "/System/Volumes/Data",
  "/opt/homebrew/var",
  "/opt/local/var",
  "/usr/local/var",
];

/** Devices that anybody may use. The others are the user's: a terminal in which a password is typed is one of them. */
const DEVICES = ["/dev/null", "/dev/zero", "/dev/tty", "/dev/stdin", "/dev/stdout", "/dev/stderr"];
const READABLE_DEVICES = [...DEVICES, "/dev/random", "/dev/urandom", "/dev/autofs_nowait"];

/** System services without which names are not found in a network, nor certificates checked. */
const NETWORK_SERVICES = [
  "com.apple.dnssd.service",
  "com.apple.SystemConfiguration.configd",
  "com.apple.SystemConfiguration.DNSConfiguration",
  "com.apple.trustd.agent",
];

/**
 * Boxes made by macOS's `sandbox-exec`. It was written from Apple's own profiles and has not been run on macOS yet: its
 * tests cover the profile, not what macOS makes of it. There is no PID namespace on macOS, so that the names of the user's
 * processes can be seen, though these not be signalled, and no limit of a box as a whole is enforced. There is no network
 * namespace either: without the network nothing in a box can listen on a port, as it would be one of the machine's.
 */
export class SandboxExec implements Isolation {
  readonly name = "sandbox-exec";

  prepare(plan: BoxPlan): BoxLaunch {
    const { workspace, temporary } = makeDataDirectories(plan.directory);
    const scratch = path.join(plan.directory, "pipes");
    mkdirSync(scratch, { mode: 0o700 });
    const node = realpathSync(process.execPath);
    const profile = makeProfile({
      readable: [
        ...READABLE,
        ...(plan.network === "allow" ? READABLE_WITH_NETWORK : []),
        node,
        path.dirname(path.dirname(node)),
        ...installed(plan.runtimes).flatMap(({ prefixes }) => prefixes),
        plan.assets.supervisor,
        plan.assets.kernels,
      ].map(real),
      writable: [workspace, temporary, scratch].map(real),
      unreadable: UNREADABLE,
      home: real(os.homedir()),
      network: plan.network,
    });
    const command = [
      "sandbox-exec",
      "-p",
      profile,
      ...withLimits(plan, [node, plan.assets.supervisor], false),
    ];
    return {
      ...withoutStrayDescriptors(command),
      env: { ...baseEnvironment(workspace, searchPath(node, plan.runtimes)), TMPDIR: temporary },
      cwd: workspace,
      workspace,
      scratch,
      kernels: plan.assets.kernels,
      // Nothing but the supervisor itself can end what it started.
      endSignal: "SIGTERM",
      isAlone: false,
      directories: [workspace, temporary],
      supervisorDepth: 0,
    };
  }

  confine<Directories extends Confined>(
    directories: Directories,
    program: (inside: Directories) => readonly string[],
  ): Command {
    const { from, to } = directories;
    const profile = makeProfile({
      readable: [...READABLE, ...(from === undefined ? [] : [from])].map(real),
      writable: [real(to)],
      unreadable: UNREADABLE,
      home: real(os.homedir()),
      network: "deny",
    });
    return ["sandbox-exec", "-p", profile, ...program(directories)];
  }
}

/** What a profile allows. Paths are real ones: the sandbox sees them after links are resolved. */
export interface ProfileRules {
  readonly readable: readonly string[];
  /** Readable as well. */
  readonly writable: readonly string[];
  readonly unreadable: readonly string[];
  readonly home: string;
  readonly network: "deny" | "allow";
}

/**
 * Writes a profile in Apple's language for `sandbox-exec`. What is not allowed is denied; of several rules that fit, the
 * last one counts.
 */
export function makeProfile({ readable, writable, unreadable, home, network }: ProfileRules): string {
  const all = (operation: string, verdict: string, files: readonly string[]) => {
    const filters = [...new Set(files)].map((file) => `  (subpath ${quote(file)})`);
    return filters.length === 0 ? [] : [`(${verdict} ${operation}`, ...filters, ")"];
  };
  // A runtime in the home directory is readable, and what else is there is not.
  const inHome = readable.filter((file) => file !== home && file.startsWith(`${home}/`));
  return [
    "(version 1)",
    "(deny default)",
    "(allow process-fork)",
    "(allow process-exec)",
    "(allow signal (target same-sandbox))",
    "(allow process-info* (target same-sandbox))",
    "(allow sysctl-read)",
    // The arguments and the environment of any process of the user.
    '(deny sysctl-read (sysctl-name-regex #"^kern.procargs"))',
    // The locks of Python's `multiprocessing`.
    "(allow ipc-posix-sem)",
    // Who the user is.
    '(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))',
    // Programs look at every directory on the way to a file.
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
    // Code that can make a socket can do with it only what follows.
    "(allow system-socket)",
    // Not those of others: on `docker.sock` one gets whatever one wants.
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

/** A string of the profile's language, which is a Scheme. */
function quote(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

function installed(runtimes: InstalledRuntimes) {
  return Object.values(runtimes).filter((runtime) => runtime !== null);
}

function searchPath(node: string, runtimes: InstalledRuntimes): string[] {
  return [...installed(runtimes).map(({ executable }) => executable), node].map((file) => path.dirname(file));
}

function real(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file; // It may be there on another machine.
  }
}
