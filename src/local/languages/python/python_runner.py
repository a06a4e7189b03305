"""Runs code, one run at a time: the common part of the two shells."""

import base64
import builtins
import io
import os
import sys
import threading

OWN_DIRECTORY = os.path.dirname(os.path.abspath(__file__)) + os.sep


class Runner:
    """Runs code and reports its outcome. Each shell implements `execute`."""

    def __init__(self, channel, interrupts):
        self.channel = channel
        self.interrupts = interrupts
        self.failed = False

    def run(self, code):
        self.failed = False
        try:
            try:
                self.interrupts.begin()
                # No interrupt is lost: the supervisor sends none before it has read this.
                self.channel.tell({"type": "started"})
                self.execute(code)
            finally:
                self.interrupts.end()
        except BaseException as error:  # Anything that a shell raises is the outcome of the run.
            self.report(type(error), error, None)
        _flush_c_output()
        if self.channel.in_fork:
            # User code forked, and this is the child at the end of the run. Only the parent continues.
            for stream in (sys.__stdout__, sys.__stderr__):
                stream.flush()
            os._exit(1 if self.failed else 0)
        self.channel.finish()

    def report(self, kind, error, lines):
        if self.failed:
            return
        self.failed = True
        try:
            value = str(error)
        except Exception:
            value = "<the exception's message cannot be shown>"
        self.channel.send(
            {
                "type": "error",
                "ename": kind.__name__,
                "evalue": value,
                "traceback": ["%s: %s" % (kind.__name__, value)] if lines is None else [str(line) for line in lines],
            }
        )

    def show(self, data, count=None):
        bundle = {}
        for mime, value in data.items():
            bundle[str(mime)] = base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value
        if bundle:
            self.channel.send({"type": "result", "count": count, "data": bundle})

    def execute(self, code):
        raise NotImplementedError


def _flush_c_output():
    try:
        import ctypes

        ctypes.CDLL(None).fflush(None)
    except Exception:
        pass  # Without ctypes, only what C code has not flushed itself comes late.


def forget_own_frames(error):
    """Removes the kernel's frames from the tracebacks of an error and of its causes."""
    known = set()
    while error is not None and id(error) not in known:
        known.add(id(error))
        error.__traceback__ = without_own_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def without_own_frames(traceback):
    first = last = None
    while traceback is not None:
        following = traceback.tb_next
        if not traceback.tb_frame.f_code.co_filename.startswith(OWN_DIRECTORY):
            if last is None:
                first = traceback
            else:
                last.tb_next = traceback
            last = traceback
        traceback = following
    if last is not None:
        last.tb_next = None
    return first


def hide_own_frames_of_threads():
    """Shows an uncaught exception of a thread without the kernel's frames."""
    hook = threading.excepthook

    def excepthook(arguments):
        kind, error, frames, thread = arguments
        forget_own_frames(error)
        hook(threading.ExceptHookArgs((kind, error, without_own_frames(frames), thread)))

    threading.excepthook = excepthook


class Input(io.TextIOBase):
    """sys.stdin, which asks the client. It refuses to read if nobody answers: an empty input would look like a real one."""

    encoding = "utf-8"
    errors = "strict"
    mode = "r"
    name = "<stdin>"

    def __init__(self, channel, error):
        super().__init__()
        self._channel = channel
        self._error = error
        self._rest = ""

    @property
    def buffer(self):
        return self

    def fileno(self):
        return 0

    def readable(self):
        return True

    def readline(self, size=-1):
        if self._rest == "":
            if not self._channel.can_ask:
                self._refuse()
            try:
                self._rest = self._channel.ask("") + "\n"
            except EOFError:
                return ""
        length = self._rest.find("\n") + 1 or len(self._rest)
        if size is not None and 0 <= size < length:
            length = size
        line, self._rest = self._rest[:length], self._rest[length:]
        return line

    def read(self, size=-1):
        parts = []
        while size is None or size != 0:
            part = self.readline(size)
            if part == "":
                break
            parts.append(part)
            if size is not None and size > 0:
                size -= len(part)
        return "".join(parts)

    def read1(self, *_arguments):
        self._refuse()

    readinto = read1

    def _refuse(self):
        raise self._error("Standard input is not available in this run. Pass the handler `onInput` to provide it.")


def install_input(channel, error):
    sys.stdin = sys.__stdin__ = Input(channel, error)

    def ask(prompt, is_password):
        if not channel.can_ask:
            raise error("raw_input was called, but this frontend does not support input requests.")
        return channel.ask(str(prompt), is_password)

    def ask_line(prompt="", /):
        return ask(prompt, False)

    def ask_password(prompt="Password: ", stream=None, **_options):
        return ask(prompt, True)

    builtins.input = ask_line
    import getpass

    getpass.getpass = ask_password
