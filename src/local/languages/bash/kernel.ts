import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { KernelStarter } from "../../supervisor/code/kernel.js";
import { WorkerKernel, type WorkerRequest } from "../../supervisor/code/worker.js";

/**
 * The kernel's own descriptors, in place of 3, which belongs to the user's code. They are above those that scripts use
 * and low enough for a small `ulimit -n`.
 */
const [CHANNEL, STDOUT, STDERR] = [60, 61, 62];

const READY = `builtin printf '{"type":"ready"}\\n' >&${CHANNEL}`;

/**
 * Runs the code. Its file is called `bash` and is sourced by that name alone, so that the code finds itself where it
 * expects to be: `BASH_SOURCE[0]` equals `$0`, and its directory is the current one. Everything is on one line, as the
 * lines of the code count from the line of its `eval`.
 *
 * A DEBUG trap fires only in a sourced file if functrace (`set -T`) is on while the file is opened. The trap also fires
 * for these commands, and `set -x` prints them, but they run before the code's streams are in place.
 */
const RUNNER =
  [
    'builtin set "${__opensandbox[1]}"',
    'builtin shopt "${__opensandbox[2]}" sourcepath',
    'builtin cd -- "${__opensandbox[3]}"',
    'OLDPWD="${__opensandbox[4]}"',
    `builtin printf '{"type":"started"}\\n' >&${CHANNEL}`,
    `builtin eval "\${__opensandbox[0]}" >&${STDOUT} 2>&${STDERR} ${STDOUT}>&- ${STDERR}>&-`,
  ].join("; ") + "\n";

/** Defines what the kernel calls in the shell. An array is used because `set -a` cannot export it. */
function initialise(directory: string): string {
  const runner = quote(path.posix.join(directory, "bash"));
  return `exec ${CHANNEL}>&3 3>&- || exit
PS1=; PS2=; set +o history +H; unset HISTFILE; history -c 2>/dev/null
__opensandbox_begin() {
  exec ${STDOUT}>"$1" ${STDERR}>"$2"
  case $- in *T*) __opensandbox[1]=-T ;; *) __opensandbox[1]=+T ;; esac
  if builtin shopt -q sourcepath; then __opensandbox[2]=-s; else __opensandbox[2]=-u; fi
  __opensandbox[3]=$PWD; __opensandbox[4]=$OLDPWD; __opensandbox[5]=bash
  builtin set -T
  builtin shopt -u sourcepath
  # There is no way back into a directory that was removed.
  [[ $PWD -ef . && -x . ]] && builtin cd -- ${quote(directory)} || __opensandbox[3]=. __opensandbox[5]=${runner}
}
__opensandbox_done() {
  exec ${STDOUT}>&- ${STDERR}>&-
  if [ "$1" -eq 0 ]; then builtin printf '[{"type":"done"}]\\n' >&${CHANNEL}; else
    builtin printf '[{"type":"error","ename":"","evalue":"%d","traceback":[]},{"type":"done"}]\\n' "$1" >&${CHANNEL}; fi
}
command_not_found_handle() {
  builtin printf 'bash: line %s: %s: command not found\\n' "\${BASH_LINENO[0]}" "$1" >&2; return 127
}
${READY}
`;
}

/**
 * Starts one interactive bash per context, since only an interactive shell survives an interrupt. It reads requests from
 * standard input.
 */
export const startBash: KernelStarter = (launch, host) => {
  const directory = path.join(host.scratch, "kernel");
  mkdirSync(directory, { recursive: true });
  const file = path.join(directory, "bash");
  // Replaced at once: a run of another kernel may be about to read it.
  writeFileSync(`${file}.new`, RUNNER);
  renameSync(`${file}.new`, file);
  return WorkerKernel.start(
    {
      name: "Bash",
      launch,
      interruptBy: "message",
      hasPipesPerRun: true,
      writesMarkers: false,
      encode: (request) => encode(request, directory),
      readsStandardInput: true,
      forgetsInput: true,
      interrupted: { type: "error", ename: "KeyboardInterrupt", evalue: "", traceback: [] },
      describeEnd: (status) => ({ type: "error", ename: "", evalue: String(status), traceback: [ENDED] }),
    },
    host,
  );
};

const ENDED = "the shell has ended; the context's variables are lost";

function encode(request: WorkerRequest, directory: string): string {
  if ("marker" in request) return initialise(directory);
  // An interrupt may have cut off a line: these must not be appended to its rest.
  if ("interrupt" in request) return "\n__opensandbox_done $?\n";
  if ("sync" in request) return `\n${READY}\n`;
  if ("input" in request) return ""; // it never asks
  const { code, stdout = "/dev/null", stderr = "/dev/null" } = request;
  return `__opensandbox=(${quote(code)})
__opensandbox_begin ${quote(stdout)} ${quote(stderr)}
builtin . "\${__opensandbox[5]}" </dev/null
__opensandbox_done $?
`;
}

/** One word for the shell. It takes no NUL byte. */
function quote(text: string): string {
  return `'${text.replaceAll("\0", "").replaceAll("'", "'\\''")}'`;
}
