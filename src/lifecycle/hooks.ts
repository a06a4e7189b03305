import { assertInteger, assertList, assertProgram, assertText, checkOptions } from "../arguments.js";

/** Commands that a sandbox runs by itself. Needs a server of August 2026. */
export interface LifecycleHooks {
  /** Runs before the sandbox's entrypoint starts. */
  readonly preStart?:
    | {
        /** The program and its arguments. */
        readonly command: readonly string[];
        /** Ends the command after this many seconds, at most 10,800. @default 60 */
        readonly timeoutSeconds?: number | undefined;
      }
    | undefined;
  /** Run from time to time. */
  readonly periodic?:
    | readonly {
        readonly name: string;
        /** A cron expression of five fields, such as `"0 3 * * *"` for each day at three. */
        readonly schedule: string;
        /** The program and its arguments. */
        readonly command: readonly string[];
        /** Ends the command after this many seconds, at most 300. @default the server's limit */
        readonly timeoutSeconds?: number | undefined;
      }[]
    | undefined;
}

/** @throws {InvalidArgumentException} */
export function assertHooks(hooks: LifecycleHooks | undefined, name: string): void {
  if (hooks === undefined) return;
  const { preStart, periodic } = checkOptions(hooks, name);
  if (preStart !== undefined) {
    checkOptions(preStart, `${name}.preStart`);
    assertProgram(preStart.command, `${name}.preStart.command`);
    assertInteger(preStart.timeoutSeconds, `${name}.preStart.timeoutSeconds`, 1, 10_800);
  }
  if (periodic === undefined) return;
  assertList(periodic, `${name}.periodic`);
  for (const [index, hook] of periodic.entries()) {
    const at = `${name}.periodic[${index}]`;
    checkOptions(hook, at);
    assertText(hook.name, `${at}.name`);
    assertText(hook.schedule, `${at}.schedule`);
    assertProgram(hook.command, `${at}.command`);
    assertInteger(hook.timeoutSeconds, `${at}.timeoutSeconds`, 1, 300);
  }
}
