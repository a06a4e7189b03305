import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { ControlGroup } from "../../src/local/box/control-group.js";
import { LocalClient, until, type LocalSandbox } from "../helpers/local-sandbox.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON, runs } from "../helpers/skips.js";

const SECRET = "a-secret-that-must-not-get-out";
/** The limit of the sandboxes that try to use more. */
const MEMORY_MIB = 256;

/** Whether the control groups of sandboxes can limit memory on this machine. */
function memoryCanBeLimited(): boolean {
  const group = ControlGroup.make(`opensandbox-isolation-test-${process.pid}`);
  if (group === undefined) return false;
  const files = [group.memory ?? "/nowhere", path.join(group.directory, "memory.max")];
  const canBe = files.some((file) => existsSync(file));
  group.endSync();
  return canBe;
}

describeIf(
  isolationWorks,
  "local/isolation",
  NO_ISOLATION_REASON,
)("code in a sandbox", () => {
  let client: LocalClient;
  let sandbox: LocalSandbox;
  let other: LocalSandbox;
  let hostDirectory: string;
  let openFile: number;
  let bystander: ChildProcess;
  beforeAll(async () => {
    hostDirectory = mkdtempSync(path.join(os.tmpdir(), "isolation-test-"));
    writeFileSync(path.join(hostDirectory, "secret"), SECRET);
    openFile = openSync(path.join(hostDirectory, "secret"), "r");
    process.env["ISOLATION_TEST_SECRET"] = SECRET;
    bystander = spawn("sleep", ["987654"], { stdio: "ignore" });
    client = await LocalClient.start({ apiKey: SECRET });
    [sandbox, other] = await Promise.all([client.create(), client.create()]);
    await other.command(
      `echo ${SECRET} > secret; echo ${SECRET} > /tmp/secret; sleep 876543 >/dev/null 2>&1 &`,
    );
  });
  afterAll(async () => {
    delete process.env["ISOLATION_TEST_SECRET"];
    bystander.kill();
    closeSync(openFile);
    rmSync(hostDirectory, { recursive: true });
    await client.server.close();
  });

  /** Everything that a command prints. */
  async function output(command: string): Promise<string> {
    const { stdout, stderr } = await sandbox.command(command);
    return `${stdout}\n${stderr}`;
  }

  test("sees nothing of the user's home, of the project, or of the host's /tmp", async () => {
    const shown = await output(
      `ls -A ${os.homedir()} ${process.cwd()} ${hostDirectory}; cat ${hostDirectory}/secret`,
    );
    expect(shown).toContain(`cannot access '${process.cwd()}'`);
    expect(shown).toContain(`cannot access '${hostDirectory}'`);
    expect(shown).not.toContain(".npm");
    expect(shown).not.toContain(SECRET);
    expect((await output(`find / -xdev -name 'isolation-test-*' 2>/dev/null`)).trim()).toBe("");
  });

  test("cannot read the host's passwords, and sees only the users of its own", async () => {
    expect(await output("cat /etc/shadow")).toContain("No such file");
    expect((await output("wc -l < /etc/passwd")).trim()).toBe("3");
  });

  test("finds the server's key and environment nowhere", async () => {
    const shown = await output("env; cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n'");
    expect(shown).toContain("HOME=/workspace");
    expect(shown).not.toContain(SECRET);
  });

  test("sees no processes but its own, and can signal no others", async () => {
    const shown = await output("cat /proc/[0-9]*/cmdline | tr '\\0' ' '");
    expect(shown).toContain("supervisor.mjs");
    expect(shown).not.toMatch(/987654|876543|jest/);
    expect(await output(`kill -9 ${bystander.pid ?? 0}`)).toContain("No such process");
    const reckless = await client.create();
    await reckless.execd("POST", "/command", { command: "kill -9 -1" });
    await until(
      () => reckless.state(),
      (state) => state === "Failed",
    );
    expect(bystander.exitCode).toBeNull();
    expect(bystander.signalCode).toBeNull();
    expect((await other.command("pgrep -f 'sleep 876543' >/dev/null && echo alive")).stdout).toBe("alive");
  });

  test("cannot trace a process of the host, nor read the memory of its box's first process", async () => {
    if (hasPython) {
      // 16: attach. -1: refused, as there is no such process here.
      const script = `import ctypes; print(ctypes.CDLL(None).ptrace(16, ${bystander.pid ?? 0}, 0, 0))`;
      expect((await output(`python3 -c '${script}'`)).trim()).toBe("-1");
    }
    expect(await output(`cat /proc/${bystander.pid ?? 0}/mem`)).toContain("No such file");
    expect(await output("cat /proc/1/mem")).toMatch(/Permission denied|Input\/output error/);
  });

  test("sees nothing of another sandbox", async () => {
    expect(await output("cat /workspace/secret /tmp/secret; ls -A /workspace /tmp")).not.toContain(SECRET);
    const shown = await output(`grep -rs ${SECRET} / --include=secret --exclude-dir=proc --exclude-dir=sys`);
    expect(shown.trim()).toBe("");
  });

  test("gets nowhere by links and ..", async () => {
    const shown = await output(
      `ln -s ${hostDirectory}/secret a; cat a; cat ../../../../..${hostDirectory}/secret; ln -s / root; cat root${hostDirectory}/secret; cat /proc/1/root${hostDirectory}/secret /proc/self/cwd/../..${hostDirectory}/secret`,
    );
    expect(shown).not.toContain(SECRET);
  });

  test("has no descriptors that the server or its parents left open", async () => {
    // Of the supervisor and of what it started; its own descriptors are sockets, pipes and anonymous. A kernel that is
    // starting has files open for a moment.
    await until(
      async () => {
        const shown = await output("ls -l /proc/[0-9]*/fd 2>/dev/null | grep -o '> .*' | sort -u");
        expect(shown).not.toContain(hostDirectory);
        return shown
          .split("\n")
          .filter((line) => line.startsWith("> /") && !/^> \/(dev|proc|run)\//.test(line));
      },
      (files) => files.length === 0,
    );
  });

  test("reaches no network: neither the host's ports nor other machines, and no host's sockets", async () => {
    const listener = createServer((socket) => socket.end(SECRET)).listen(0, "127.0.0.1");
    await once(listener, "listening");
    const { port } = listener.address() as AddressInfo;
    const shown = await output(
      `cat < /dev/tcp/127.0.0.1/${port}; timeout 2 bash -c 'cat < /dev/tcp/1.1.1.1/53'; cat /proc/net/dev`,
    );
    listener.close();
    expect(shown).toContain("Connection refused");
    expect(shown).toContain("Network is unreachable");
    expect(shown).not.toContain(SECRET);
    expect(shown.match(/^ *\w+:(?= +\d)/gm)?.map((name) => name.trim())).toEqual(["lo:"]);
    expect((await output("find / -xdev -type s 2>/dev/null")).trim()).toBe("");
  });

  test("cannot change the system, make devices, mount, or become root", async () => {
    const shown = await output(
      [
        "touch /usr/x /etc/x /x /dev/x /run/opensandbox/x",
        "echo > /run/opensandbox/supervisor.mjs",
        "mknod /workspace/disk b 8 0",
        "mount -t tmpfs none /workspace",
        "unshare -r true",
        "chroot / true",
        "su -c true",
        "grep -E '^(CapEff|NoNewPrivs)' /proc/self/status",
        "echo 1 > /proc/sys/kernel/sysrq",
      ].join("; "),
    );
    expect(shown.match(/Read-only file system/g)?.length).toBeGreaterThanOrEqual(6);
    expect(shown).toMatch(/mknod: .*not permitted/);
    expect(shown).toMatch(/mount: .*(permission denied|must be superuser)/);
    expect(shown).toMatch(/unshare: .*(No space left|not permitted)/);
    expect(shown).toMatch(/chroot: .*not permitted/);
    expect(shown).toMatch(/CapEff:\s+0+$/m);
    expect(shown).toMatch(/NoNewPrivs:\s+1/);
  });

  // Where root runs the server, the code in a box is root for the kernel, though one without privileges.
  test("cannot change the host's devices, not even if root runs the server, and can use them", async () => {
    const shown = await output(
      "cd /dev; for name in null zero full random urandom tty; do chmod 666 $name && echo changed; done; echo x > null; head -c 3 zero | wc -c",
    );
    expect(shown.match(/(Read-only file system|not permitted)$/gm)).toHaveLength(6);
    expect(shown).not.toContain("changed");
    expect(shown).toMatch(/^3$/m);
  });

  test("cannot write to what the kernel shows of itself, not even if root runs the server", async () => {
    const everything = "find /proc -path '/proc/[0-9]*' -prune -o -type f -print";
    const shown = await output(
      `test -r /proc/sys/kernel/core_pattern && echo there; ${everything} | while read -r file; do test -w "$file" && echo "$file"; done`,
    );
    expect(shown.trim()).toBe("there");
  });

  test("cannot use what belongs to the server inside the box: nobody else can send it PAUSE", async () => {
    for (const method of ["PAUSE", "RESUME"]) {
      const answer = await sandbox.execd(method, "/");
      expect(answer.status).toBe(405);
    }
    expect((await sandbox.command("echo on")).stdout).toBe("on");
  });

  test("cannot make the supervisor open a debugger", async () => {
    // 0A is the state of what listens; another Node shows that this is where a debugger would.
    const listening = "grep -c ':240D .* 0A ' /proc/net/tcp";
    const program = "process.kill(process.pid, 'SIGUSR1'); setTimeout(() => {}, 60000)";
    expect((await sandbox.command(`kill -USR1 $PPID; sleep 0.5; ${listening}`)).stdout).toBe("0");
    const { stdout } = await sandbox.command(
      `node -e "${program}" 2>/dev/null & until ${listening}; do sleep 0.1; done; kill $!`,
    );
    expect(stdout.split("\n").at(-1)).toBe("1");
  });

  test("ends its sandbox, and no other, when it stops the supervisor", async () => {
    const hostile = await client.create();
    await hostile.execd("POST", "/command", { command: "kill -STOP $PPID; sleep 60" });
    await until(
      () => hostile.state(),
      (state) => state === "Failed",
    );
    const logs = await client.send("GET", `${hostile.path}/diagnostics/logs`);
    expect(await logs.text()).toContain("the supervisor was stopped from inside: the sandbox was ended");
    expect(await sandbox.state()).toBe("Running");
  });
});

/** The numbers of system calls: the first of `add_key`, `request_key` and `keyctl`, and two that touch other processes. */
const CALLS = new Map([
  ["x64", { firstForKeys: 248, ptrace: 101, processVmWritev: 311 }],
  ["arm64", { firstForKeys: 217, ptrace: 117, processVmWritev: 271 }],
]).get(process.arch);

describeIf(
  isolationWorks && hasPython && CALLS !== undefined,
  "local/isolation, system calls",
  `${NO_ISOLATION_REASON}, there is no Python, or nobody wrote down the numbers of this processor's system calls`,
)("what no namespace separates", () => {
  let client: LocalClient;
  let sandbox: LocalSandbox;
  beforeAll(async () => {
    client = await LocalClient.start();
    sandbox = await client.create();
  });
  afterAll(() => client.server.close());

  /** The errors of some system calls, each a number and its arguments; 1 is EPERM. */
  async function errorsOf(calls: readonly (readonly number[])[]): Promise<string> {
    const { stdout } = await sandbox.python(
      `import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for call in ${JSON.stringify(calls)}:
    ctypes.set_errno(0)
    libc.syscall(*call, 0, 0, 0, 0, 0)
    print(ctypes.get_errno())`,
    );
    return stdout;
  }

  test("a sandbox has no keyrings: they belong to the session of the user who started the server", async () => {
    const { firstForKeys: first = 0 } = CALLS ?? {};
    expect(await errorsOf([[first], [first + 1], [first + 2]])).toBe("1\n1\n1\n");
  });

  test("the first process cannot be traced by code in the sandbox, its own processes can", async () => {
    const { ptrace = 0, processVmWritev = 0 } = CALLS ?? {};
    // 16: attach.
    expect(
      await errorsOf([
        [ptrace, 16, 1],
        [processVmWritev, 1],
      ]),
    ).toBe("1\n1\n");
    const script = `import subprocess
child = subprocess.Popen(["sleep", "60"])
print(libc.syscall(${ptrace}, 16, child.pid, 0, 0))
child.kill()`;
    expect((await sandbox.python(script)).stdout).toBe("0\n");
    expect((await sandbox.command("echo > /proc/1/mem")).stderr).toContain("Read-only file system");
  });

  test("a sandbox has no sockets to the host of a virtual machine, nor io_uring, which could make them", async () => {
    const { stdout } = await sandbox.python(
      `import socket
for family in (40, socket.AF_INET, socket.AF_UNIX):
    try:
        socket.socket(family)
        print("made")
    except OSError as error:
        print(error.errno)`,
    );
    expect(stdout).toBe("1\nmade\nmade\n");
    expect(await errorsOf([[425]])).toBe("1\n");
  });
});

describeIf(
  isolationWorks,
  "local/isolation",
  NO_ISOLATION_REASON,
)("with the network allowed", () => {
  test("a sandbox reaches the host's ports", async () => {
    await using client = await LocalClient.start({ port: false, network: "allow" });
    const listener = createServer((socket) => socket.end("hello\n")).listen(0, "127.0.0.1");
    await once(listener, "listening");
    const sandbox = await client.create();
    const { port } = listener.address() as AddressInfo;
    expect((await sandbox.command(`cat < /dev/tcp/127.0.0.1/${port}`)).stdout).toBe("hello");
    listener.close();
  });
});

/** Memory of the kernel that belongs to no process. */
describeIf(
  isolationWorks && hasPython,
  "local/isolation, the kernel's own memory",
  `${NO_ISOLATION_REASON}, or there is no Python`,
)("the kernel's memory for a sandbox", () => {
  let client: LocalClient;
  let sandbox: LocalSandbox;
  beforeAll(async () => {
    client = await LocalClient.start({ port: false, pythonShell: "plain" });
    sandbox = await client.create();
  });
  afterAll(() => client.server.close());

  /** Runs a command in a new sandbox and returns its output. A control group may end the whole sandbox. */
  async function printed(command: string): Promise<string> {
    const own = await client.create({ resourceLimits: { memory: `${MEMORY_MIB}Mi` } });
    const response = await own.execd("POST", "/command", { command });
    return response.text().catch(() => "");
  }

  test("System V shared memory and message queues, which outlive their processes, are refused", async () => {
    const { stdout } = await sandbox.run(
      "python",
      `import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
for make in (lambda: libc.shmget(0, 2**26, 0o1600), lambda: libc.msgget(0, 0o1600)):
    print(errno.errorcode[ctypes.get_errno()] if make() == -1 else "made")
print("made" if libc.shmget(0, 4096, 0o1600) >= 0 else "refused")`,
    );
    expect(stdout).toBe("ENOSPC\nENOSPC\nmade\n");
  });

  describeIf(
    runs("unshare", ["--user", "--map-root-user", "true"]),
    "local/isolation, inotify",
    "user namespaces cannot be nested here",
  )("where user namespaces can be nested", () => {
    test("inotify instances are limited for each sandbox", async () => {
      const count = `import ctypes
libc = ctypes.CDLL(None)
made = 0
while libc.inotify_init() >= 0: made += 1
print(made)`;
      expect(Number((await sandbox.python(count)).stdout)).toBeLessThanOrEqual(32);
      // Instances of other sandboxes do not count.
      const neighbour = await client.create();
      expect(Number((await neighbour.python(count)).stdout)).toBeGreaterThan(0);
    });
  });

  test("page tables count as memory", async () => {
    // All addresses share one page of zeros. Only the page tables grow, by 4 KiB for each 2 MiB.
    const program = `import mmap, time
maps = []
for _ in range(${(4 * MEMORY_MIB) / 128}):
    maps.append(mmap.mmap(-1, 2**36, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, mmap.PROT_READ))
    for address in range(0, 2**36, 2**21): maps[-1][address]
time.sleep(10)
print("held")`;
    expect(await printed(`python3 -c '${program}'`)).not.toContain("held");
  });

  describeIf(
    memoryCanBeLimited(),
    "local/isolation, buffers of sockets",
    "no control group that limits memory can be made here (docs/isolation.md)",
  )("where control groups limit memory", () => {
    test.each([
      [
        "buffers of sockets",
        `a, b = socket.socketpair()
a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**22)
a.setblocking(False)
kept.append((a, b))
try:
    while True: total += a.send(bytes(2**15))
except BlockingIOError: pass`,
      ],
      [
        "files that are in transit in a socket",
        `a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
kept.append((a, b))
file = os.memfd_create("x")
for _ in range(64): os.write(file, bytes(2**20))
socket.send_fds(a, [b"x"], [file])
os.close(file)
total += 2**26`,
      ],
    ])("%s count as memory", async (_what, step) => {
      const program = `import os, socket
kept = []
total = 0
while total < ${8 * MEMORY_MIB} * 2**20:
${step.replace(/^/gm, "    ")}
print("held")`;
      expect(await printed(`python3 -c '${program}'`)).not.toContain("held");
    });
  });
});
