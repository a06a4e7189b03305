/** From the thread that listens to the one that runs code. */
export type ListenerMessage =
  | { readonly type: "settings"; readonly marker: string; readonly typescript: boolean }
  | { readonly type: "code"; readonly code: string }
  /** The run of this number is to end. */
  | { readonly type: "interrupt"; readonly run: number }
  /** Nothing: it makes the other thread run something. */
  | { readonly type: "nudge" };

/** What both threads see: an Int32Array of one number, that of the run which goes on, or 0. */
export type RunCell = Int32Array<SharedArrayBuffer>;
