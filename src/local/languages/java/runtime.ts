import { existsSync, lstatSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { javaClassesDirectory } from "./cache.js";
import type { Candidate, Finder, Runtime } from "../runtime.js";
import { below, entriesOf, onPath, outputOf, realPathOf } from "../search.js";

// The first version that launches a program from its source file.
const OLDEST_MAJOR = 11;

/** Finds Java. It must be a JDK, since a runtime alone has neither a compiler nor JShell. */
export const javaFinder: Finder = {
  candidates(): Candidate[] {
    const homes = process.env["JAVA_HOME"];
    const ofEnvironment = homes === undefined || homes === "" ? [] : [path.join(homes, "bin/java")];
    return [
      ...[...onPath("java"), ...ofEnvironment].map((executable) => ({ executable, version: undefined })),
      ...collections().flatMap(([directory, program]) =>
        below(directory, program).map(({ executable, name }) => ({
          executable,
          version: /\d+(?:\.\d+)*/.exec(name.replace(/^java-1\.(?=\d\d)/, "java-"))?.[0],
        })),
      ),
    ];
  },

  async probe(executable: string): Promise<Runtime | null> {
    const actual = realPathOf(executable);
    const home = path.dirname(path.dirname(actual));
    if (!existsSync(path.join(home, "bin/jshell"))) return null;
    const version = versionIn(home) ?? (await askVersion(actual));
    if (!(Number.parseInt(version, 10) >= OLDEST_MAJOR)) return null;
    const classes = javaClassesDirectory(version);
    return {
      executable: actual,
      version,
      prefixes: [home, ...configurationOf(home), classes],
      settings: { classes },
    };
  },
};

function collections(): [directory: string, program: string][] {
  const home = os.homedir();
  return [
    ["/usr/lib/jvm", "bin/java"],
    ["/usr/java", "bin/java"],
    ["/opt/java", "bin/java"],
    [path.join(home, ".sdkman/candidates/java"), "bin/java"],
    [path.join(home, ".asdf/installs/java"), "bin/java"],
    [path.join(home, ".local/share/mise/installs/java"), "bin/java"],
    ["/Library/Java/JavaVirtualMachines", "Contents/Home/bin/java"],
  ];
}

function versionIn(home: string): string | undefined {
  try {
    return /^JAVA_VERSION="([^"]+)"/m.exec(readFileSync(path.join(home, "release"), "utf8"))?.[1];
  } catch {
    return undefined;
  }
}

async function askVersion(executable: string): Promise<string> {
  return /version "([^"]+)"/.exec(await outputOf(executable, ["-version"]))?.[1] ?? "";
}

/** Returns the configuration files outside the JDK: Debian and Fedora keep them in /etc and link to them. */
function configurationOf(home: string): string[] {
  const directories = ["conf", "conf/security", "lib", "lib/security"].map((name) => path.join(home, name));
  const linked = directories
    .flatMap((directory) => [directory, ...entriesOf(directory).map((name) => path.join(directory, name))])
    .filter((file) => existsSync(file) && lstatSync(file).isSymbolicLink())
    .map(realPathOf)
    .filter((file) => file.startsWith("/etc/"));
  // Files in /etc/java-17-openjdk need that whole directory; for /etc/ssl the file alone suffices.
  return [...new Set(linked.map((file) => /^\/etc\/java[^/]*/.exec(file)?.[0] ?? file))];
}
