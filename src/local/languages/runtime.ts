/** An installation on this machine. */
export interface Runtime {
  readonly executable: string;
  readonly version: string;
  /** The directories and files that hold its programs and libraries, and what those refer to. */
  readonly prefixes: readonly string[];
  /** Further settings for its kernel. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A program that may be an installation. It may also be broken, or of another version than its name says. */
export interface Candidate {
  readonly executable: string;
  /** The version in its name; `undefined` if the name has none. */
  readonly version: string | undefined;
}

/** How to find one language's installations. */
export interface Finder {
  /** Lists the installations, the default one first. */
  candidates(): Candidate[];
  /** Examines a candidate. Resolves to `null`, or rejects, if it cannot run the kernel. */
  probe(executable: string): Promise<Runtime | null>;
}

/**
 * Returns whether a version is the wanted one or belongs to the wanted series: `3.12.1` matches `3.12` and `3`.
 *
 * A leading `v` or `go` is ignored, and Java's old `1.8` means 8.
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
