import type { ConnectionOptions } from "../../src/connection.js";
import { Files } from "../../src/services/files.js";
import { linkTo } from "./run-harness.js";

/** Returns the `Files` of a sandbox whose execd has this origin. */
export function filesAt(origin: string, options: ConnectionOptions = {}): Files {
  return new Files(linkTo(origin, options));
}
