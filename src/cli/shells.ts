/** Quotes a text as one word of a POSIX shell. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The shells that `completion` knows. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** A shell that `completion` knows. */
export type Shell = (typeof SHELLS)[number];
