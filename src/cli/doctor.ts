import { isSandboxException } from "../errors.js";
import { resolveIsolation } from "../local/box/isolation/resolve.js";
import { installCommands } from "../local/languages/installing.js";
import { RUNTIME_NAMES, type RuntimeName } from "../local/languages/runtime.js";
import { Runtimes, type InstalledRuntimes } from "../local/languages/runtimes.js";

/** What the doctor looked at. */
export interface Findings {
  readonly installed: InstalledRuntimes;
  /** How sandboxes are separated, or why they are not. */
  readonly isolation: { readonly name: string } | { readonly problem: string };
}

const LABELS: Readonly<Record<RuntimeName, string>> = {
  python: "Python",
  node: "JavaScript, TypeScript",
  java: "Java",
  go: "Go",
  bash: "Bash",
};
const PROGRAMS: Readonly<Record<RuntimeName, string>> = {
  python: "Python",
  node: "Node",
  java: "JDK",
  go: "Go",
  bash: "Bash",
};

/** `npx opensandbox-code-interpreter doctor`: prints what {@link describeFindings} says and resolves to the exit status. */
export async function doctor(print: (text: string) => void): Promise<number> {
  const findings = await examine();
  print(describeFindings(findings));
  return isHealthy(findings) ? 0 : 1;
}

/** Looks for what the local server needs on this machine. */
export async function examine(runtimes: Runtimes = new Runtimes()): Promise<Findings> {
  const [{ installed }, isolation] = await Promise.all([runtimes.select({}), examineIsolation()]);
  return { installed, isolation };
}

async function examineIsolation(): Promise<Findings["isolation"]> {
  try {
    return { name: (await resolveIsolation("auto")).name };
  } catch (error) {
    if (!isSandboxException(error)) throw error;
    return { problem: error.message };
  }
}

/** Whether every language runs, isolated. */
export function isHealthy({ installed, isolation }: Findings): boolean {
  return "name" in isolation && RUNTIME_NAMES.every((name) => installed[name] !== null);
}

/** What was found, its version, what is missing and what installs it, as text for a terminal. */
export function describeFindings(findings: Findings): string {
  const { installed, isolation } = findings;
  const width = Math.max(...Object.values(LABELS).map((label) => label.length));
  const line = (isGood: boolean, label: string, text: string) =>
    `${isGood ? "ok     " : "MISSING"}  ${label.padEnd(width)}  ${text}`;
  const languages = RUNTIME_NAMES.flatMap((name) => {
    const found = installed[name];
    if (found !== null) {
      return [line(true, LABELS[name], `${PROGRAMS[name]} ${found.version}, ${found.executable}`)];
    }
    const commands = installCommands(name).map(({ system, command }) => `           ${system}: ${command}`);
    return [line(false, LABELS[name], "not found; install it with"), ...commands];
  });
  const separation =
    "name" in isolation
      ? [line(true, "Isolation", isolation.name)]
      : [line(false, "Isolation", "none works here"), `           ${isolation.problem}`];
  const verdict = isHealthy(findings)
    ? "Everything that the local server needs is there."
    : "The local server works with what is there; what is missing fails with an error that says so.";
  const startsOnlyWithout = "problem" in isolation ? " It starts with --isolation none only." : "";
  return [...languages, ...separation, "", verdict + startsOnlyWithout].join("\n");
}
