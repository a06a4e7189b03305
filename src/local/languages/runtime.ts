/** The languages whose programs are looked for on this machine. TypeScript runs in the Node of JavaScript. */
export const RUNTIME_NAMES = ["python", "node", "java", "go", "bash"] as const;
export type RuntimeName = (typeof RUNTIME_NAMES)[number];

/** An installation on this machine. */
export interface Runtime {
  readonly executable: string;
  readonly version: string;
  /** The directories and files that hold its programs and libraries, and what those refer to. */
  readonly prefixes: readonly string[];
  /** What else the start of its kernel needs to know. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A place where an installation may be; it may also be of another version than its name says, or broken. */
export interface Candidate {
  readonly executable: string;
  /** What its name promises; `undefined` where it promises nothing. */
  readonly version: string | undefined;
}

/** How to find one language's installations. */
export interface Finder {
  /** The one that the user means when saying nothing, then all others. */
  candidates(): Candidate[];
  /** Looks closer; `null` for what cannot run our kernel. */
  probe(executable: string): Promise<Runtime | null>;
}

/**
 * Whether a version is the one that is wanted, or one of those: `3.12.1` is `3.12`, and is `3`.
 *
 * A leading `v` or `go` counts for nothing, and Java's old way to say 8 is understood.
 */
export function isVersion(version: string, wanted: string): boolean {
  const [have, want] = [version, wanted].map(normalise);
  return have !== undefined && want !== undefined && (have === want || have.startsWith(`${want}.`));
}

function normalise(version: string): string {
  return version
    .trim()
    .replace(/^(?:v|go)(?=\d)/, "")
    .replace(/^1\.8(?=\.|$)/, "8");
}
