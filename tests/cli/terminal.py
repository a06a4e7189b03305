"""Drives a program on a pseudo-terminal.

Reads from stdin: {"command": [...], "env": {...}, "cwd": "...", "columns": 80, "steps": [{"expect": "...", "send": "..."}]}.
Each step waits until the output that followed the last step contains a text, and then types another one. Writes to
stdout: {"transcript": "...", "exitCode": 0, "missing": "the text that did not come", or null}.
"""
import fcntl, json, os, pty, select, signal, struct, sys, termios, time

task = json.load(sys.stdin)
pid, terminal = pty.fork()
if pid == 0:
    os.chdir(task["cwd"])
    os.execve(task["command"][0], task["command"], task["env"])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, task["columns"], 0, 0))

transcript, seen, missing = b"", 0, None
deadline = time.monotonic() + 50


def read_more():
    """Reads what is there; false at the end of the program and of the time."""
    global transcript
    ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
    if not ready:
        return False
    try:
        chunk = os.read(terminal, 65536)
    except OSError:
        return False
    transcript += chunk
    return chunk != b""


for step in task["steps"]:
    expected = step["expect"].encode()
    while (at := transcript.find(expected, seen)) < 0:
        if not read_more():
            missing = step["expect"]
            break
    if missing is not None:
        break
    seen = at + len(expected)
    os.write(terminal, step["send"].encode())
while missing is None and read_more():
    pass
ended, status = os.waitpid(pid, os.WNOHANG)
if ended == 0 and (missing is not None or time.monotonic() >= deadline):
    os.kill(pid, signal.SIGKILL)
if ended == 0:
    _, status = os.waitpid(pid, 0)
text = transcript.decode("utf-8", "replace")
json.dump({"transcript": text, "exitCode": os.waitstatus_to_exitcode(status), "missing": missing}, sys.stdout)
