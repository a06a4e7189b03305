import { RUNTIME_NAMES, type RuntimeName } from "./runtime.js";

/** What the local server needs of a language, and the packages that bring it. */
interface Requirement {
  readonly what: string;
  readonly debian: string;
  readonly fedora: string;
  readonly macos: string;
}

const REQUIREMENTS: Readonly<Record<RuntimeName, Requirement>> = {
  python: { what: "Python 3.8 or newer", debian: "python3", fedora: "python3", macos: "python" },
  node: { what: "Node 20 or newer", debian: "nodejs", fedora: "nodejs", macos: "node" },
  java: {
    what: "JDK of version 11 or newer, with JShell",
    debian: "default-jdk-headless",
    fedora: "java-latest-openjdk-devel",
    macos: "openjdk",
  },
  go: { what: "Go", debian: "golang-go", fedora: "golang", macos: "go" },
  bash: { what: "Bash", debian: "bash", fedora: "bash", macos: "bash" },
};

/** The command that installs a language, by system. */
export function installCommands(name: RuntimeName): readonly { system: string; command: string }[] {
  const { debian, fedora, macos } = REQUIREMENTS[name];
  return [
    { system: "Debian, Ubuntu", command: `sudo apt-get install ${debian}` },
    { system: "Fedora", command: `sudo dnf install ${fedora}` },
    { system: "macOS", command: `brew install ${macos}` },
  ];
}

/** That nothing was found, and how to change that: a clause that follows "… is not available: ". */
export function describeMissing(name: RuntimeName): string {
  const commands = installCommands(name).map(({ system, command }) => `${system}: ${command}`);
  return `no ${REQUIREMENTS[name].what} was found on this machine; install it (${commands.join("; ")}) and start the local server again`;
}

/** Whether a name is one of the languages that are looked for. */
export function isRuntimeName(name: string): name is RuntimeName {
  return RUNTIME_NAMES.some((known) => known === name);
}
