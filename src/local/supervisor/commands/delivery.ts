/** Delivers the output of a process and its end to the client that waits for them. */
import { describeEnding, type Ending } from "./child.js";
import type { EventStream } from "../http/event-stream.js";
import { LineSplitter, longestLine, type LineRules } from "./line-splitter.js";
import type { OutputPipe } from "../pipes.js";

/** How output is delivered. */
export interface DeliveryOptions {
  readonly rules: LineRules;
  /** The memory of the box, which limits how long a line can be. */
  readonly memoryBytes: number | undefined;
}

/**
 * Sends what a process writes, line by line. A client that falls behind slows the process down.
 *
 * @returns a function that sends what is left. Call it when the process has ended: those that it left running must never
 * wait for this client.
 */
export function deliverOutput(
  outputs: { readonly stdout: OutputPipe; readonly stderr?: OutputPipe },
  events: EventStream,
  { rules, memoryBytes }: DeliveryOptions,
): () => void {
  const pipes = Object.values(outputs);
  const longest = longestLine(memoryBytes);
  const splitters = (["stdout", "stderr"] as const).map((type) => {
    const splitter = new LineSplitter((text) => events.send({ type, text }), longest, rules);
    outputs[type]?.listen((chunk) => splitter.push(chunk));
    return splitter;
  });
  events.onFlow = (flowing) => {
    for (const pipe of pipes) pipe.setFlowing(flowing);
  };
  return () => {
    events.onFlow = () => undefined;
    for (const pipe of pipes) pipe.finish();
    for (const splitter of splitters) splitter.finish();
  };
}

/** Sends the last event of a process: an error if it failed. */
export function deliverEnding(ending: Ending, events: EventStream): void {
  const { exitCode, error } = describeEnding(ending);
  if (error === "") {
    events.send({ type: "execution_complete", execution_time: events.elapsedMs });
  } else {
    const evalue = "failure" in ending ? error : String(exitCode);
    events.send({ type: "error", error: { ename: "CommandExecError", evalue, traceback: [error] } });
  }
  events.end();
}
