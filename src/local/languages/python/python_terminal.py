"""Runs a program in a pseudo-terminal, for the terminals of a sandbox.

    python_terminal.py ROWS COLUMNS PROGRAM [ARGUMENT...]

Descriptor 0 is the program's input, 1 its output, and 3 the control channel, a socket. Lines that are read from it are
"ROWS COLUMNS" and set the size. Lines that are written to it are "pid NUMBER" at the start and "exit CODE" at the end;
as Go does, -1 stands for a program that a signal killed. The end of the control channel ends the terminal.
"""

import errno
import fcntl
import os
import select
import signal
import struct
import sys
import termios

CONTROL = 3
CHUNK = 32 * 1024
# What is read ahead in each direction, in bytes. Beyond it, the side that writes has to wait.
MOST_PENDING = 256 * 1024


def set_size(descriptor, rows, columns):
    size = struct.pack("HHHH", min(rows, 65535), min(columns, 65535), 0, 0)
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, size)


def start(rows, columns, command):
    """Starts the program on a new terminal, which has its size before the program can ask for it."""
    terminal, program_side = os.openpty()
    set_size(terminal, rows, columns)
    pid = os.fork()
    if pid != 0:
        os.close(program_side)
        return pid, terminal
    try:
        os.setsid()
        fcntl.ioctl(program_side, termios.TIOCSCTTY, 0)
        for descriptor in (0, 1, 2):
            os.dup2(program_side, descriptor)
        for descriptor in (CONTROL, terminal, program_side):
            os.close(descriptor)
        # Python ignores these two, and a program would inherit that.
        for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(ignored, signal.SIG_DFL)
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    os._exit(127)


class Relay:
    """Moves bytes between the channels and the terminal without ever waiting for one of them alone."""

    def __init__(self, pid, terminal):
        self.pid = pid
        self.terminal = terminal
        self.input = b""
        self.output = b""
        self.lines = b""
        self.reads_input = True
        self.status = None
        self.woken, waking = os.pipe()
        for descriptor in (self.woken, waking, terminal, 0, 1):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(waking)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def run(self):
        """Returns when the program has ended and its output is written, or when the control channel has ended."""
        while True:
            self.check_program()
            if self.status is not None:
                self.finish()
                return
            reads = [CONTROL, self.woken]
            if len(self.output) < MOST_PENDING and self.terminal is not None:
                reads.append(self.terminal)
            if len(self.input) < MOST_PENDING and self.reads_input:
                reads.append(0)
            writes = [1] if self.output else []
            if self.input and self.terminal is not None:
                writes.append(self.terminal)
            readable, writable, _ = select.select(reads, writes, [])
            if self.woken in readable:
                read(self.woken)
            if CONTROL in readable and not self.control():
                return
            if 0 in readable:
                chunk = read(0)
                self.reads_input = chunk != b""
                self.input += chunk or b""
            if self.terminal in readable:
                self.read_terminal()
            if 1 in writable:
                self.output = self.output[write(1, self.output) :]
            if self.terminal in writable:
                self.input = self.input[write(self.terminal, self.input) :]

    def check_program(self):
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid != 0:
            self.status = status

    def read_terminal(self):
        """Returns whether there was something."""
        chunk = read(self.terminal)
        if chunk:
            self.output += chunk
        # Linux reports an error when the last process has closed its side; others report an end.
        if chunk == b"":
            self.terminal = None
        return bool(chunk)

    def control(self):
        received = os.read(CONTROL, 1024)
        *lines, self.lines = (self.lines + received).split(b"\n")
        for line in lines:
            rows, columns = line.split()
            if self.terminal is not None:
                set_size(self.terminal, int(rows), int(columns))
        return received != b""

    def finish(self):
        """Writes what the program has left, but does not wait for those that it has left behind."""
        os.set_blocking(1, True)
        while self.output or (self.terminal is not None and self.read_terminal()):
            self.output = self.output[write(1, self.output) :]
        code = os.WEXITSTATUS(self.status) if os.WIFEXITED(self.status) else -1
        os.write(CONTROL, f"exit {code}\n".encode())


def read(descriptor):
    """Returns the bytes that are there; none at the end, and `None` if there is nothing yet."""
    try:
        return os.read(descriptor, CHUNK)
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno == errno.EIO:
            return b""
        raise


def write(descriptor, data):
    """Returns how many bytes were written."""
    try:
        return os.write(descriptor, data[:CHUNK])
    except BlockingIOError:
        return 0
    except OSError as error:
        # The other side is gone. What was meant for it is dropped.
        if error.errno in (errno.EIO, errno.EPIPE):
            return len(data)
        raise


def main():
    rows, columns, *command = sys.argv[1:]
    pid, terminal = start(int(rows), int(columns), command)
    os.write(CONTROL, f"pid {pid}\n".encode())
    Relay(pid, terminal).run()


main()
