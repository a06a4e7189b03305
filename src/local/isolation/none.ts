import { mkdirSync } from "node:fs";
import path from "node:path";
import {
  baseEnvironment,
  withoutStrayDescriptors,
  type BoxLaunch,
  type BoxPlan,
  type Isolation,
} from "./isolation.js";

/** No isolation: code runs as the user, with the user's files, network and processes. */
export class NoIsolation implements Isolation {
  readonly name = "none";

  prepare({ directory, assets }: BoxPlan): BoxLaunch {
    const workspace = path.join(directory, "workspace");
    const scratch = path.join(directory, "pipes");
    const temporary = path.join(directory, "tmp");
    for (const created of [workspace, scratch, temporary]) mkdirSync(created, { mode: 0o700 });
    // Relative entries would mean something else in the workspace.
    const ofUser = (process.env["PATH"] ?? "")
      .split(path.delimiter)
      .filter((entry) => path.isAbsolute(entry));
    return {
      ...withoutStrayDescriptors([process.execPath, assets.supervisor]),
      env: { ...baseEnvironment(workspace, [path.dirname(process.execPath), ...ofUser]), TMPDIR: temporary },
      cwd: workspace,
      workspace,
      scratch,
      kernels: assets.kernels,
      // Nothing but the supervisor itself can end what it started.
      endSignal: "SIGTERM",
    };
  }
}
