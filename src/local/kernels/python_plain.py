"""Runs with the standard library alone."""

import ast
import asyncio
import builtins
import linecache
import sys
import traceback
import types

from python_runner import Runner, refuse_input

def start_plain(channel, interrupts):
    import ast
    import linecache
    import traceback
    import types

    class StdinNotImplementedError(NotImplementedError):
        pass

    module = types.ModuleType("__main__")
    module.__builtins__ = builtins
    sys.modules["__main__"] = module
    REPRESENTATIONS = (
        ("_repr_html_", "text/html"),
        ("_repr_markdown_", "text/markdown"),
        ("_repr_svg_", "image/svg+xml"),
        ("_repr_png_", "image/png"),
        ("_repr_jpeg_", "image/jpeg"),
        ("_repr_latex_", "text/latex"),
        ("_repr_json_", "application/json"),
    )

    def bundle(value):
        data = {"text/plain": repr(value)}
        if isinstance(value, type):
            return data
        whole = getattr(value, "_repr_mimebundle_", None)
        if callable(whole):
            answer = whole(include=None, exclude=None)
            data.update(answer[0] if isinstance(answer, tuple) else answer or {})
        for name, mime in REPRESENTATIONS:
            method = getattr(value, name, None)
            if callable(method) and mime not in data:
                answer = method()
                if isinstance(answer, tuple):
                    answer = answer[0]
                if answer is not None:
                    data[mime] = answer
        return data

    def display(*values, **_options):
        for value in values:
            runner.show(bundle(value))

    class PlainRunner(Runner):
        count = 0

        def execute(self, code):
            self.count += 1
            name = "<cell %d>" % self.count
            linecache.cache[name] = (len(code), None, code.splitlines(True), name)
            try:
                self._execute(code, name)
            except BaseException as error:
                frames = error.__traceback__
                # This file's own frames say nothing about the user's code.
                while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
                    frames = frames.tb_next
                text = "".join(traceback.format_exception(type(error), error, frames))
                self.report(type(error), error, text.rstrip("\n").split("\n"))

        def _execute(self, code, name):
            tree = ast.parse(code, name)
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            self._evaluate(compile(tree, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))
            if last is None:
                return
            expression = ast.Expression(last.value)
            value = self._evaluate(compile(expression, name, "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))
            if value is not None:
                builtins._ = value
                self.show(bundle(value), self.count)

        def _evaluate(self, compiled):
            value = eval(compiled, module.__dict__)
            if not compiled.co_flags & 0x80:  # inspect.CO_COROUTINE: there was an `await` at the top
                return value
            import asyncio

            if not hasattr(self, "loop"):
                self.loop = asyncio.new_event_loop()
            return self.loop.run_until_complete(value)

    runner = PlainRunner(channel, interrupts)
    builtins.display = display
    _refuse_input(StdinNotImplementedError)
    return runner


