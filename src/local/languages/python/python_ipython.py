"""The shell with IPython: the same engine, tracebacks, magics and rich output as the real kernel."""

import importlib
import os
import subprocess
import sys
import tempfile
import types
import warnings

import python_charts
from python_runner import Runner, forget_own_frames, install_input, without_own_frames


def start(channel, interrupts, loop):
    _start_plots()
    os.environ.setdefault("IPYTHONDIR", os.path.join(tempfile.gettempdir(), ".ipython"))
    _import_without_terminal()
    from IPython.core.autocall import ExitAutocall
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.error import StdinNotImplementedError
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets import default
    from traitlets.config import Config

    class Hook(DisplayHook):
        def start_displayhook(self):
            self._bundle = {}

        def write_output_prompt(self):
            pass

        def write_format_data(self, format_dict, md_dict=None):
            self._bundle = format_dict

        def finish_displayhook(self):
            runner.show(self._bundle, self.shell.execution_count)

    class Publisher(DisplayPublisher):
        def publish(self, data, metadata=None, *_positional, **_options):
            runner.show(data)

        def clear_output(self, wait=False):
            pass

    class Exit(ExitAutocall):
        def __call__(self, *status):
            # Code cannot end its context, so the run ends as with sys.exit().
            raise SystemExit(*status)

    class Shell(InteractiveShell):
        @default("exiter")
        def _exit(self):
            return Exit(self)

        def showtraceback(self, *positional, **options):
            with interrupts.reporting():
                super().showtraceback(*positional, **options)

        def _get_exc_info(self, exc_tuple=None):
            kind, error, frames = super()._get_exc_info(exc_tuple)
            forget_own_frames(error)
            return kind, error, without_own_frames(frames)

        def _showtraceback(self, etype, evalue, stb):
            # Report an interrupt as such, not as a cancellation.
            if not loop.is_cancelling:
                runner.report(etype, evalue, stb if isinstance(stb, list) else str(stb).split("\n"))

        def system(self, cmd):
            # IPython's default runs the command in a terminal, which turns `\n` into `\r\n`. Its alternative continues
            # with the code after an interrupt.
            status = subprocess.call(self.var_expand(cmd, depth=1), shell=True, executable=os.environ.get("SHELL"))
            self.user_ns["_exit_code"] = 128 - status if status > 128 else status

        def enable_gui(self, gui=None):
            pass

    class IPythonRunner(Runner):
        def execute(self, code):
            loop.start()
            with loop.entered():
                outcome = shell.run_cell(code, store_history=True)
            error = outcome.error_before_exec or outcome.error_in_exec
            if error is not None:
                self.report(type(error), error, None)

    # None of the ways to exit that it recommends exists here.
    warnings.filterwarnings("ignore", message="To exit: use")
    # An interrupt can come between the creation of IPython's own coroutine and its start.
    warnings.filterwarnings("ignore", message="coroutine '.*run_cell_async' was never awaited")
    config = Config()
    config.HistoryManager.enabled = False
    runner = IPythonRunner(channel, interrupts)
    shell = Shell.instance(config=config, display_pub_class=Publisher, displayhook_class=Hook)
    shell.loop_runner = loop.run
    python_charts.install(shell)
    loop.start()
    install_input(channel, StdinNotImplementedError)
    return runner


def _start_plots():
    from importlib.util import find_spec

    inline = find_spec("matplotlib_inline") is not None
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline" if inline else "Agg")


def _import_without_terminal():
    """Imports IPython without its terminal, which takes half of that time. IPython needs it for `embed` alone."""
    name = "IPython.terminal.embed"
    stub = types.ModuleType(name)
    stub.embed = _embed
    sys.modules[name] = stub
    try:
        importlib.import_module("IPython")
    finally:
        del sys.modules[name]


def _embed(*positional, **options):
    from IPython.terminal.embed import embed

    embed(*positional, **options)
