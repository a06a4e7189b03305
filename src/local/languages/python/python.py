"""The Python kernel: receives code as JSON lines on descriptor 3, responds there, and keeps its state.

What user code prints through ``sys.stdout`` and ``sys.stderr`` goes over the channel, in order with results and errors.
What bypasses them (subprocesses, C libraries) goes through the real descriptors 1 and 2. Each run has its own pipes for
these, which the supervisor reads, so their content outlives this process. To keep both kinds in order, every message
is preceded by a secret marker on both descriptors; the supervisor merges them.

IPython is used if it can be imported, otherwise the standard library alone.
"""

import itertools
import json
import os
import sys

# This file's directory is read-only in a box, and belongs to the package outside of one.
sys.dont_write_bytecode = True

import python_attribution
import python_runner
from python_channel import CHANNEL, Channel, Interrupts
from python_loop import EventLoop
from python_output import OutputStream
from python_packages import Packages


def start_runner(channel, interrupts, loop, with_ipython):
    if with_ipython:
        try:
            import python_ipython

            return python_ipython.start(channel, interrupts, loop)
        except ImportError:
            pass  # IPython is not installed.
        except Exception as error:
            channel.tell({"type": "note", "text": "IPython does not start: %r" % error})
    import python_plain

    return python_plain.start(channel, interrupts, loop)


def main():
    interrupts = Interrupts()
    interrupts.install()
    loop = EventLoop()
    channel = Channel(interrupts, loop)
    requests = os.fdopen(os.dup(CHANNEL), "r", encoding="utf-8", newline="\n")
    settings = json.loads(requests.readline())
    channel.start(bytes.fromhex(settings["marker"]), requests)
    sys.stdout = sys.__stdout__ = OutputStream(channel, "stdout", 1)
    sys.stderr = sys.__stderr__ = OutputStream(channel, "stderr", 2)
    python_attribution.install()
    python_runner.hide_own_frames_of_threads()
    runner = start_runner(channel, interrupts, loop, settings["ipython"])
    # Users import modules from the current directory, not from this file's directory.
    sys.path[0] = ""
    sys.argv = [""]
    sys.dont_write_bytecode = False
    packages = Packages()
    channel.tell({"type": "ready"})
    for run in itertools.count(1):
        loop.wait_for(CHANNEL)
        request = channel.read()
        while "input" in request:  # The run that asked for it was interrupted.
            request = channel.read()
        packages.refresh()
        channel.begin(run, request.get("stdout"), request.get("stderr"), request["allowsInput"])
        runner.run(request["code"])


main()
