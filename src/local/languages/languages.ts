import path from "node:path";
import type { BoxLaunch, BoxPlan } from "../box/isolation/isolation.js";
import { GO_SETTINGS, goCacheDirectory } from "./go/cache.js";
import { describeMissing } from "./installing.js";
import type { SelectedRuntimes } from "./runtimes.js";
import type { Runtime, RuntimeName } from "./runtime.js";
import type { KernelLaunch, LanguageConfiguration } from "../supervisor/environment.js";

/** What the languages of a box depend on. */
export interface LanguageOptions {
  readonly runtimes: SelectedRuntimes["installed"];
  readonly notices: SelectedRuntimes["notices"];
  /** The directory with the kernels' programs, as seen from inside the box. */
  readonly kernels: string;
  /** The directory for temporary files, as seen from inside the box. */
  readonly temporary: string;
  readonly ipython: boolean;
  /** What one process of the box may have. */
  readonly memoryBytes: number;
}

/** How each language runs in a box, or why it does not. */
export function configureLanguages({
  runtimes,
  notices,
  kernels,
  temporary,
  ipython,
  memoryBytes,
}: LanguageOptions): Record<string, LanguageConfiguration> {
  const kernel = (file: string) => path.posix.join(kernels, file);
  const configure = (name: RuntimeName, launch: (found: Runtime) => KernelLaunch): LanguageConfiguration => {
    const found = runtimes[name];
    if (found === null) return { unavailable: describeMissing(name) };
    return { ...launch(found), notice: notices[name] };
  };
  const javascript = (typescript: boolean) =>
    configure("node", ({ executable }) => ({
      command: [executable, kernel("javascript.mjs")],
      settings: { typescript },
    }));
  return {
    python: configure("python", ({ settings }) => {
      const environment = pythonEnvironment(temporary);
      return {
        command: [path.posix.join(environment, "bin/python"), kernel("python.py")],
        settings: { ...settings, ipython, environment },
      };
    }),
    javascript: javascript(false),
    typescript: javascript(true),
    bash: configure("bash", () => ({ command: ["bash", "--noprofile", "--norc", "--noediting", "-i"] })),
    java: configure("java", ({ executable }) => ({
      command: [executable, ...javaOptions(memoryBytes), kernel("JavaKernel.java")],
    })),
    go: configure("go", ({ executable, version }) => ({
      command: [executable],
      env: { ...GO_SETTINGS },
      settings: {
        cache: goCacheDirectory(version),
        standardLibrary: path.join(path.dirname(executable), "../src"),
      },
    })),
  };
}

function javaOptions(memoryBytes: number): string[] {
  return [
    // Else the heap grows into the limit, and the process dies where an OutOfMemoryError would have told.
    ...[`-XX:MaxRAM=${memoryBytes}`, "-XX:MaxRAMPercentage=50"],
    // The channel is a descriptor, which Java makes a stream of in no other way.
    ...["--add-opens", "java.base/java.io=ALL-UNNAMED"],
    // A context is small: the larger collectors' threads and memory would only cost.
    ...[
      "-XX:+UseSerialGC",
      "-XX:-UsePerfData",
      "-Xshare:auto",
      "-Dfile.encoding=UTF-8",
      "-Djava.awt.headless=true",
    ],
  ];
}

/** Variables of a box for its languages' tools, in kernels and commands alike. */
export function languageEnvironment({
  launch,
  runtimes,
  network,
}: Pick<BoxPlan, "runtimes" | "network"> & { readonly launch: BoxLaunch }): Record<string, string> {
  const temporary = launch.env["TMPDIR"] ?? "/tmp";
  const environment = pythonEnvironment(temporary);
  return {
    ...(runtimes.python !== null && {
      VIRTUAL_ENV: environment,
      PATH: `${environment}/bin:${launch.env["PATH"] ?? ""}`,
    }),
    ...(runtimes.go !== null && {
      // Not in the workspace, which is the user's to list and to keep.
      GOCACHE: path.posix.join(temporary, ".go/build"),
      GOPATH: path.posix.join(temporary, ".go/path"),
      GOENV: "off",
      GOTOOLCHAIN: "local",
      // At once instead of after a vain attempt.
      ...(network === "deny" && launch.isAlone && { GOPROXY: "off" }),
    }),
  };
}

/** Where what `pip` installs goes. */
function pythonEnvironment(temporary: string): string {
  return path.posix.join(temporary, ".python");
}
