import { assertInteger, assertSeconds, checkOptions } from "../arguments.js";
import { SandboxException, SandboxTimeoutException } from "../errors.js";
import type { Commands } from "./commands.js";
import { DEFAULT_WAIT_SECONDS, type WaitOptions } from "./wait-for-output.js";

/** Implements {@link Sandbox.waitForPort}. The check runs in the sandbox, so that it needs a single request. */
export async function waitForPort(
  commands: Commands,
  sandboxId: string,
  port: number,
  options: WaitOptions,
): Promise<void> {
  const { timeoutSeconds = DEFAULT_WAIT_SECONDS, signal } = checkOptions(options);
  assertInteger(port, "port", 1, 65_535);
  assertSeconds(timeoutSeconds, "timeoutSeconds");
  let exitCode: number | null | undefined;
  try {
    ({ exitCode } = await commands.run(listeningCheck(port), { timeoutSeconds, signal }));
  } catch (cause) {
    if (!(cause instanceof SandboxTimeoutException) || cause.code !== "RUN_TIMEOUT") throw cause;
    const message = `No program listened on port ${port} within ${timeoutSeconds} s.`;
    throw new SandboxTimeoutException({ code: "WAIT_TIMEOUT", message, sandboxId, cause });
  }
  if (exitCode === 0) return;
  const message = `The check of port ${port} ended with exit code ${String(exitCode)}.`;
  throw new SandboxException({ code: "COMMAND_ENDED", message, sandboxId });
}

/**
 * A script that ends when a program listens on a port: when the kernel's table has such a socket (state 0A). A system
 * without that table is asked by connecting.
 */
function listeningCheck(port: number): string {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return `until if [ -e /proc/net/tcp ]
then grep -qs ': [0-9A-F]*:${hex} 0*:0000 0A ' /proc/net/tcp /proc/net/tcp6
else (exec 3<>/dev/tcp/127.0.0.1/${port}) 2>/dev/null
fi
do sleep 0.1
done`;
}
