import { randomBytes } from "node:crypto";
import type { KernelStarter } from "../../supervisor/code/kernel.js";
import { WorkerKernel, type WorkerRequest } from "../../supervisor/code/worker.js";

// The channel's descriptor for what the supervisor sends itself: 3 belongs to the user's code.
const CHANNEL = 250;

const READY = `builtin printf '{"type":"ready"}\\n' >&${CHANNEL}`;

const INITIALISE = `exec ${CHANNEL}>&3 3>&-; PS1=; PS2=; set +o history +H; unset HISTFILE; history -c 2>/dev/null
__opensandbox_done() {
  if [ "$1" -eq 0 ]; then builtin printf '[{"type":"done"}]\\n' >&${CHANNEL}; else
    builtin printf '[{"type":"error","ename":"","evalue":"%d","traceback":[]},{"type":"done"}]\\n' "$1" >&${CHANNEL}; fi
}
command_not_found_handle() {
  builtin printf 'bash: line %s: %s: command not found\\n' "\${BASH_LINENO[0]}" "$1" >&2; return 127
}
${READY}
`;

/**
 * One interactive bash for each context, since only an interactive one survives an interrupt. It reads what to do from
 * standard input, and the code as a file, so that lines are counted from its beginning and it cannot eat what follows.
 */
export const startBash: KernelStarter = (launch, host) =>
  WorkerKernel.start(
    {
      name: "Bash",
      launch,
      interruptBy: "message",
      hasPipesPerRun: true,
      writesMarkers: false,
      encode,
      readsStandardInput: true,
      forgetsInput: true,
      interrupted: { type: "error", ename: "KeyboardInterrupt", evalue: "", traceback: [] },
      describeEnd: (status) => ({ type: "error", ename: "", evalue: String(status), traceback: [ENDED] }),
    },
    host,
  );

const ENDED = "the shell has ended; the context's variables are lost";

function encode(request: WorkerRequest): string {
  if ("marker" in request) return INITIALISE;
  // What has been cut off of a line before must not be put in front of these.
  if ("interrupt" in request) return "\n__opensandbox_done $?\n";
  if ("sync" in request) return `\n${READY}\n`;
  const end = `END-${randomBytes(16).toString("hex")}`;
  const started = `builtin printf '{"type":"started"}\\n' >&${CHANNEL};`;
  const { code, stdout = "/dev/null", stderr = "/dev/null" } = request;
  // Not a part of the code, of which nothing is run when its first line has a syntax error.
  return `{ ${started} . /dev/stdin <<'${end}'\n${code}\n${end}\n} >'${stdout}' 2>'${stderr}'\n__opensandbox_done $?\n`;
}
