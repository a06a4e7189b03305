"""sys.stdout and sys.stderr of user code, on top of the channel."""

import codecs
import io
import os


class OutputStream(io.TextIOBase):
    """sys.stdout or sys.stderr."""

    encoding = "utf-8"
    errors = "backslashreplace"
    newlines = None
    line_buffering = True
    write_through = False
    mode = "w"

    def __init__(self, channel, stream, descriptor):
        super().__init__()
        self._channel = channel
        self._stream = stream
        self._descriptor = descriptor
        self._buffer = None
        self._held = ""
        self._holder = 0
        self.name = "<%s>" % stream

    @property
    def buffer(self):
        if self._buffer is None:
            self._buffer = ByteOutput(self, self._descriptor)
        return self._buffer

    def fileno(self):
        return self._descriptor

    def isatty(self):
        return False

    def writable(self):
        return True

    def reconfigure(self, **_options):
        self.flush()

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError("write() argument must be str, not %s" % type(text).__name__)
        if self._channel.in_fork:
            self._write_in_fork(text)
        elif text:
            self._channel.put(self._stream, text)
        return len(text)

    def _write_in_fork(self, text):
        # Write whole lines, since several processes may print at once. A forked child does not print the parent's text.
        held = self._held if self._holder == os.getpid() else ""
        lines, newline, rest = (held + text).rpartition("\n")
        self._held, self._holder = rest, os.getpid()
        _write(self._descriptor, (lines + newline).encode("utf-8", self.errors))

    def writelines(self, lines):
        self.write("".join(lines))

    def flush(self):
        if self._channel.in_fork and self._holder == os.getpid():
            held, self._held = self._held, ""
            _write(self._descriptor, held.encode("utf-8", self.errors))
        self._channel.flush()

    def close(self):
        # Some programs close their output; the next run must still print.
        self.flush()


class ByteOutput(io.BufferedIOBase):
    """The `buffer` of an OutputStream: decodes bytes into the text in order, even if writes split characters."""

    def __init__(self, text, descriptor):
        super().__init__()
        self._text = text
        self._descriptor = descriptor
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.raw = self

    def fileno(self):
        return self._descriptor

    def writable(self):
        return True

    def write(self, data):
        data = bytes(data)
        if self._text._channel.in_fork:
            self._text.flush()
            _write(self._descriptor, data)
        else:
            self._text.write(self._decoder.decode(data))
        return len(data)

    def flush(self):
        self._text.flush()

    def close(self):
        self.flush()


def _write(descriptor, data):
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        pass
