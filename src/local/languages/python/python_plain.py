"""Runs with the standard library alone."""

import ast
import builtins
import inspect
import io
import linecache
import os
import sys
import traceback
import types

from python_runner import Runner, forget_own_frames, refuse_input

REPRESENTATIONS = (
    ("_repr_html_", "text/html"),
    ("_repr_markdown_", "text/markdown"),
    ("_repr_svg_", "image/svg+xml"),
    ("_repr_png_", "image/png"),
    ("_repr_jpeg_", "image/jpeg"),
    ("_repr_latex_", "text/latex"),
    ("_repr_json_", "application/json"),
)


class StdinNotImplementedError(NotImplementedError):
    __module__ = "builtins"  # tracebacks need not say where it is from


def start(channel, interrupts):
    os.environ.setdefault("MPLBACKEND", "Agg")
    runner = PlainRunner(channel, interrupts)

    def display(*values, **_options):
        for value in values:
            runner.show(bundle(value))

    builtins.display = display
    refuse_input(StdinNotImplementedError)
    return runner


class PlainRunner(Runner):
    """Keeps the user's variables in a module that takes the place of `__main__`."""

    def __init__(self, channel, interrupts):
        super().__init__(channel, interrupts)
        self.count = 0
        self.loop = None
        self.module = types.ModuleType("__main__")
        self.module.__builtins__ = builtins
        sys.modules["__main__"] = self.module

    def execute(self, code):
        self.count += 1
        name = "<cell %d>" % self.count
        # Tracebacks, also those of later runs, quote the code from here.
        linecache.cache[name] = (len(code), None, code.splitlines(True), name)
        try:
            self._execute(code, name)
            self._show_figures()
        except BaseException as error:
            with self.interrupts.reporting():
                self.report(type(error), error, _format(error))

    def _execute(self, code, name):
        tree = ast.parse(code, name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        parts = [compile(tree, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)]
        if last is not None:
            parts.append(compile(ast.Expression(last.value), name, "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))
        value = self._evaluate(parts)
        # As in a notebook, a semicolon at the end means that the value is not wanted.
        if value is not None and not code.rstrip().endswith(";"):
            builtins._ = value
            self.show(bundle(value), self.count)

    def _show_figures(self):
        """Shows what the run has plotted, as a notebook does, and starts the next with no figure."""
        pyplot = sys.modules.get("matplotlib.pyplot")
        for number in pyplot.get_fignums() if pyplot else ():
            figure = pyplot.figure(number)
            image = io.BytesIO()
            figure.savefig(image, format="png", bbox_inches="tight")
            self.show({"text/plain": repr(figure), "image/png": image.getvalue()})
            pyplot.close(figure)

    def _evaluate(self, parts):
        """The value of the last one. What awaits anywhere is in the loop everywhere, as if it were one."""
        if not any(part.co_flags & inspect.CO_COROUTINE for part in parts):
            return [eval(part, self.module.__dict__) for part in parts][-1]
        # One loop for all runs: what a run left waiting in it goes on with the next `await`.
        if self.loop is None:
            import asyncio  # takes as long to load as all the rest together

            self.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self.loop)
        task = self.loop.create_task(self._await(parts))
        try:
            return self.loop.run_until_complete(task)
        except BaseException:
            task.cancel()
            raise

    async def _await(self, parts):
        for part in parts:
            value = eval(part, self.module.__dict__)
            if part.co_flags & inspect.CO_COROUTINE:
                value = await value
        return value


def bundle(value):
    """The representations of a value by MIME type, by IPython's protocol."""
    data = {"text/plain": repr(value)}
    if isinstance(value, type):
        return data
    whole = getattr(value, "_repr_mimebundle_", None)
    if callable(whole):
        answer = whole(include=None, exclude=None)
        data.update((answer[0] if isinstance(answer, tuple) else answer) or {})
    for name, mime in REPRESENTATIONS:
        method = getattr(value, name, None)
        if callable(method) and mime not in data:
            answer = method()
            if isinstance(answer, tuple):
                answer = answer[0]
            if answer is not None:
                data[mime] = answer
    return data


def _format(error):
    forget_own_frames(error)
    frames = error.__traceback__
    # A syntax error that was found here has no frames of the user's at all.
    if isinstance(error, SyntaxError) and _is_of_parser(frames):
        frames = None
    text = "".join(traceback.format_exception(type(error), error, frames))
    return text.rstrip("\n").split("\n")


def _is_of_parser(frames):
    return frames is not None and frames.tb_frame.f_code.co_filename == ast.__file__
