import { examineMachine, type Examination } from "../../local/index.js";
import type { Io } from "../io.js";
import { escapeControls } from "../text.js";

/** Prints which languages the local server can run on this machine, and how to install the missing ones. */
export async function doctor(io: Io): Promise<number> {
  const examination = await examineMachine();
  const isHealthy = isComplete(examination);
  await io.result(
    { ...examination, isComplete: isHealthy },
    escapeControls(describeExamination(examination)),
  );
  return isHealthy ? 0 : 1;
}

/** Whether every language runs in isolation. */
export function isComplete({ languages, isolation }: Examination): boolean {
  return "name" in isolation && languages.every(({ found }) => found !== undefined);
}

/** Formats the findings for a terminal. */
export function describeExamination(examination: Examination): string {
  const { languages, isolation } = examination;
  const width = Math.max(...languages.map(({ label }) => label.length));
  const line = (isGood: boolean, label: string, text: string) =>
    `${isGood ? "ok     " : "MISSING"}  ${label.padEnd(width)}  ${text}`;
  const indented = (text: string) => `           ${text}`;
  const lines = languages.flatMap(({ label, program, found, install }) =>
    found !== undefined
      ? [line(true, label, `${program} ${found.version}, ${found.executable}`)]
      : [
          line(false, label, "not found; install it with"),
          ...install.map(({ system, command }) => indented(`${system}: ${command}`)),
        ],
  );
  const separation =
    "name" in isolation
      ? [line(true, "Isolation", isolation.name)]
      : [line(false, "Isolation", "none works here"), indented(isolation.problem)];
  const verdict = isComplete(examination)
    ? "This machine has everything that the local server needs."
    : "The local server works with what is there; what is missing fails with an error that says so.";
  const onlyWithout = "problem" in isolation ? " It starts with --isolation none only." : "";
  return [...lines, ...separation, "", verdict + onlyWithout].join("\n");
}
