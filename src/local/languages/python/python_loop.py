"""One event loop for all runs of a context, as in a notebook: another run can await what one has started."""

import contextlib
import functools


class EventLoop:
    """The event loop. asyncio is loaded by `start`, since loading it takes as long as the rest of the kernel."""

    def __init__(self):
        self.loop = None
        self.is_cancelling = False

    @property
    def is_running(self):
        return self.loop is not None and self.loop.is_running()

    def start(self):
        """Creates the loop, or a new one if the code has closed it."""
        if self.loop is not None and not self.loop.is_closed():
            return
        import asyncio

        if self.loop is None:
            self._patch(asyncio)
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)

    @property
    def _is_idle(self):
        """Whether the loop has nothing to do. A loop of another class is never considered idle."""
        import asyncio

        loop = self.loop
        try:
            watched = len(loop._selector.get_map()) > 1  # beside the loop's own wake-up socket
            return not (watched or loop._ready or loop._scheduled or asyncio.all_tasks(loop))
        except Exception:
            return False

    @contextlib.contextmanager
    def entered(self):
        """Presents the loop as running to code that does not await, so that it can create tasks, which run later."""
        import asyncio

        asyncio._set_running_loop(self.loop)
        try:
            yield
        finally:
            asyncio._set_running_loop(None)

    def run(self, coroutine):
        """Runs the loop until the coroutine is done. An interrupt cancels it."""
        import asyncio

        task = self.loop.create_task(coroutine)
        try:
            return self.loop.run_until_complete(task)
        except BaseException:
            if not task.done():
                task.cancel()
                self.is_cancelling = True
                # Its `finally` blocks belong to this run; code that ignores the cancellation does not.
                with contextlib.suppress(BaseException):
                    self.loop.run_until_complete(asyncio.wait({task}, timeout=1))
                self.is_cancelling = False
            raise

    def wait_for(self, descriptor):
        """Runs tasks until there is something to read."""
        if self.loop is None or self.loop.is_closed() or self._is_idle:
            return
        self.loop.add_reader(descriptor, self.loop.stop)
        try:
            while True:
                try:
                    self.loop.run_forever()
                    return
                except BaseException:
                    # A task called exit, but its run has ended. Continue, since there is nothing to read yet.
                    if self.loop.is_closed():
                        return
        finally:
            if not self.loop.is_closed():
                self.loop.remove_reader(descriptor)

    def _patch(self, asyncio):
        """Lets code run other loops while this one only appears to run: most programs end in `asyncio.run(main())`."""
        runners = [(asyncio.BaseEventLoop, "run_until_complete"), (asyncio.BaseEventLoop, "run_forever")]
        runners.append((asyncio, "run"))
        if hasattr(asyncio, "Runner"):
            runners.append((asyncio.Runner, "run"))
        for owner, name in runners:
            setattr(owner, name, self._outside(asyncio, getattr(owner, name)))
        asyncio.runners.run = asyncio.run

    def _outside(self, asyncio, function):
        @functools.wraps(function)
        def run_outside(*arguments, **options):
            if asyncio._get_running_loop() is not self.loop or self.is_running:
                return function(*arguments, **options)
            asyncio._set_running_loop(None)
            try:
                return function(*arguments, **options)
            finally:
                asyncio.set_event_loop(self.loop)
                asyncio._set_running_loop(self.loop)

        return run_outside
