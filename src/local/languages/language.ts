import type { KernelLaunch } from "../supervisor/configuration.js";
import type { Finder, Runtime } from "./runtime.js";

/** Everything that the host knows about the languages of one program. How their kernels run is in `kernel.ts` beside it. */
export interface Language extends Finder {
  /** The languages that the program runs, as people write them. */
  readonly label: string;
  readonly program: string;
  /** The real image's variable by which a sandbox asks for a version, and what that is a version of. */
  readonly version?: { readonly variable: string; readonly of: string };
  /** What the local server needs, and the packages that provide it. */
  readonly requirement: {
    readonly what: string;
    readonly debian: string;
    readonly fedora: string;
    readonly macos: string;
  };
  /** How the kernel of each language starts, by the language's name on the wire. */
  readonly kernels: Readonly<Record<string, (found: Runtime, place: KernelPlace) => KernelLaunch>>;
  /** Variables for the language's tools, in kernels and commands alike. */
  environment?(place: ToolPlace): Record<string, string>;
  /**
   * Prepares in the background what all sandboxes share.
   *
   * @param temporary - where unfinished files go
   * @returns a function that stops the preparation
   */
  warm?(found: Runtime, temporary: string): () => void;
}

/** What the start of a kernel depends on. All paths are as seen from inside the box. */
export interface KernelPlace {
  /** The directory with the kernels' programs. */
  readonly kernels: string;
  readonly temporary: string;
  /** Whether Python uses IPython if it can be imported. */
  readonly ipython: boolean;
  /** The memory limit of one process. */
  readonly memoryBytes: number;
}

/** What the environment of tools depends on. All paths are as seen from inside the box. */
export interface ToolPlace {
  readonly temporary: string;
  /** The box's search path. */
  readonly path: string;
  readonly isOffline: boolean;
}
