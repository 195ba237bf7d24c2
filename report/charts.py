"""The charts: one function a chart, each a panel for one framework and mode."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bench.cases import Case

from .drawing import (
    COLOURS,
    LINE,
    MARKERS,
    SOFT,
    WIDTH,
    Panel,
    canvas,
    heading,
    log_ticks,
    plain_power,
    to_svg,
)
from .evidence import FAMILIES, Estimate, Timed
from .families import cost
from .words import elements, number

Limits = tuple[float, float]
SERIES = ("relu", "elu", "softplus", "gelu", "squareplus")
_DASHES = {"relu": "-", "elu": "--", "softplus": ":", "gelu": "-.", "squareplus": "-"}
_POINTS = {"relu": "s", "elu": "o", "softplus": "D", "gelu": "v", "squareplus": "^"}
_ROW = 25.0


def costs(
    name: str, who: str, forward: Sequence[Timed], backward: Mapping[str, Timed], limits: Limits
) -> Panel:
    """Cost over relu by activation; backward, where measured, as a hollow marker below."""
    order = sorted(forward, key=lambda each: (FAMILIES.index(each.family), cost(each).value))
    left, right = 142.0, 48.0
    with canvas(WIDTH, _ROW * len(order) + 80, left, right) as (figure, axes):
        for row, each in enumerate(order):
            _interval(axes, cost(each), row - 0.12, each.family, hollow=False)
            if each.case.activation in backward:
                other = backward[each.case.activation]
                _interval(axes, cost(other), row + 0.24, each.family, hollow=True)
            _row_words(axes, row, each)
        axes.axvline(1, color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
        axes.set(xscale="log", xlim=limits, ylim=(len(order) - 0.4, -0.6), yticks=[])
        axes.grid(axis="x")
        axes.spines["left"].set_visible(False)
        log_ticks(axes.xaxis, limits)
        axes.set_xlabel("time over relu's (×), log scale")
        heading(axes, who, left)
        svg = to_svg(figure, name)
    return Panel(svg, f"{who}: time over relu's by activation: {_spoken(order)}")


def _row_words(axes: Axes, row: int, each: Timed) -> None:
    at: dict[str, Any] = dict(
        xycoords=("axes fraction", "data"), textcoords="offset points", va="center"
    )
    label = each.case.activation
    shown = label if len(label) < 24 else f"{label[:22]}…"
    axes.annotate(shown, (0, row), xytext=(-8, 4), ha="right", size=10, **at)
    axes.annotate(
        each.case.form, (0, row), xytext=(-8, -6.5), ha="right", size=8.5, color=SOFT, **at
    )
    value = f"{number(cost(each).value)}×"
    axes.annotate(value, (1, row), xytext=(46, 0), ha="right", size=10, **at)


def _interval(axes: Axes, estimate: Estimate, row: float, family: str, hollow: bool) -> None:
    colour = COLOURS[family]
    if estimate.low is not None and estimate.high is not None:
        axes.plot([estimate.low, estimate.high], [row, row], color=colour, linewidth=1.6)
    axes.plot(
        [estimate.value],
        [row],
        marker=MARKERS[family],
        markersize=4.5 if hollow else 6,
        markerfacecolor="none" if hollow else colour,
        markeredgecolor=colour,
        linestyle="none",
    )


def _spoken(order: Iterable[Timed]) -> str:
    return ", ".join(f"{each.case.activation} {number(cost(each).value)}" for each in order)


def sizes(name: str, who: str, series: Mapping[str, Sequence[Timed]], limits: Limits) -> Panel:
    """Time an element over the size of the input, one line an activation."""
    left, right = 46.0, 76.0
    with canvas(WIDTH, 250, left, right) as (figure, axes):
        ends = {}
        for activation, line in series.items():
            values = [(each.case.size, each.estimates["time_per_element"]) for each in line]
            colour = COLOURS[line[0].family]
            axes.plot(
                [size for size, _ in values],
                [each.value for _, each in values],
                color=colour,
                linestyle=_DASHES[activation],
                marker=_POINTS[activation],
                markersize=5,
                linewidth=1.6,
            )
            for size, each in values:
                if each.low is not None and each.high is not None:
                    axes.plot([size, size], [each.low, each.high], color=colour, linewidth=1.2)
            ends[activation] = values[-1][1].value
        axes.set(xscale="log", yscale="log", ylim=limits)
        measured = sorted({each.case.size for line in series.values() for each in line})
        axes.xaxis.set_major_locator(FixedLocator(measured))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: power(round(size))))
        log_ticks(axes.yaxis, limits)
        axes.grid()
        axes.set_xlabel("elements of the input, log scale")
        end_labels(axes, ends, limits)
        heading(axes, f"{who}: ns an element", left)
        svg = to_svg(figure, name)
    spoken = "; ".join(
        f"{activation} "
        + ", ".join(
            f"{number(each.estimates['time_per_element'].value)} at {elements(each.case.size)}"
            for each in line
        )
        for activation, line in series.items()
    )
    return Panel(svg, f"{who}: nanoseconds an element by size: {spoken}")


def power(size: int) -> str:
    """A size as a tick of an axis: `2^16`, `1,000`."""
    exponent = size.bit_length() - 1
    return f"2^{exponent}" if size == 2**exponent else f"{size:,}"


def end_labels(axes: Axes, ends: Mapping[str, float], limits: Limits) -> None:
    """Names at the lines' ends, moved apart where they would overlap."""
    low, high = (math.log10(limit) for limit in limits)
    step = (high - low) * 0.068
    places: dict[str, float] = {}
    floor = -math.inf
    for activation, value in sorted(ends.items(), key=lambda item: item[1]):
        floor = max(math.log10(value), floor + step)
        places[activation] = floor
    over = max(0.0, floor - high)
    for activation, place in places.items():
        axes.annotate(
            activation,
            (1, 10 ** (place - over)),
            xycoords=("axes fraction", "data"),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            size=10,
        )


def tradeoff(name: str, who: str, timed: Sequence[Timed], across: Limits, up: Limits) -> Panel:
    """Cost over relu against largest error, one marker a form; infinite errors on a line above."""
    left, right, endless = 46.0, 12.0, up[1] * 4
    points = [(cost(each).value, _ulp(each, up[0], endless), each) for each in timed]
    with canvas(WIDTH, 300, left, right) as (figure, axes):
        for x, y, each in points:
            axes.plot(
                [x], [y], marker=MARKERS[each.family], markersize=6, color=COLOURS[each.family],
                markerfacecolor="none", linestyle="none",
            )  # fmt: skip
        axes.set(xscale="log", yscale="log", xlim=across, ylim=(up[0] / 2, endless * 2))
        log_ticks(axes.xaxis, across)
        exponents = range(0, math.ceil(math.log10(up[1])) + 1, 2)
        ticks = [10.0**exponent for exponent in exponents if 10.0**exponent <= up[1]]
        axes.yaxis.set_major_locator(FixedLocator([*ticks, endless]))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(
            FuncFormatter(lambda y, _: "∞" if y > up[1] * 2 else plain_power(y))
        )
        axes.grid()
        axes.axhline(up[1] * 2, color=LINE, linewidth=3)
        axes.set_xlabel("time over relu's (×), log scale")
        named = [(x, y, each.case, each.case.form != "native") for x, y, each in points]
        point_labels(axes, named)
        heading(axes, f"{who}: largest error, ulp", left)
        svg = to_svg(figure, name)
    return Panel(svg, f"{who}: time over relu's against largest error, {len(points)} forms")


def _ulp(each: Timed, floor: float, endless: float) -> float:
    ulp = each.exactness.max_ulp if each.exactness else 0.0
    return endless if math.isinf(ulp) else max(ulp, floor)


def point_labels(axes: Axes, points: Sequence[tuple[float, float, Case, bool]]) -> None:
    """Names beside the points, left out where they would overlap; the last field says: later."""
    places = axes.transData.transform([each[:2] for each in points])
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in places]
    limit = axes.bbox.x1 + 10
    order = sorted(range(len(points)), key=lambda i: (points[i][3], i))
    for index in order:
        x, y = places[index]
        text = points[index][2].activation[:24]
        width = 5.3 * len(text)
        for left, bottom in ((x + 6, y - 5), (x - 6 - width, y - 5), (x - width / 2, y + 6)):
            box = (left, bottom, left + width, bottom + 10)
            if box[0] > axes.bbox.x0 and box[2] < limit and not any(_meet(box, o) for o in taken):
                taken.append(box)
                axes.annotate(text, (left, bottom + 2), xycoords="figure pixels", size=9)
                break


def _meet(one: Sequence[float], other: Sequence[float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
