"""One run at a time: what the kernel's two kinds of shell have in common."""

import base64
import builtins
import os


class Runner:
    """Runs code and reports what comes of it; `execute` is the shell's."""

    def __init__(self, channel, interrupts):
        self.channel = channel
        self.interrupts = interrupts
        self.failed = False

    def run(self, code):
        self.failed = False
        self.interrupts.install()
        self.interrupts.pending = False
        try:
            try:
                self.interrupts.running = True
                # From here on an interrupt is never lost: the supervisor sends none before it has read this.
                self.channel.tell({"type": "started"})
                self.execute(code)
            finally:
                self.interrupts.running = False
        except BaseException as error:  # whatever a shell lets through still is the outcome of this run
            self.report(type(error), error, None)
        _flush_c_output()
        if self.channel.in_fork:
            # User code forked, and this is the child at the end of the run: the next one is its parent's.
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
        pass  # a Python without ctypes; only what C code itself did not flush is late


def refuse_input(error):
    def refuse(_prompt="", *_arguments, **_options):
        raise error("raw_input was called, but this frontend does not support input requests.")

    builtins.input = refuse
    import getpass

    getpass.getpass = refuse
