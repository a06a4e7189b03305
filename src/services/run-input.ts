import { followAbort } from "../transport/abort.js";
import { keepFailure } from "../transport/platform.js";
import type { ByteSource, SegmentedBody } from "../transport/segmented-body.js";
import type { CommandInput } from "./command-input.js";
import type { SandboxLink } from "./link.js";

/** Loaded when it is used: most commands read nothing. */
const load = () => import("./command-input.js");

/** Opens the input of a command; see `openInput`. */
export async function openInput(link: SandboxLink, signal: AbortSignal | undefined) {
  return await (await load()).openInput(link, signal);
}

/** What a run in the foreground reads from its standard input. */
export class RunInput {
  readonly #data: ByteSource;
  readonly #stop = new AbortController();
  readonly #stopFollowingSignal: () => void;
  #body: SegmentedBody | undefined;
  #input: CommandInput | undefined;
  #isReleased = false;

  constructor(data: ByteSource, signal: AbortSignal | undefined) {
    keepFailure(data);
    this.#data = data;
    this.#stopFollowingSignal = followAbort(signal, (reason) => this.#stop.abort(reason));
  }

  /** Aborted with the caller's signal, and with the error of the data's source. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /**
   * Starts to write in the background. Returns what to put before the command.
   *
   * @throws {InvalidArgumentException} for data that cannot be sent, before anything is sent
   */
  async open(link: SandboxLink, signal: AbortSignal): Promise<string> {
    const { openInput, SegmentedBody } = await load();
    const body = (this.#body = new SegmentedBody([{ data: this.#data, name: "stdin" }], ""));
    if (this.#isReleased) body.release();
    const { input, prefix } = await openInput(link, signal);
    this.#input = input;
    if (this.#isReleased) void input.release();
    input.writeAll(body).catch((error: unknown) => this.#stop.abort(error));
    return prefix;
  }

  /** Called at the end of the run. */
  release(): void {
    this.#isReleased = true;
    this.#stopFollowingSignal();
    this.#body?.release();
    void this.#input?.release();
  }
}
