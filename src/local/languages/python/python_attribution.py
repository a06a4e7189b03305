"""Tracks which run started a thread or task, so that output of an earlier run does not appear in a later one."""

import contextvars
import threading
from concurrent.futures.thread import ThreadPoolExecutor

# asyncio tasks inherit context variables by themselves.
_run = contextvars.ContextVar("run", default=0)


def enter(run):
    """Attributes what this thread starts from now on to a run."""
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
        # The pool's threads may be older than the work they receive.
        return submit(self, contextvars.copy_context().run, function, *arguments, **options)

    threading.Thread.start = start_in_run
    ThreadPoolExecutor.submit = submit_in_run
