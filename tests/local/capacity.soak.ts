import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { LocalClient, until, type LocalSandbox } from "../helpers/local-sandbox.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

const MIB = 2 ** 20;

describeIf(
  isolationWorks,
  "local/capacity",
  NO_ISOLATION_REASON,
)("a sandbox with limits", () => {
  let client: LocalClient;
  beforeAll(async () => {
    client = await LocalClient.start();
  });
  afterAll(() => client.server.close());

  const logsOf = async (sandbox: LocalSandbox) =>
    (await client.send("GET", `${sandbox.path}/diagnostics/logs`)).text();

  /** It still answers, and nothing of what went wrong is left running. */
  async function expectHealthy(sandbox: LocalSandbox): Promise<void> {
    expect(await sandbox.state()).toBe("Running");
    expect((await sandbox.command("echo fine")).stdout).toBe("fine");
  }

  test("survives a fork bomb", async () => {
    const sandbox = await client.create({ resourceLimits: { processes: "100" } });
    const answer = await sandbox.execd("POST", "/command", {
      command: "bomb() { bomb | bomb & }; bomb; sleep 3",
    });
    await answer.text();
    const count = async () => Number((await sandbox.command("ls -d /proc/[0-9]* | wc -l")).stdout);
    await until(
      async () => count().catch(() => Infinity),
      (processes) => processes < 20,
    );
    await expectHealthy(sandbox);
  });

  test("gives no process more memory than there is", async () => {
    if (!hasPython) return;
    const sandbox = await client.create({ resourceLimits: { memory: "300Mi" } });
    const { stderr } = await sandbox.command(`python3 -c 'x = bytearray(${400 * MIB})'`);
    expect(stderr).toContain("MemoryError");
    await expectHealthy(sandbox);
  });

  test("kills the largest when all together take too much memory", async () => {
    if (!hasPython) return;
    const sandbox = await client.create({ resourceLimits: { memory: "300Mi" } });
    const eat = `python3 -c "import time; x = b'x' * ${180 * MIB}; time.sleep(20)"`;
    const { ending } = await sandbox.command(`${eat} & first=$!; ${eat} & wait -n; kill %1 %2; exit 7`);
    expect(ending).toBe("7");
    expect(await logsOf(sandbox)).toMatch(
      /^process \d+ \(python3?[\d.]*\) was killed: the sandbox used more than its 300 MiB of memory$/m,
    );
    await expectHealthy(sandbox);
  });

  test("has little room in memory, and no larger files than its disk", async () => {
    const [roomy, small] = await Promise.all([
      client.create(),
      client.create({ resourceLimits: { disk: "20Mi" } }),
    ]);
    const full = await roomy.command("head -c 100000000 /dev/zero > /dev/shm/large");
    expect(full.stderr).toContain("No space left on device");
    const tooLarge = await small.command(
      "trap '' XFSZ; head -c 30000000 /dev/zero > large; stat -c %s large",
    );
    expect(tooLarge.stderr).toContain("File too large");
    expect(tooLarge.stdout).toBe(String(20 * MIB));
  });

  test("stops a command that fills its disk with many files, which can be removed then", async () => {
    const sandbox = await client.create({ resourceLimits: { "ephemeral-storage": "20Mi" } });
    const { ending } = await sandbox.command(
      "for i in $(seq 100000); do head -c 1000000 /dev/zero > file$i; sleep 0.01; done",
    );
    expect(ending).toBe("-1");
    expect(await logsOf(sandbox)).toContain("every process was killed: more than 20 MiB of files");
    await sandbox.command("rm file*");
    await expectHealthy(sandbox);
  });

  // Each goes on until it is stopped.
  const files = (prepare: string, each: string) =>
    `${prepare}\nfor ((i = 0; ; i++)); do ${each}; sleep 0.05; done`;
  const python = (prepare: string, each: string) =>
    `python3 -c "import mmap, os, time\n${prepare}\nwhile True:\n ${each}\n time.sleep(0.05)"`;
  const MEMORY = "was killed: the sandbox used more than its 300 MiB of memory";
  const DISK = "every process was killed: more than 20 MiB of files";

  test.each([
    [
      "anonymous memory",
      MEMORY,
      python("x = []", "x.append(os.memfd_create('x')); os.write(x[-1], bytes(10**7))"),
    ],
    [
      "memory that processes share",
      MEMORY,
      python("x = []", "x.append(mmap.mmap(-1, 10**7)); x[-1].write(bytes(10**7))"),
    ],
    [
      "deleted files",
      DISK,
      python("x = []", "x.append(open('x', 'wb')); os.unlink('x'); x[-1].write(bytes(10**6))"),
    ],
    ["locked directories", DISK, files("", "mkdir d$i; head -c 1000000 /dev/zero > d$i/x; chmod 0 d$i")],
    [
      "directories that can be listed only",
      DISK,
      files("", "mkdir d$i; head -c 1000000 /dev/zero > d$i/x; chmod 400 d$i"),
    ],
    [
      "paths that are too long to be named",
      DISK,
      files(
        "for i in $(seq 30); do n=$(printf '%0200d' 0); mkdir $n; cd $n; done",
        "head -c 1000000 /dev/zero > x$i",
      ),
    ],
    ["empty files", DISK, files("", "touch x$i-{1..500}")],
  ])("is held to its limit where it fills %s", async (_what, report, command) => {
    if (!hasPython && command.startsWith("python3")) return;
    const sandbox = await client.create({ resourceLimits: { memory: "300Mi", disk: "20Mi" } });
    const { ending } = await sandbox.command(command);
    expect(ending).toBe("-1");
    expect(await logsOf(sandbox)).toContain(report);
    await expectHealthy(sandbox);
    await client.send("DELETE", sandbox.path);
  });

  test("ends a process that has used its CPU time", async () => {
    const sandbox = await client.create({ resourceLimits: { "cpu-seconds": "1" } });
    const { ending } = await sandbox.command("while true; do true; done");
    expect(ending).toBe("-1");
    expect(await logsOf(sandbox)).toContain("(bash) was killed: it used more than 1 s of CPU time");
  });

  test("runs on as many cores as it was given", async () => {
    const sandbox = await client.create({ resourceLimits: { cpu: "500m" } });
    expect((await sandbox.command("nproc")).stdout).toBe("1");
  });

  test("thirty at once start, run and end", async () => {
    const sandboxes = await Promise.all(Array.from({ length: 30 }, () => client.create()));
    const outcomes = await Promise.all(sandboxes.map((sandbox, index) => sandbox.command(`echo ${index}`)));
    expect(outcomes.map(({ stdout }) => stdout)).toEqual(sandboxes.map((_sandbox, index) => String(index)));
    await Promise.all(sandboxes.map(({ path }) => client.send("DELETE", path)));
  });
});
