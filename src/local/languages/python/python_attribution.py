"""Which run started what goes on: output of an earlier run must not show up in a later one."""

import contextvars
import threading
from concurrent.futures.thread import ThreadPoolExecutor

# Tasks of asyncio take it along by themselves.
_run = contextvars.ContextVar("run", default=0)


def enter(run):
    """What is started from here on, in this thread, belongs to that run."""
    _run.set(run)


def current():
    return _run.get()


def install():
    start = threading.Thread.start
    submit = ThreadPoolExecutor.submit

    def start_in_run(self):
        run, body = _run.get(), self.run

        def run_in_run():
            _run.set(run)
            body()

        self.run = run_in_run
        start(self)

    def submit_in_run(self, function, /, *arguments, **options):
        # Its threads may be older than what they are given to do.
        return submit(self, contextvars.copy_context().run, function, *arguments, **options)

    threading.Thread.start = start_in_run
    ThreadPoolExecutor.submit = submit_in_run
