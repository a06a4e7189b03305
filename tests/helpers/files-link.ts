import type { ConnectionOptions } from "../../src/connection.js";
import { Files } from "../../src/services/files.js";
import { linkTo } from "./run-harness.js";

/** The files of a sandbox whose execd is at an address. */
export function filesAt(origin: string, options: ConnectionOptions = {}): Files {
  return new Files(linkTo(origin, options));
}
