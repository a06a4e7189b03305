"""The kernel's channel: messages on descriptor 3 after markers on 1 and 2, and interrupts that never cut a message short."""

import contextlib
import json
import os
import select
import signal
import sys
import threading
import time

import python_attribution as attribution

CHANNEL = 3
# Small enough that holding a message costs little, large enough that its envelope does not matter.
CHUNK_CHARS = 32 * 1024
# How long printed text waits for more: long enough to batch a loop of prints, too short to be noticed.
BATCH_SECONDS = 0.01
# From this interrupt of a run on, code that catches every interrupt is ended by force.
PATIENCE = 4
# These events may lead to output from elsewhere, so printed text has to be sent before them.
SPAWN_EVENTS = frozenset(
    ("subprocess.Popen", "os.system", "os.posix_spawn", "os.spawn", "os.forkpty", "os.exec", "pty.spawn")
)


class Interrupts:
    """Turns SIGINT into KeyboardInterrupt only while user code runs."""

    def __init__(self):
        self.main = threading.get_ident()
        self.running = False
        self.shielded = 0
        self.pending = False
        self.ending = False
        self.count = 0

    @property
    def is_main(self):
        return threading.get_ident() == self.main

    def begin(self):
        # Called before every run, since user code may have installed its own handler.
        self.install()
        self.pending = self.ending = False
        self.count = 0
        self.running = True

    def end(self):
        self.running = False
        if self.count >= PATIENCE:
            sys.settrace(None)

    def install(self):
        signal.signal(signal.SIGINT, self._on_signal)

    def _on_signal(self, _signum, frame):
        if not self.running:
            return
        self.count += 1
        if self.count >= PATIENCE:
            self._insist(frame)
        elif self.ending:
            return
        if self.shielded:
            self.pending = True
            return
        raise KeyboardInterrupt

    def _insist(self, frame):
        """Interrupts code that catches every interrupt, at each of its next lines."""
        user = sys.modules["__main__"].__dict__
        frames = []
        while frame is not None:
            frames.append(frame)
            frame = frame.f_back
        while frames and frames[-1].f_globals is not user:
            frames.pop()
        sys.settrace(lambda *_arguments: None)
        for each in frames:
            each.f_trace = self._on_line

    def _on_line(self, _frame, event, _argument):
        # Python removes a trace function that has raised, so "exception" events must not raise.
        if event == "line" and self.running and not self.shielded:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def reporting(self):
        """Lets an interrupt end the description of a result, which may be endless, but not the run, which has ended."""
        self.ending = True
        try:
            yield
        finally:
            self.ending = False

    def __enter__(self):
        # Only the main thread is interrupted; other threads must not change its counter.
        if self.is_main:
            self.shielded += 1
        return self

    def __exit__(self, kind, _error, _traceback):
        if not self.is_main:
            return
        self.shielded -= 1
        if self.shielded == 0 and self.pending:
            self.pending = False
            if self.running and kind is None:
                raise KeyboardInterrupt


class Channel:
    """Sends messages to the supervisor, each after its markers."""

    def __init__(self, interrupts, loop):
        self.interrupts = interrupts
        self.loop = loop
        self.lock = threading.RLock()
        self.printed = []
        self.printed_chars = 0
        self.waiting = threading.Event()
        self.process = os.getpid()
        # The current run, or 0.
        self.run = 0
        self.noted = 0
        self.raw = ()
        self.marker = b""
        self.has_spawned = True
        self.requests = None
        self.allows_input = False
        self.asked = 0
        os.set_inheritable(CHANNEL, False)

    def start(self, marker, requests):
        self.marker = marker
        self.requests = requests
        os.register_at_fork(before=self._before_fork, after_in_parent=self.lock.release, after_in_child=self._after_fork)
        sys.addaudithook(self._on_audit)
        threading.Thread(target=self._batch, name="output", daemon=True).start()

    def read(self):
        """Reads the next request; ends the process with the supervisor."""
        line = self.requests.readline()
        if line == "":
            os._exit(0)
        return json.loads(line)

    @property
    def can_ask(self):
        """Whether somebody answers. Only the main thread may read from the channel, and only while its run goes on."""
        return self.allows_input and self.interrupts.is_main and not self.in_fork and self.run != 0

    def ask(self, prompt, is_password=False):
        """Asks the client for a line and returns it. Raises EOFError if there is none."""
        self.asked += 1
        self.send({"type": "input", "id": self.asked, "prompt": prompt, "isPassword": is_password})
        while True:
            answer = self.read()
            if answer.get("input") == self.asked:
                break
        if "text" not in answer:
            raise EOFError("EOF when reading a line")
        return answer["text"]

    def begin(self, run, stdout=None, stderr=None, allows_input=False):
        """Installs files as standard output and error for what the run starts. Without files, keeps the current ones."""
        if stdout is not None:
            for descriptor in self.raw:
                os.close(descriptor)
            # Unlike 1 and 2, these are not inherited by subprocesses.
            self.raw = (os.open(stdout, os.O_WRONLY), os.open(stderr, os.O_WRONLY))
        # User code may redirect 1 and 2; markers must still follow its earlier output.
        for descriptor, raw in zip((1, 2), self.raw):
            os.dup2(raw, descriptor)
        self.has_spawned = False
        self.allows_input = allows_input
        attribution.enter(run)
        self.run = run

    def finish(self):
        with self.interrupts, self.lock:
            # Nothing may be sent after this: the markers of the next batch belong to the next run's files.
            self.run = 0
            self._send([{"type": "done", "isReusable": not self.has_spawned and "multiprocessing" not in sys.modules}])

    @property
    def is_heard(self):
        """Whether the caller's output belongs to the current run.

        While that run awaits something, the tasks of earlier runs are part of it, as in a notebook.
        """
        if self.run == 0:
            return False
        return attribution.current() == self.run or (self.loop.is_running and self.interrupts.is_main)

    def note_late(self):
        """Reports that output of an earlier run is dropped. The supervisor tells the user once per run."""
        run = attribution.current()
        if run not in (0, self.noted):
            self.noted = run
            self.tell({"type": "late", "run": run})

    @property
    def in_fork(self):
        return os.getpid() != self.process

    def put(self, stream, text):
        with self.interrupts, self.lock:
            if not self.is_heard:
                self.note_late()
                return
            if len(text) <= CHUNK_CHARS:
                self._keep(stream, text)
            else:
                for start in range(0, len(text), CHUNK_CHARS):
                    self._keep(stream, text[start : start + CHUNK_CHARS])
        if not self.waiting.is_set():
            self.waiting.set()

    def _keep(self, stream, chunk):
        if self.printed and self.printed[-1][0] == stream:
            self.printed[-1][1].append(chunk)
        else:
            self.printed.append((stream, [chunk]))
        self.printed_chars += len(chunk)
        if self.printed_chars >= CHUNK_CHARS:
            self._send([])

    def flush(self):
        if self.in_fork:
            return
        with self.interrupts, self.lock:
            if self.printed and self.run:
                self._send([])

    def send(self, *messages):
        if self.in_fork:
            return
        with self.interrupts, self.lock:
            if self.is_heard:
                self._send(messages)

    def tell(self, message):
        """Sends a message that has no place in the order of output, without markers."""
        with self.interrupts, self.lock:
            _write_all(CHANNEL, _to_line(message))

    def _send(self, messages):
        printed, self.printed, self.printed_chars = self.printed, [], 0
        body = [{"type": stream, "text": "".join(chunks)} for stream, chunks in printed]
        body.extend(messages)
        for descriptor in self.raw:
            _write_all(descriptor, self.marker)
        _write_all(CHANNEL, _to_line(body))

    def _batch(self):
        while True:
            self.waiting.wait()
            time.sleep(BATCH_SECONDS)
            self.waiting.clear()
            self.flush()

    def _on_audit(self, event, _arguments):
        if event in SPAWN_EVENTS:
            self.has_spawned = True
            self.flush()

    def _before_fork(self):
        self.has_spawned = True
        self.flush()
        # Held during the fork, so that no other thread holds it in the child, where that thread does not exist.
        self.lock.acquire()

    def _after_fork(self):
        self.lock.release()
        self.printed, self.printed_chars = [], 0


def _write_all(descriptor, data):
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            # A child process may have made the shared pipe non-blocking, as Node does.
            select.select([], [descriptor], [])
        except OSError:
            # Without the supervisor or the channel, no output can reach anyone.
            os._exit(70)


def _to_line(message):
    # ASCII only: a lone surrogate cannot be encoded as UTF-8, but it can be escaped in JSON.
    try:
        line = json.dumps(message, allow_nan=False, default=repr)
    except (ValueError, TypeError, RecursionError):
        line = json.dumps(_plain(message), default=repr)
    return line.encode("ascii") + b"\n"


def _plain(value, depth=0):
    """Returns the closest value to `value` that JSON can express."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else repr(value)
    if depth < 100 and isinstance(value, dict):
        return {str(key): _plain(item, depth + 1) for key, item in value.items()}
    if depth < 100 and isinstance(value, (list, tuple)):
        return [_plain(item, depth + 1) for item in value]
    return repr(value)
