"""The charts: one function a chart, each a panel for one framework and mode."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from textwrap import wrap

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ..compare.families import cost
from ..compare.frontier import HALF, Frontier, error, frontier
from ..read.evidence import COARSE, FAMILIES, Estimate, Timed
from ..words import elements, listing, number, shortened
from .drawing import (
    COLOURS,
    LINE,
    MARKERS,
    SOFT,
    WIDTH,
    Panel,
    beside,
    canvas,
    heading,
    log_ticks,
    plain_power,
    to_svg,
    whiskers,
)

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
        filled = [(row - 0.12, each.family, cost(each)) for row, each in enumerate(order)]
        hollow = [
            (row + 0.24, each.family, cost(backward[each.case.activation]))
            for row, each in enumerate(order)
            if each.case.activation in backward
        ]
        _intervals(axes, filled, hollow=False)
        _intervals(axes, hollow, hollow=True)
        _row_words(axes, order)
        axes.axvline(1, color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
        axes.set(xscale="log", xlim=limits, ylim=(len(order) - 0.4, -0.6), yticks=[])
        axes.grid(axis="x")
        axes.spines["left"].set_visible(False)
        log_ticks(axes.xaxis, limits)
        axes.set_xlabel("time over relu's (×), log scale")
        heading(axes, who, left)
        svg = to_svg(figure, name)
    return Panel(svg, f"{who}: time over relu's by activation: {_spoken(order)}")


def _row_words(axes: Axes, order: Sequence[Timed]) -> None:
    """The activation, its form and its cost beside each row."""
    for row, each in enumerate(order):
        beside(axes, row, shortened(each.case.activation, 23), -8, 4, size=10, ha="right")
        beside(axes, row, each.case.form, -8, -6.5, size=8.5, color=SOFT, ha="right")
        beside(axes, row, f"{number(cost(each).value)}×", 7, edge=1, size=10)


def _intervals(axes: Axes, found: Sequence[tuple[float, str, Estimate]], hollow: bool) -> None:
    """Intervals and markers by row and family, a family at a time."""
    for family in dict.fromkeys(family for _, family, _ in found):
        rows = [row for row, its, _ in found if its == family]
        estimates = [each for _, its, each in found if its == family]
        colour = COLOURS[family]
        whiskers(axes, rows, estimates, colour, 1.6)
        axes.plot(
            [each.value for each in estimates],
            rows,
            marker=MARKERS[family],
            markersize=4.5 if hollow else 6,
            markerfacecolor="none" if hollow else colour,
            markeredgecolor=colour,
            linestyle="none",
        )


def _spoken(order: Iterable[Timed]) -> str:
    return ", ".join(f"{each.case.activation} {number(cost(each).value)}" for each in order)


def sizes(
    name: str,
    who: str,
    series: Mapping[str, Sequence[Timed]],
    floor: Sequence[Timed],
    limits: Limits,
) -> Panel:
    """Time an element over the size of the input, one line an activation, above that of a copy."""
    left, right = 46.0, 76.0
    with canvas(WIDTH, 250, left, right) as (figure, axes):
        ends = _floor(axes, floor, limits)
        for activation, line in series.items():
            values = [(each.case.size, each.estimates["time_per_element"]) for each in line]
            colour = COLOURS[line[0].family]
            sizes, estimates = zip(*values, strict=True)
            axes.plot(
                sizes,
                [each.value for each in estimates],
                color=colour,
                linestyle=_DASHES[activation],
                marker=_POINTS[activation],
                markersize=5,
                linewidth=1.6,
            )
            whiskers(axes, sizes, estimates, colour, upright=True)
            ends[activation] = values[-1][1].value
        axes.set(xscale="log", yscale="log", ylim=limits)
        measured = sorted({each.case.size for line in [floor, *series.values()] for each in line})
        axes.xaxis.set_major_locator(FixedLocator(measured))
        axes.xaxis.set_minor_locator(NullLocator())
        named = apart(measured)
        axes.xaxis.set_major_formatter(
            FuncFormatter(lambda size, _: power(round(size)) if round(size) in named else "")
        )
        log_ticks(axes.yaxis, limits)
        axes.grid()
        axes.set_xlabel("elements of the input, log scales")
        end_labels(axes, ends, limits)
        heading(axes, f"{who}: ns an element", left)
        svg = to_svg(figure, name)
    lines = {**({"copy": floor} if floor else {}), **series}
    spoken = "; ".join(
        f"{activation} "
        + ", ".join(
            f"{number(each.estimates['time_per_element'].value)} at {elements(each.case.size)}"
            for each in line
        )
        for activation, line in lines.items()
    )
    return Panel(svg, f"{who}: nanoseconds an element by size: {spoken}")


def _floor(axes: Axes, floor: Sequence[Timed], limits: Limits) -> dict[str, float]:
    """The area below a copy's time an element; where its line ends, to be labelled."""
    if not floor:
        return {}
    sizes = [each.case.size for each in floor]
    values = [each.estimates["time_per_element"].value for each in floor]
    axes.fill_between(sizes, limits[0], values, color=LINE, linewidth=0)
    axes.plot(sizes, values, color=SOFT, linewidth=1)
    return {"copy": values[-1]}


def power(size: int) -> str:
    """A size as a tick of an axis: `2^16`, `1,000`."""
    exponent = size.bit_length() - 1
    return f"2^{exponent}" if size == 2**exponent else f"{size:,}"


def apart(sizes: Sequence[int]) -> set[int]:
    """The sizes that are named below the axis: the smallest, and each far enough from the last."""
    step = math.log(sizes[-1] / sizes[0]) * 0.17
    named = [sizes[0]]
    for size in sizes[1:]:
        if math.log(size / named[-1]) >= step:
            named.append(size)
    return set(named)


def end_labels(axes: Axes, ends: Mapping[str, float], limits: Limits) -> None:
    """Names at the lines' ends, moved apart where they would overlap."""
    low, high = (math.log10(limit) for limit in limits)
    step = (high - low) * 0.068
    order = sorted(ends, key=lambda activation: ends[activation])
    heights = [math.log10(ends[activation]) for activation in order]
    rising = [*accumulate(heights, lambda last, height: max(height, last + step))]
    falling = [*accumulate(reversed(heights), lambda last, height: min(height, last - step))]
    for activation, *both in zip(order, rising, reversed(falling), strict=True):
        axes.annotate(
            activation,
            (1, 10 ** (sum(both) / 2)),
            xycoords=("axes fraction", "data"),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            size=10,
        )


def tradeoff(name: str, who: str, timed: Sequence[Timed], across: Limits) -> Panel:
    """Cost over relu against largest error, one marker a form, with the front of those unbeaten.

    Errors above COARSE stand on a line of their own.
    """
    left, bottom = 46.0, 50 + _KEY * _KEY_LINES
    front = frontier(timed)
    unbeaten = {id(each) for each in front.members}
    with canvas(WIDTH, 250 + bottom, left, 12, bottom=bottom) as (figure, axes):
        axes.set(xscale="log", yscale="log", xlim=across, ylim=(HALF / 1.5, _SHELF * 2))
        _steps(axes, front)
        for family in dict.fromkeys(each.family for each in timed):
            mine = [each for each in timed if each.family == family]
            _markers(axes, family, [each for each in mine if id(each) in unbeaten], True)
            _markers(axes, family, [each for each in mine if id(each) not in unbeaten], False)
        log_ticks(axes.xaxis, across)
        axes.yaxis.set_major_locator(FixedLocator([HALF, 1, 2, 10, 100, _SHELF]))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(
            FuncFormatter(lambda y, _: f">{COARSE:,.0f}" if y > COARSE else plain_power(y))
        )
        axes.grid()
        axes.axhline(COARSE, color=LINE, linewidth=3)
        axes.set_xlabel("time over relu's (×), log scales")
        named = [(cost(each).value, _height(each), each, id(each) in unbeaten) for each in timed]
        point_labels(axes, [(x, y, _name(each, first), not first) for x, y, each, first in named])
        for row, line in enumerate(_told(front)):
            height = (bottom - 48 - row * _KEY) / (250 + bottom)
            figure.text(0, height, line, va="center_baseline", size=9)
        heading(axes, f"{who}: largest error, ulp", left)
        svg = to_svg(figure, name)
    members = ", ".join(
        f"{_name(each, True)} {number(cost(each).value)} at {number(error(each))} ulp"
        for each in front.members
    )
    return Panel(
        svg,
        f"{who}: time over relu's against largest error, {len(timed)} forms; unbeaten: "
        f"{members or 'none'}",
    )


_SHELF = COARSE * 2.5
"""Where errors above COARSE stand."""
_KEY, _KEY_LINES, _KEY_LETTERS = 13.0, 4, 60
_NAMED = 10
"""Unbeaten forms that are named below the axis, the cheapest."""


def _told(front: Frontier) -> list[str]:
    """The unbeaten forms in a few lines, the cheapest first."""
    order = sorted(front.members, key=lambda each: cost(each).value)
    names = [_name(each, True)[:24] for each in order[:_NAMED]]
    more = [f"{len(order) - _NAMED} more"] * (len(order) > _NAMED)
    text = f"Unbeaten: {listing([*names, *more]) or 'none'}."
    return wrap(text, _KEY_LETTERS, max_lines=_KEY_LINES, placeholder=" …")


def _height(each: Timed) -> float:
    return _SHELF if error(each) >= COARSE else error(each)


def _name(each: Timed, whole: bool) -> str:
    form = each.case.form
    return f"{each.case.activation} {form}" if whole and form != "native" else each.case.activation


def _markers(axes: Axes, family: str, timed: Sequence[Timed], filled: bool) -> None:
    """One marker a form; with its interval where it is filled."""
    colour = COLOURS[family]
    if filled:
        whiskers(axes, map(_height, timed), map(cost, timed), colour, 1)
    axes.plot(
        [cost(each).value for each in timed],
        [_height(each) for each in timed],
        marker=MARKERS[family],
        markersize=5.5,
        color=colour,
        markerfacecolor=colour if filled else "none",
        linestyle="none",
    )


def _steps(axes: Axes, front: Frontier) -> None:
    """The line right of which a form is beaten: upwards, with a step to the left at each corner."""
    bottom, top = axes.get_ylim()
    heights = [_SHELF if ulp >= COARSE else ulp for _, ulp in front.corners[1:]]
    xs = [limit for limit, _ in front.corners for _end in range(2)]
    ys = [bottom, *(height for height in heights for _end in range(2)), top]
    if xs:
        axes.plot(xs, ys, color=SOFT, linewidth=1)


def point_labels(axes: Axes, points: Sequence[tuple[float, float, str, bool]]) -> None:
    """Names beside the points, left out where they would overlap; the last field says: later."""
    places = axes.transData.transform([each[:2] for each in points])
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in places]
    limit = axes.bbox.x1 + 10
    order = sorted(range(len(points)), key=lambda i: (points[i][3], i))
    for index in order:
        x, y = places[index]
        text = points[index][2][:24]
        width = 5.3 * len(text)
        for left, bottom in ((x + 6, y - 5), (x - 6 - width, y - 5), (x - width / 2, y + 6)):
            box = (left, bottom, left + width, bottom + 10)
            if box[0] > axes.bbox.x0 and box[2] < limit and not any(_meet(box, o) for o in taken):
                taken.append(box)
                axes.annotate(text, (left, bottom + 2), xycoords="figure pixels", size=9)
                break


def _meet(one: Sequence[float], other: Sequence[float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
