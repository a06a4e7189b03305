import { mkdirSync } from "node:fs";
import path from "node:path";
import {
  baseEnvironment,
  withoutStrayDescriptors,
  makeDataDirectories,
  withLimits,
  type BoxLaunch,
  type BoxPlan,
  type Command,
  type Confined,
  type Isolation,
} from "./isolation.js";

/** No isolation: code runs as the user, with the user's files, network and processes. */
export class NoIsolation implements Isolation {
  readonly name = "none";

  prepare(plan: BoxPlan): BoxLaunch {
    const { directory, assets } = plan;
    const { workspace, temporary } = makeDataDirectories(directory);
    const scratch = path.join(directory, "pipes");
    mkdirSync(scratch, { mode: 0o700 });
    // Relative entries would refer to other directories in the workspace.
    const ofUser = (process.env["PATH"] ?? "")
      .split(path.delimiter)
      .filter((entry) => path.isAbsolute(entry));
    return {
      // No process limit: it would count all processes of the user.
      ...withoutStrayDescriptors(withLimits(plan, [process.execPath, assets.supervisor], false)),
      env: { ...baseEnvironment(workspace, [path.dirname(process.execPath), ...ofUser]), TMPDIR: temporary },
      cwd: workspace,
      workspace,
      scratch,
      kernels: assets.kernels,
      // Only the supervisor itself can end the processes that it started.
      endSignal: "SIGTERM",
      isAlone: false,
      directories: [workspace, temporary],
      supervisorDepth: 0,
    };
  }

  confine<Directories extends Confined>(
    directories: Directories,
    program: (inside: Directories) => readonly string[],
  ): Command {
    // Without isolation, links can lead to nothing that code in the box could not already reach.
    const [command = "", ...args] = program(directories);
    return [command, ...args];
  }
}
