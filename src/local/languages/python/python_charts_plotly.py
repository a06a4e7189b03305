"""Describes figures of plotly from their JSON, see `python_charts`."""

import base64
import re

from python_charts import FIGURE_POINTS, SERIES_POINTS, Budget, axis_of, chart_of, clean, described, figure_of

# To compute the quartiles of more values would delay the figure.
MOST_SAMPLES = 100_000
DATE = re.compile(r"\d{4}-\d\d(-\d\d|$)")
# The codes of `memoryview.cast` by the names that plotly gives to types.
CODES = {"i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "f4": "f", "f8": "d"}
SCALES = {"linear": "linear", "log": "log", "date": "datetime", "category": "category", "multicategory": "category"}


def plotly_chart(figure):
    layout = figure.get("layout") or {}
    budget = Budget()
    charts, planes = [], {}
    for trace in figure.get("data") or ():
        kind = kind_of(trace)
        if trace.get("visible", True) is not True:
            continue
        if kind == "pie":
            charts.append(chart_of("pie", text_of(trace.get("title")), slices=slices_of(trace)))
        elif kind == "unknown" or (kind == "box" and length(trace.get("y", trace.get("x"))) > MOST_SAMPLES):
            charts.append(chart_of("unknown", None))
        else:
            is_horizontal = trace.get("orientation") == "h" or (kind == "box" and "y" not in trace and "x" in trace)
            place = (trace.get("xaxis", "x"), trace.get("yaxis", "y"), kind, kind in ("bar", "box") and is_horizontal)
            planes.setdefault(place, []).append(trace)
    for (x, y, kind, is_horizontal), traces in planes.items():
        fields = {"x": axis(layout, x, traces), "y": axis(layout, y, traces)}
        if kind in ("bar", "box"):
            fields["orientation"] = "horizontal" if is_horizontal else "vertical"
        if kind == "box":
            fields["boxes"] = [box for trace in traces for box in boxes_of(trace, is_horizontal)]
        else:
            fields["series"] = [series_of(trace, kind, is_horizontal, budget) for trace in traces]
        charts.append(chart_of(kind, None, **fields))
    return figure_of(text_of(layout.get("title")), charts)


def kind_of(trace):
    kind = trace.get("type", "scatter")
    if kind in ("scatter", "scattergl"):
        size = max(length(trace.get("x")), length(trace.get("y")))
        mode = trace.get("mode") or ("lines" if size >= 20 else "lines+markers")
        return "line" if "lines" in mode else "scatter"
    return kind if kind in ("bar", "pie", "box") else "unknown"


def text_of(title):
    text = title.get("text") if isinstance(title, dict) else title
    return re.sub(r"<[^>]*>", " ", text) if isinstance(text, str) else None


def axis(layout, name, traces):
    letter = name[0]
    about = layout.get(letter + "axis" + name[1:]) or {}
    scale = SCALES.get(about.get("type"))
    if scale is None:
        first = next((value for trace in traces for value in take(trace.get(letter), 1)), None)
        scale = "linear"
        if isinstance(first, str):
            scale = "datetime" if DATE.match(first) else "category"
    ticks, texts = take(about.get("tickvals")), [str(text) for text in take(about.get("ticktext"))]
    return axis_of(text_of(about.get("title")), scale, ticks, texts)


def length(values):
    if isinstance(values, dict):
        data = values["bdata"]
        return (len(data) * 3 // 4 - data[-2:].count("=")) // int(values["dtype"][1:])
    return 0 if values is None else len(values)


def take(values, size=FIGURE_POINTS):
    """Returns the first values of a list, of an array, or of what plotly makes of an array."""
    if values is None:
        return []
    if isinstance(values, dict):
        size = min(size, length(values))
        end = size * int(values["dtype"][1:])
        # Four characters are three bytes. Only what is needed is decoded.
        data = base64.b64decode(values["bdata"][: (end + 2) // 3 * 4])[:end]
        values = memoryview(data).cast(CODES[values["dtype"]]).tolist()
    return [moment(clean(value)) for value in values[:size]]


def moment(value):
    """Returns a date without the zeros that pandas' dates have behind the seconds."""
    return re.sub(r"(:\d\d)\.0+$", r"\1", value) if isinstance(value, str) and DATE.match(value) else value


def coordinates(trace, letter, other, size):
    if trace.get(letter) is None:
        start, step = trace.get(letter + "0", 0), trace.get("d" + letter, 1)
        return [start + step * index for index in range(size)]
    values = take(trace[letter], size)
    return values + [None] * (size - len(values))


def series_of(trace, kind, is_horizontal, budget):
    total = max(length(trace.get("x")), length(trace.get("y")))
    name = text_of(trace.get("name"))

    def points(size):
        x, y = coordinates(trace, "x", "y", size), coordinates(trace, "y", "x", size)
        if kind != "bar":
            return [list(point) for point in zip(x, y)]
        labels, values = (y, x) if is_horizontal else (x, y)
        return [{"label": label, "value": numeric(value)} for label, value in zip(labels, values)]

    return budget.series(points, total, name, "bars" if kind == "bar" else "points")


def numeric(value):
    try:
        return None if value is None else clean(float(value))
    except ValueError:
        return None


def slices_of(trace):
    labels, values = take(trace.get("labels")), [numeric(value) for value in take(trace.get("values"))]
    if not values:
        values = [1] * len(labels)
    if not labels:
        labels = coordinates(trace, "label", "value", len(values))
    sums = {}
    for label, value in zip(labels, values):
        sums[label] = sums.get(label, 0) + (value or 0)
    total = sum(sums.values()) or 1
    return [
        {**described(label=None if label is None else str(label)), "fraction": value / total, "value": value}
        for label, value in sums.items()
    ]


def boxes_of(trace, is_horizontal):
    """Returns the boxes of a trace: given ones, or one for each position of its samples."""
    letter, other = ("x", "y") if is_horizontal else ("y", "x")
    name = text_of(trace.get("name"))
    positions = take(trace.get(other), MOST_SAMPLES)
    if trace.get("q1") is not None:
        given = {key: take(trace.get(key)) for key in ("q1", "median", "q3", "lowerfence", "upperfence")}
        size = len(given["q1"])
        labels = (positions or [name] * size)[:size]
        rows = {key: values + [None] * (size - len(values)) for key, values in given.items()}
        return [
            box(label, low if low is not None else first, first, median, third, high if high is not None else third, [])
            for label, low, first, median, third, high in zip(
                labels, *(rows[key] for key in ("lowerfence", "q1", "median", "q3", "upperfence"))
            )
        ]
    samples = [numeric(value) for value in take(trace.get(letter), MOST_SAMPLES)]
    groups = {}
    for index, value in enumerate(samples):
        if value is not None:
            groups.setdefault(positions[index] if index < len(positions) else name, []).append(value)
    return [summary(label, sorted(values)) for label, values in groups.items()]


def summary(label, values):
    """Computes a box as plotly.js does by default."""

    def quantile(fraction):
        place = min(max(len(values) * fraction - 0.5, 0), len(values) - 1)
        below = int(place)
        above = min(below + 1, len(values) - 1)
        return values[below] + (values[above] - values[below]) * (place - below)

    first, third = quantile(0.25), quantile(0.75)
    reach = 1.5 * (third - first)
    inside = [value for value in values if first - reach <= value <= third + reach]
    outside = [value for value in values if not first - reach <= value <= third + reach]
    return box(label, inside[0], first, quantile(0.5), third, inside[-1], outside)


def box(label, low, first, median, third, high, outliers):
    return {
        "label": label,
        **{"min": low, "firstQuartile": first, "median": median, "thirdQuartile": third, "max": high},
        "outliers": outliers[:SERIES_POINTS],
        **described(truncated=len(outliers) > SERIES_POINTS),
    }
