"""The Python kernel: runs code that comes as JSON lines on descriptor 3 and answers there, with state that persists.

What user code prints through ``sys.stdout`` and ``sys.stderr`` goes over the channel, in order with results and errors.
What bypasses them (subprocesses, C libraries) goes through the real descriptors 1 and 2, pipes of each run which the
supervisor reads itself: that way it survives the death of this process and the end of the run. So that both kinds still arrive in the order
of their making, every message is preceded by a secret marker on both descriptors, and the supervisor puts them together.

IPython is used where it can be imported; otherwise the standard library alone has to do.
"""

import json
import os
import sys

# Its neighbours are read-only in a box, and outside of one no place for what Python leaves behind.
sys.dont_write_bytecode = True

import python_attribution
import python_runner
from python_channel import CHANNEL, Channel, Interrupts
from python_output import OutputStream


def start_runner(channel, interrupts, with_ipython):
    if with_ipython:
        try:
            import python_ipython

            return python_ipython.start(channel, interrupts)
        except ImportError:
            pass  # the usual case where it is not installed
        except Exception as error:
            channel.tell({"type": "note", "text": "IPython does not start: %r" % error})
    import python_plain

    return python_plain.start(channel, interrupts)


def main():
    interrupts = Interrupts()
    interrupts.install()
    channel = Channel(interrupts)
    requests = os.fdopen(os.dup(CHANNEL), "r", encoding="utf-8", newline="\n")
    settings = json.loads(requests.readline())
    channel.start(bytes.fromhex(settings["marker"]))
    sys.stdout = sys.__stdout__ = OutputStream(channel, "stdout", 1)
    sys.stderr = sys.__stderr__ = OutputStream(channel, "stderr", 2)
    python_attribution.install()
    python_runner.hide_own_frames_of_threads()
    runner = start_runner(channel, interrupts, settings["ipython"])
    # The current directory is where users put their modules; this file's directory is none of their business.
    sys.path[0] = ""
    sys.argv = [""]
    sys.dont_write_bytecode = False
    channel.tell({"type": "ready"})
    for run, line in enumerate(requests, 1):
        request = json.loads(line)
        channel.begin(run, request["stdout"], request["stderr"])
        runner.run(request["code"])
    os._exit(0)


main()
