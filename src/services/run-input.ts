import { type ByteSource, SegmentedBody } from "../transport/segmented-body.js";
import { openInput, type CommandInput } from "./command-input.js";
import type { SandboxLink } from "./link.js";

export { openInput };

/** What a run in the foreground reads from its standard input. */
export class RunInput {
  readonly #body: SegmentedBody;
  #input: CommandInput | undefined;
  #isReleased = false;

  /** @throws {InvalidArgumentException} for data that cannot be sent */
  constructor(data: ByteSource) {
    this.#body = new SegmentedBody([{ data, name: "stdin" }], "");
  }

  /**
   * Starts to write in the background. Returns what to put before the command.
   *
   * @param stop ends the run with the error of the data's source
   */
  async open(link: SandboxLink, signal: AbortSignal, stop: (error: unknown) => void): Promise<string> {
    const { input, prefix } = await openInput(link, signal);
    this.#input = input;
    if (this.#isReleased) void input.release();
    input.writeAll(this.#body).catch((error: unknown) => {
      if (!this.#isReleased) stop(error);
    });
    return prefix;
  }

  /** Called at the end of the run. */
  release(): void {
    this.#isReleased = true;
    this.#body.release();
    void this.#input?.release();
  }
}
