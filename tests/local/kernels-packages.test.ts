import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { InvalidArgumentException } from "../../src/index.js";
import { startLocalServer } from "../../src/local/index.js";
import { type LocalSandbox, startSandbox } from "../helpers/local-sandbox.js";
import { describeIf, hasPython, isolationWorks, runs } from "../helpers/skips.js";

const hasPip = hasPython && runs("python3", ["-c", "import pip"]);
const hasVenv = hasPython && runs("python3", ["-c", "import venv, ensurepip"]);

/** Creates a wheel without any tool, so that no download is needed. */
const MAKE_WHEEL = (name: string) => `
import zipfile
info = "${name}-1.0.dist-info/"
with zipfile.ZipFile("/tmp/${name}-1.0-py3-none-any.whl", "w") as wheel:
    wheel.writestr("${name}/__init__.py", "value = '${name} works'")
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: ${name}\\nVersion: 1.0\\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(info + "entry_points.txt", "[console_scripts]\\n${name} = ${name}:value.title\\n")
    wheel.writestr(info + "RECORD", "")
`;
const OPTIONS = "--quiet --no-index --disable-pip-version-check";

describeIf(
  hasPip && isolationWorks,
  "local/kernels-packages: pip",
  "Python has no pip, or nothing isolates here (apt-get install python3-pip bubblewrap)",
)("a Python package", () => {
  let sandbox: LocalSandbox;
  beforeAll(async () => {
    sandbox = await startSandbox();
  });
  afterAll(async () => sandbox[Symbol.asyncDispose]());

  test.each([
    [
      "subprocess",
      "byprocess",
      `import subprocess, sys
subprocess.run([sys.executable, "-m", "pip", "install", *"${OPTIONS} /tmp/byprocess-1.0-py3-none-any.whl".split()], check=True)`,
    ],
    [
      "a shell line",
      "byshell",
      `import os
assert os.system("pip install ${OPTIONS} /tmp/byshell-1.0-py3-none-any.whl") == 0`,
    ],
    [
      "--user",
      "byuser",
      `import os
assert os.system("pip install --user ${OPTIONS} /tmp/byuser-1.0-py3-none-any.whl") == 0`,
    ],
  ])(
    "installed by %s is importable at once, in the next context, and in a command",
    async (_how, name, install) => {
      const contextId = await sandbox.createContext("python");
      const imported = `import ${name}; ${name}.value`;
      const before = await sandbox.run("python", imported, contextId);
      expect(before.error).toMatchObject({ ename: "ModuleNotFoundError" });
      expect((await sandbox.run("python", MAKE_WHEEL(name) + install, contextId)).error).toBeUndefined();
      expect((await sandbox.run("python", imported, contextId)).results).toEqual([
        { text: `'${name} works'` },
      ]);
      // The kernel of this context was started before the installation.
      const next = await sandbox.createContext("python");
      expect((await sandbox.run("python", imported, next)).results).toEqual([{ text: `'${name} works'` }]);
      expect((await sandbox.run("bash", `python3 -c "import ${name}; print(${name}.value)"`)).stdout).toBe(
        `${name} works\n`,
      );
    },
  );

  test("installed by a command is importable in a context that ran before, with its path files", async () => {
    const contextId = await sandbox.createContext("python");
    await sandbox.run("python", MAKE_WHEEL("bycommand"), contextId);
    const site = `$(python -c "import sysconfig; print(sysconfig.get_path('purelib'))")`;
    const installed = await sandbox.run(
      "bash",
      `pip install ${OPTIONS} /tmp/bycommand-1.0-py3-none-any.whl && bycommand --help >/dev/null; mkdir -p /tmp/edited
echo "value = 'edited'" > /tmp/edited/editable.py; echo /tmp/edited > ${site}/editable.pth; command -v bycommand`,
    );
    expect(installed).toMatchObject({ stdout: "/tmp/.python/bin/bycommand\n" });
    const { results } = await sandbox.run(
      "python",
      "import bycommand, editable; [bycommand.value, editable.value]",
      contextId,
    );
    expect(results).toEqual([{ text: "['bycommand works', 'edited']" }]);
  });
});

describeIf(
  isolationWorks,
  "local/kernels-packages: Node",
  "nothing isolates here (apt-get install bubblewrap)",
)("a JavaScript package", () => {
  test("that is installed after it was missing is importable", async () => {
    await using sandbox = await startSandbox();
    const install = `mkdir -p node_modules/late/lib node_modules/esm
echo '{ "main": "lib/main.js" }' > node_modules/late/package.json; echo 'exports.value = "late"' > node_modules/late/lib/main.js
echo '{ "exports": "./a.js", "type": "module" }' > node_modules/esm/package.json; echo 'export const value = "esm"' > node_modules/esm/a.js`;
    expect((await sandbox.run("javascript", "require('late')")).error?.evalue).toContain(
      "Cannot find module",
    );
    expect((await sandbox.run("javascript", "await import('esm')")).error?.evalue).toContain(
      "Cannot find package",
    );
    await sandbox.run("bash", install);
    expect(
      (await sandbox.run("javascript", "[require('late').value, (await import('esm')).value]")).results,
    ).toEqual([{ text: "[ 'late', 'esm' ]" }]);
  });
});

describeIf(
  hasVenv && isolationWorks,
  "local/kernels-packages: interpreters",
  "python3 has no venv, or nothing isolates here (apt-get install python3-venv bubblewrap)",
)("the interpreter", () => {
  let directory: string;
  const directories: string[] = [];
  const makeDirectory = (parent: string): string => {
    const made = mkdtempSync(path.join(parent, "interpreters-"));
    directories.push(made);
    return made;
  };
  beforeAll(() => {
    directory = makeDirectory(os.tmpdir());
  });
  afterAll(() => {
    for (const made of directories) rmSync(made, { recursive: true, force: true });
  });

  test("can be a virtual environment given by `python`, also below /tmp, with its packages", async () => {
    const environment = path.join(directory, "venv");
    execFileSync("python3", ["-m", "venv", "--without-pip", environment]);
    const site = execFileSync(
      path.join(environment, "bin/python"),
      ["-c", "import sysconfig; print(sysconfig.get_path('purelib'), end='')"],
      { encoding: "utf8" },
    );
    execFileSync("sh", ["-c", `echo "value = 'of the environment'" > "$0/ours.py"`, site]);
    for (const python of [environment, path.join(environment, "bin/python")]) {
      await using sandbox = await startSandbox({ python });
      const { results } = await sandbox.run("python", "import ours; ours.value");
      expect(results).toEqual([{ text: "'of the environment'" }]);
      // It has no pip, but Python bundles one.
      expect((await sandbox.run("bash", "pip --version")).stdout).toMatch(/^pip \d/);
    }
  });

  test("is refused if it is not a Python", async () => {
    const started = startLocalServer({ port: false, python: path.join(directory, "nothing") });
    await expect(started).rejects.toThrow(InvalidArgumentException);
    await expect(started).rejects.toThrow(/^python must be the path of Python 3\.8 or newer .*nothing/);
  });

  // Where CI, pyenv, uv, nvm and volta keep what they install. A box hides each of these directories.
  test.each([["/tmp"], ["/var/tmp"], [os.homedir()]])(
    "can be Node, and Python by links, below %s",
    (parent) => {
      const installed = makeDirectory(parent);
      const [node, python] = [path.join(installed, "bin/node"), path.join(installed, "shims/python3")];
      for (const file of [node, python]) mkdirSync(path.dirname(file));
      copyFileSync(realpathSync(process.execPath), node);
      execFileSync("python3", ["-m", "venv", "--without-pip", path.join(installed, "versions/1")]);
      symlinkSync("versions/1", path.join(installed, "current"));
      symlinkSync("../current/bin/python3", python);
      const script = `import { startLocalServer } from ${JSON.stringify(path.resolve("dist/local/index.mjs"))};
import { Sandbox, CodeInterpreter } from ${JSON.stringify(path.resolve("dist/index.mjs"))};
const server = await startLocalServer({ port: false });
const sandbox = await Sandbox.create({ connectionConfig: server.connectionConfig, resource: { disk: "32Mi" } });
const { codes } = await CodeInterpreter.create(sandbox);
console.log((await codes.run("process.execPath", { language: "javascript" })).text);
console.log((await codes.run("import sys; sys.base_prefix != sys.prefix")).text);
// Node alone is larger than the disk of the sandbox, to which it does not belong.
console.log((await sandbox.commands.run("for i in 1 2 3 4; do echo > $i; sleep 0.5; done; echo end")).stdout);
await server.close();`;
      const printed = execFileSync(node, ["--input-type=module", "-e", script], {
        encoding: "utf8",
        env: { ...process.env, PATH: `${path.dirname(python)}:${process.env["PATH"] ?? ""}` },
      });
      expect(printed).toBe(`'${node}'\nTrue\nend\n\n`);
    },
  );
});
