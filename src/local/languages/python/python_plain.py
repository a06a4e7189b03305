"""The shell without IPython: only the standard library."""

import ast
import builtins
import inspect
import io
import linecache
import os
import sys
import traceback
import types

import python_charts
from python_runner import Runner, forget_own_frames, install_input

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
    __module__ = "builtins"  # Tracebacks then omit the module.


def start(channel, interrupts, loop):
    os.environ.setdefault("MPLBACKEND", "Agg")
    runner = PlainRunner(channel, interrupts, loop)

    def display(*values, **_options):
        for value in values:
            runner.show(bundle(value))

    builtins.display = display
    install_input(channel, StdinNotImplementedError)
    return runner


class PlainRunner(Runner):
    """Keeps the user's variables in a module that replaces `__main__`."""

    def __init__(self, channel, interrupts, loop):
        super().__init__(channel, interrupts)
        self.count = 0
        self.loop = loop
        self.module = types.ModuleType("__main__")
        self.module.__builtins__ = builtins
        sys.modules["__main__"] = self.module

    def execute(self, code):
        self.count += 1
        name = "<cell %d>" % self.count
        # Tracebacks of this and later runs quote the code from here.
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
        value = self._evaluate(parts, code)
        # As in a notebook, a semicolon at the end suppresses the value.
        if value is not None and not code.rstrip().endswith(";"):
            builtins._ = value
            self.show(bundle(value), self.count)

    def _show_figures(self):
        """Shows the figures of the run and closes them, as a notebook does."""
        pyplot = sys.modules.get("matplotlib.pyplot")
        for number in pyplot.get_fignums() if pyplot else ():
            figure = pyplot.figure(number)
            image = io.BytesIO()
            figure.savefig(image, format="png", bbox_inches="tight")
            chart = python_charts.formats(figure)
            self.show({"text/plain": repr(figure), "image/png": image.getvalue(), **chart})
            pyplot.close(figure)

    def _evaluate(self, parts, code):
        """Returns the value of the last part. If any part awaits, all run in one task."""
        is_async = any(part.co_flags & inspect.CO_COROUTINE for part in parts)
        # Most code does not use asyncio and should not wait until it is loaded.
        if not is_async and "asyncio" not in sys.modules and "asyncio" not in code:
            return [eval(part, self.module.__dict__) for part in parts][-1]
        self.loop.start()
        if is_async:
            return self.loop.run(self._await(parts))
        with self.loop.entered():
            return [eval(part, self.module.__dict__) for part in parts][-1]

    async def _await(self, parts):
        for part in parts:
            value = eval(part, self.module.__dict__)
            if part.co_flags & inspect.CO_COROUTINE:
                value = await value
        return value


def bundle(value):
    """Returns the representations of a value by MIME type, by IPython's protocol."""
    data = {"text/plain": repr(value)}
    if isinstance(value, type) or _answers_everything(value):
        return data
    whole = _call(value, "_repr_mimebundle_", include=None, exclude=None)
    if isinstance(whole, tuple) and whole:
        whole = whole[0]
    if isinstance(whole, dict):
        data.update(whole)
    for name, mime in REPRESENTATIONS:
        if mime in data:
            continue
        represented = _call(value, name)
        if isinstance(represented, tuple) and represented:
            represented = represented[0]
        if represented is not None:
            data[mime] = represented
    data.update(python_charts.formats(value))
    return data


def _answers_everything(value):
    """Whether an object has every attribute, as mocks and proxies do. Its representations are then ignored."""
    try:
        return getattr(value, "_no_object_has_this_attribute_", None) is not None
    except Exception:
        return True


def _call(value, name, **options):
    """Calls a method and returns its result; None if the method is missing. Prints the error and returns None if it fails."""
    try:
        method = getattr(value, name, None)
        return method(**options) if callable(method) else None
    except NotImplementedError:
        return None
    except Exception as error:
        sys.stderr.write("\n".join(_format(error)) + "\n")
        return None


def _format(error):
    forget_own_frames(error)
    frames = error.__traceback__
    # A syntax error that the kernel found has no frames of the user's code.
    if isinstance(error, SyntaxError) and _is_of_parser(frames):
        frames = None
    text = "".join(traceback.format_exception(type(error), error, frames))
    return text.rstrip("\n").split("\n")


def _is_of_parser(frames):
    return frames is not None and frames.tb_frame.f_code.co_filename == ast.__file__
