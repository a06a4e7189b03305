"""Describes figures of matplotlib, see `python_charts`."""

from bisect import bisect_left
from datetime import timedelta

from python_charts import MOST_CHARTS, MOST_SERIES, SERIES_POINTS, Budget, axis_of, chart_of, described, figure_of
from python_charts import MOST_TICKS, number, plain, rounded



def matplotlib_chart(figure):
    if not figure.axes:
        return None
    budget = Budget()
    charts = []
    for axes in figure.axes:
        is_colorbar = hasattr(axes, "_colorbar") or axes.get_label() == "<colorbar>"
        if not is_colorbar and axes.get_visible() and len(charts) <= MOST_CHARTS:
            charts += axes_charts(axes, budget)
    title = getattr(figure, "_suptitle", None)
    return figure_of(title and title.get_text(), charts)


def axes_charts(axes, budget):
    from matplotlib.container import BarContainer

    title = next(filter(None, map(axes.get_title, ("center", "left", "right"))), None)
    if axes.name != "rectilinear":
        return [chart_of("unknown", title)]
    if not axes.has_data():
        return []
    x, y = Axis(axes.xaxis), Axis(axes.yaxis)
    pies = pie_slices(axes)
    bars = {}
    for container in axes.containers:
        if isinstance(container, BarContainer):
            is_horizontal = getattr(container, "orientation", None) == "horizontal"
            bars.setdefault(is_horizontal, []).append(container)
    boxes, used = find_boxes(axes, x, y)
    lines, points = point_series(axes, x, y, used, budget)
    # Only with one kind is it known what the entries of a legend stand for.
    of_one_kind = sum(map(bool, [*pies, *bars, *boxes.values(), lines, points])) == 1
    texts = [text.get_text() for text in axes.get_legend().get_texts()] if axes.get_legend() and of_one_kind else []

    def named(items, key="name"):
        if len(texts) == len(items) and not any(key in item for item in items):
            return [{**described(**{key: text}), **item} for text, item in zip(texts, items)]
        return items

    charts = [chart_of("pie", title, slices=named(slices, "label")) for slices in pies]
    both = {"x": x.describe(), "y": y.describe()} if bars or lines or points or any(boxes.values()) else {}
    for is_horizontal, containers in bars.items():
        series = [bar_series(bar, is_horizontal, y if is_horizontal else x, budget) for bar in containers]
        charts.append(chart_of("bar", title, orientation=orientation(is_horizontal), **both, series=named(series)))
    for is_horizontal, found in boxes.items():
        if found:
            charts.append(chart_of("box", title, orientation=orientation(is_horizontal), **both, boxes=found))
    for kind, series in (("scatter", points), ("line", lines)):
        if series:
            charts.append(chart_of(kind, title, **both, series=named(series)))
    return charts or [chart_of("unknown", title)]


def orientation(is_horizontal):
    return "horizontal" if is_horizontal else "vertical"


def name_of(artist):
    label = str(artist.get_label() or "")
    return None if label.startswith("_") else label


def pie_slices(axes):
    """Returns the slices of each ring."""
    from matplotlib.patches import Wedge

    wedges = [patch for patch in axes.patches if isinstance(patch, Wedge)]
    values = {}
    for container in axes.containers:
        if hasattr(container, "wedges"):  # Since matplotlib 3.11.
            values.update((id(wedge), number(value)) for wedge, value in zip(container.wedges, container.values))
    rings = {}
    for wedge in wedges:
        fraction = rounded((wedge.theta2 - wedge.theta1) / 360)
        slice_ = described(label=name_of(wedge), fraction=fraction, value=values.get(id(wedge)))
        rings.setdefault(wedge.r, []).append(slice_)
    return list(rings.values())


def bar_series(container, is_horizontal, categories, budget):
    def bars(size):
        for bar in container.patches[:size]:
            start, length, value = bar.get_x(), bar.get_width(), bar.get_height()
            if is_horizontal:
                start, length, value = bar.get_y(), bar.get_height(), bar.get_width()
            yield {"label": categories.label(start + length / 2), "value": number(value)}

    return budget.series(lambda size: list(bars(size)), len(container.patches), name_of(container), "bars")


def point_series(axes, x, y, used, budget):
    """Returns the series of lines and those of points."""
    from matplotlib.container import ErrorbarContainer, StemContainer

    names = {}
    for container in axes.containers:
        if isinstance(container, ErrorbarContainer):
            used.update(map(id, container.lines[1]))
            names[id(container.lines[0])] = name_of(container)
        elif isinstance(container, StemContainer):
            used.add(id(container.baseline))
            names[id(container.markerline)] = name_of(container)

    def add(series, artist, xs, ys):
        def points(size):
            return [[x.value(a), y.value(b)] for a, b in zip(xs[:size], ys[:size])]

        if len(xs) > 0 and len(lines) + len(dots) <= MOST_SERIES:
            series.append(budget.series(points, len(xs), names.get(id(artist)) or name_of(artist)))

    lines, dots = [], []
    for line in axes.lines:
        # Lines in other coordinates help to read the chart, as those of `axhline` do.
        if id(line) not in used and line.get_visible() and line.get_transform() == axes.transData:
            add(lines if is_drawn(line) else dots, line, line.get_xdata(orig=False), line.get_ydata(orig=False))
    for collection in axes.collections:
        if type(collection).__name__ == "PathCollection" and collection.get_visible():
            if collection.get_offset_transform() == axes.transData:
                offsets = collection.get_offsets()
                offsets = offsets.filled(float("nan")) if hasattr(offsets, "filled") else offsets
                add(dots, collection, offsets[:, 0], offsets[:, 1])
    return lines, dots


def is_drawn(line):
    """Whether a line is more than its markers."""
    return str(line.get_linestyle()).strip().lower() not in ("", "none")


def find_boxes(axes, x, y):
    """Finds the parts of box plots, which are lines like all others, by their shapes."""
    outlines, parts, fliers = [], {}, {}
    for line in [*axes.lines, *(patch for patch in axes.patches if type(patch).__name__ == "PathPatch")]:
        vertices = line.get_path().vertices
        if 5 <= len(vertices) <= 14 and tuple(vertices[0]) in map(tuple, vertices[-2:]):
            outlines.append((line, vertices))
        elif len(vertices) == 2 and (vertices[0] == vertices[1]).any():
            for axis in (0, 1):
                if vertices[0][axis] == vertices[1][axis]:
                    parts.setdefault((axis, close(vertices[0][1 - axis] + vertices[1][1 - axis])), []).append(line)
                    parts.setdefault((axis, "at", close(vertices[0][axis])), []).append(line)
        elif len(vertices) > 0 and not is_drawn(line):
            for axis in (0, 1):
                if (vertices[:, axis] == vertices[0][axis]).all():
                    fliers.setdefault((axis, close(vertices[0][axis])), []).append(line)
    found, used = {False: [], True: []}, set()
    for outline, vertices in outlines:
        for across in (0, 1):
            box = read_box(vertices, across, parts, fliers)
            if box is not None:
                position, statistics, own = box
                label = (x, y)[across].label(position)
                found[across == 1].append({"label": label, **statistics})
                used.update(map(id, [outline, *own]))
                break
    return found, used


def close(value):
    return "%.9g" % value


def read_box(vertices, across, parts, fliers):
    """Returns position, statistics and lines of a box whose position is on the axis `across`; None if it is none."""
    along = 1 - across
    left, right = vertices[:, across].min(), vertices[:, across].max()
    # The notches of a box may be longer than itself.
    first, third = sorted((vertices[0][along], vertices[5 if len(vertices) > 10 else 2][along]))
    position = close((left + right) / 2)
    whiskers = {close(line.get_path().vertices[0][along]): line for line in parts.get((across, "at", position), [])}
    if close(first) not in whiskers or close(third) not in whiskers:
        return None
    whiskers = parts[(across, "at", position)]
    ends = [value for line in whiskers for value in line.get_path().vertices[:, along]]
    low, high = min(ends), max(ends)
    # The median is as wide as the box; the caps of the whiskers are less wide.
    crossing = parts.get((along, close(left + right)), [])
    widths = {}
    for line in crossing:
        ends = line.get_path().vertices
        if first <= ends[0][along] <= third:
            widths[float(close(abs(ends[0][across] - ends[1][across])))] = number(ends[0][along])
    marks = fliers.get((across, position), [])
    # The mean is a mark too. It is drawn before the outliers, and without them it is between the whiskers.
    outliers = [value for line in marks[-1:] for value in line.get_path().vertices[:, along] if not low <= value <= high]
    statistics = {
        "min": number(low),
        "firstQuartile": number(first),
        "median": widths[max(widths)] if widths else None,
        "thirdQuartile": number(third),
        "max": number(high),
        "outliers": [number(value) for value in outliers[:SERIES_POINTS]],
        **described(truncated=len(outliers) > SERIES_POINTS),
    }
    return float(position), statistics, [*whiskers, *crossing, *marks]


class Axis:
    """An axis, and how its numbers are to be read: as numbers, dates or categories."""

    def __init__(self, axis):
        from matplotlib.dates import DateLocator, num2date
        from matplotlib.ticker import FixedLocator

        converter = axis.get_converter() if hasattr(axis, "get_converter") else getattr(axis, "converter", None)
        locator, kind = axis.get_major_locator(), type(converter).__name__
        self.axis = axis
        self.names = self.places = None
        self.epoch = num2date(0).replace(tzinfo=None)
        if hasattr(axis, "freq"):  # pandas counts the periods of time series.
            self.scale, self.value = "datetime", self._period
        elif isinstance(locator, DateLocator) or "Date" in kind:
            self.scale, self.value = "datetime", self._date
        elif "Category" in kind and hasattr(axis.units, "_mapping"):
            self.names = {place: text for text, place in axis.units._mapping.items()}
            self.scale, self.value = "category", self.label
        else:
            self.scale, self.value = axis.get_scale(), number
            if isinstance(locator, FixedLocator):
                names = dict(self._ticks())
                self.names = names if any(names.values()) else None

    def describe(self):
        ticks = self._ticks()
        # A category may have any number, and others are read one by one.
        places = [self.value(float("%.12g" % place)) for place, _text in ticks[: MOST_TICKS + 1]]
        return axis_of(self.axis.get_label().get_text(), self.scale, places, [text for _place, text in ticks])

    def label(self, place):
        """Returns the name of the category, or the text of the tick, at a place or beside it."""
        place = float("%.12g" % place)
        if self.names is None:
            return self.value(place)
        if self.places is None:
            self.places = sorted(self.names)
            self.reach = min((b - a for a, b in zip(self.places, self.places[1:])), default=1) / 2
        index = bisect_left(self.places, place)
        nearest = min(self.places[max(index - 1, 0) : index + 1], key=lambda other: abs(other - place), default=None)
        if nearest is None or not abs(nearest - place) <= self.reach:
            return number(place)
        return plain(str(self.names[nearest])) or number(place)

    def _ticks(self):
        """Returns the places and texts of the ticks that are in view."""
        try:
            places = list(self.axis.get_majorticklocs())
            texts = self.axis.get_major_formatter().format_ticks(places)
            low, high = sorted(self.axis.get_view_interval())
        except Exception:
            return []
        room = (high - low) * 1e-9
        return [(place, text) for place, text in zip(places, texts) if low - room <= place <= high + room]

    def _date(self, days):
        days = float(days)
        if days - days != 0:
            return None
        moment = self.epoch + timedelta(milliseconds=round(days * 86_400_000))
        return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")

    def _period(self, count):
        from pandas import Period

        return Period(ordinal=int(count), freq=self.axis.freq).start_time.isoformat() if count == count else None
