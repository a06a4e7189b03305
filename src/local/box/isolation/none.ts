import path from "node:path";
import { searchPath } from "../../languages/search.js";
import {
  launchOnHost,
  withLimits,
  withoutStrayDescriptors,
  type BoxLaunch,
  type BoxPlan,
  type Command,
  type Confined,
  type Isolation,
} from "./isolation.js";

/** No isolation: code runs as the user, with the user's files, network and processes. */
export class NoIsolation implements Isolation {
  readonly name = "none";
  readonly canMount = false;
  readonly hasNetworkRules = false;

  prepare(plan: BoxPlan): BoxLaunch {
    return {
      // No limit on processes, which would count all of the user's.
      ...withoutStrayDescriptors(withLimits(plan, [process.execPath, plan.assets.supervisor], false)),
      ...launchOnHost(plan, [path.dirname(process.execPath), ...searchPath()]),
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
