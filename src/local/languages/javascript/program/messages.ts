/** A message from the listening thread to the one that runs code. */
export type ListenerMessage =
  | { readonly type: "settings"; readonly marker: string; readonly typescript: boolean }
  | { readonly type: "code"; readonly code: string }
  /** Requests the end of the run with this number. */
  | { readonly type: "interrupt"; readonly run: number }
  /** Has no effect of its own; it makes the other thread execute code. */
  | { readonly type: "nudge" };

/** The memory that both threads share: an Int32Array with the number of the current run, or 0. */
export type RunCell = Int32Array<SharedArrayBuffer>;
