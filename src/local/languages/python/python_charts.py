"""Describes figures of matplotlib and plotly as data: what their charts show, under a MIME type of its own.

The kernels of the local server import this module. A kernel of a real server can run it too, see `install`. Nothing
here may break or delay a figure: what cannot be described is left out, and what is large is cut and marked so.
"""

import importlib
import os
import re
import sys
import warnings

MIME = "application/vnd.opensandbox.chart.v1+json"
PLOTLY = "application/vnd.plotly.v1+json"
# The most points of one series, and of all series of a figure together.
SERIES_POINTS = 2_000
FIGURE_POINTS = 10_000
MOST_SERIES = 200
MOST_CHARTS = 50
MOST_TICKS = 100
LONGEST_TEXT = 500
UNIT = re.compile(r"\s*[(\[]([^()\[\]]{1,40})[)\]]\s*$")


def formats(value):
    """Returns the chart of a figure by MIME type; nothing for any other value."""
    matplotlib, plotly = sys.modules.get("matplotlib.figure"), sys.modules.get("plotly.basedatatypes")
    try:
        if matplotlib is not None and isinstance(value, matplotlib.Figure):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                chart = part("python_charts_matplotlib").matplotlib_chart(value)
            return {} if chart is None else {MIME: chart}
        if plotly is not None and isinstance(value, plotly.BaseFigure):
            return {MIME: part("python_charts_plotly").plotly_chart(value.to_plotly_json())}
    except Exception:
        pass  # The figure itself matters more.
    return {}


def install(shell):
    """Adds charts to what an IPython shell displays, and makes a plotly figure that is the last value a result."""

    def with_chart(data):
        try:
            return {**data, MIME: part("python_charts_plotly").plotly_chart(data[PLOTLY])}
        except Exception:
            return data

    def plotly_formats(figure):
        data = figure._repr_mimebundle_()
        data = with_chart(data) if PLOTLY in data else {**data, **formats(figure)}
        return {"text/plain": "Figure with %d traces" % len(figure.data), **data}

    def decline(_figure):
        # plotly would display the figure by itself. IPython asks for its formats instead.
        raise NotImplementedError

    def publish(data, *positional, **options):
        data = with_chart(data) if PLOTLY in data and MIME not in data else data
        return published(data, *positional, **options)

    formatter, published = shell.display_formatter, shell.display_pub.publish
    formatter.mimebundle_formatter.for_type_by_name("matplotlib.figure", "Figure", formats)
    formatter.mimebundle_formatter.for_type_by_name("plotly.basedatatypes", "BaseFigure", plotly_formats)
    formatter.ipython_display_formatter.for_type_by_name("plotly.basedatatypes", "BaseFigure", decline)
    shell.display_pub.publish = publish


def part(name):
    """Loads a module beside this one when it is used. It is not on the path, which is the user's."""
    if name not in sys.modules:
        directory, writes = os.path.dirname(__file__), sys.dont_write_bytecode
        sys.path.insert(0, directory)
        sys.dont_write_bytecode = True
        try:
            importlib.import_module(name)
        finally:
            sys.path.remove(directory)
            sys.dont_write_bytecode = writes
    return sys.modules[name]


class Budget:
    """How much of a figure is described."""

    def __init__(self):
        self.points = FIGURE_POINTS

    def series(self, make, total, name=None, key="points"):
        """Returns a series with as many of its points as there is room for; `make` returns so many of them."""
        size = min(total, SERIES_POINTS, self.points)
        self.points -= size
        return described(name=name, **{key: make(size), "truncated": size < total})


def described(**fields):
    """Returns what is known. Text that was written for TeX becomes plain."""
    known = {}
    for name, value in fields.items():
        if isinstance(value, str):
            value = plain(value)
        if value is not None and value is not False and value != "":
            known[name] = value
    return known


def plain(text):
    text = re.sub(r"\$([^$]*)\$", lambda math: re.sub(r"\\mathdefault\b|[{}]", "", math[1]), text)
    return text.strip()[:LONGEST_TEXT]


def clean(value):
    """Returns a value as JSON can express it: a number, text, or None for what is missing."""
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind == "M":
        value = str(value.astype("datetime64[ms]")) if value == value else None
    elif hasattr(value, "item"):
        value = value.item()
    if value is None or value != value:  # NaN and NaT differ from themselves.
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value if abs(value) < 2**53 else number(value)
    return (value.isoformat() if hasattr(value, "isoformat") else str(value))[:LONGEST_TEXT]


def number(value):
    """Returns a finite number or None."""
    value = float(value)
    if value - value != 0:
        return None
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def rounded(value):
    """Returns a number without the noise of computed positions."""
    return number("%.12g" % value)


def axis_of(label, scale, ticks=(), tick_labels=()):
    unit = UNIT.search(label or "")
    return {
        **described(label=label, unit=unit and unit[1], truncated=len(ticks) > MOST_TICKS),
        "scale": scale,
        "ticks": list(ticks[:MOST_TICKS]),
        "tickLabels": [plain(str(text)) for text in tick_labels[:MOST_TICKS]],
    }


def chart_of(kind, title, **fields):
    chart = {"type": kind, **described(title=title), **fields}
    cut = False
    for key in ("series", "boxes", "slices"):
        items = chart.get(key, [])
        chart.update({key: items[:MOST_SERIES]} if key in chart else {})
        cut = cut or len(items) > MOST_SERIES or any("truncated" in item for item in items)
    return {**chart, "truncated": True} if cut else chart


def figure_of(title, charts):
    """Returns the chart of a figure. Several, or those of several axes, are parts of a composite one."""
    if len(charts) == 1:
        return {**described(title=title), **charts[0]}
    if not charts:
        return chart_of("unknown", title)
    chart = chart_of("composite", title, charts=charts[:MOST_CHARTS])
    is_cut = len(charts) > MOST_CHARTS or any("truncated" in part for part in charts)
    return {**chart, "truncated": True} if is_cut else chart
