"""The charts of a cost's parts: bars of what adds up, and the cost model's points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ..read.evidence import Estimate, Split
from ..words import number, shortened
from .charts import Limits, point_labels
from .drawing import (
    COLOURS,
    INK,
    MARKERS,
    PARTS,
    SOFT,
    WIDTH,
    Panel,
    beside,
    canvas,
    heading,
    log_ticks,
    to_svg,
    whiskers,
)

_ROW = 19.0
_LEFT = 142.0
_BROAD = 596.0
_HALF = 0.31
"""Half the height of a bar, of a row."""
_COLUMNS = (
    ("in cache, ns an element", ("copy_floor", "arithmetic")),
    ("streaming, ns an element", ("memory", "allocation")),
    ("a call, µs", ("launch", "handoff")),
)
"""What stands side by side: each adds up from the left."""


def parts(name: str, who: str, splits: Sequence[Split]) -> Panel:
    """Each activation's parts: in cache, what streaming adds, and a call's own, each from 0."""
    with canvas(_BROAD, _ROW * len(splits) + 84, _LEFT, 10, top=48) as (figure, first):
        box = first.get_position()
        width, gap = box.width * 0.29, box.width * 0.065
        for index, (title, metrics) in enumerate(_COLUMNS):
            axes = first if index == 0 else figure.add_axes((0.0, 0.0, 1.0, 1.0))
            axes.set_position((box.x0 + index * (width + gap), box.y0, width, box.height))
            axes.patch.set_visible(False)
            axes.set_axisbelow(True)
            _column(axes, title, metrics, splits)
        _names(first, splits)
        heading(first, who, _LEFT, above=30)
        svg = to_svg(figure, name)
    return Panel(svg, f"{who}: parts of the cost of {len(splits)} activations: {_spoken(splits)}")


def _column(axes: Axes, title: str, metrics: Sequence[str], splits: Sequence[Split]) -> None:
    unit = 1000.0 if metrics == _COLUMNS[2][1] else 1.0
    at: dict[str, Any] = dict(textcoords="offset points", color=SOFT, va="center")
    measured = any(each.part(metric) for each in splits for metric in metrics)
    for row, each in enumerate(splits):
        if measured and not any(each.part(metric) for metric in metrics):
            axes.annotate("not measured", (0, row), xytext=(4, 0), size=8, **at)
    ends = [[0.0, 0.0] for _ in splits]
    for metric in metrics:
        _bars(axes, [each.part(metric) for each in splits], unit, ends, PARTS[metric])
    axes.autoscale_view()
    if "arithmetic" in metrics:
        _whiskers(axes, splits)
    axes.axvline(0, color=SOFT, linewidth=0.8)
    axes.set(ylim=(len(splits) - 0.4, -0.6), yticks=[])
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    at["xycoords"] = "axes fraction"
    axes.annotate(title, (0, 1), xytext=(0, 11), size=9.5, **at)
    if not measured:
        axes.set_xticks([])
        axes.annotate("not measured", (0, 0.5), xytext=(4, 0), size=9.5, **at)


def _bars(
    axes: Axes,
    found: Sequence[Estimate | None],
    unit: float,
    ends: Sequence[list[float]],
    colour: str,
) -> None:
    """One part in every row, behind the parts of its sign before it, whose `ends` it moves."""
    for row, part in enumerate(found):
        if part is not None:
            width, side = part.value / unit, part.value >= 0
            axes.barh(row, width, 2 * _HALF, ends[row][side], color=colour, lw=0)
            ends[row][side] += width


def _whiskers(axes: Axes, splits: Sequence[Split]) -> None:
    """The interval of the arithmetic, where it adds to the floor."""
    rows = [
        (row, found.plus(floor.value))
        for row, each in enumerate(splits)
        if (found := each.part("arithmetic")) and (floor := each.part("copy_floor"))
    ]
    if rows:
        places, estimates = zip(*rows, strict=True)
        whiskers(axes, places, estimates, INK, 1.1)
        axes.plot([each.value for each in estimates], places, "|", color=INK, markersize=6)


def _names(axes: Axes, splits: Sequence[Split]) -> None:
    for row, each in enumerate(splits):
        beside(axes, row, shortened(each.case.activation, 23), -18, size=9.5, ha="right")
        mark, colour = MARKS.get(each.family, " "), COLOURS.get(each.family, SOFT)
        beside(axes, row, mark, -5, size=9, color=colour, ha="right")


MARKS = {"max": "■", "exp": "●", "algebraic": "▲"}


def _spoken(splits: Sequence[Split]) -> str:
    told = [(each, each.part("arithmetic")) for each in splits]
    return "arithmetic " + ", ".join(
        f"{each.case.activation} {number(found.value if found else None)}" for each, found in told
    )


def predictions(
    name: str, who: str, points: Sequence[tuple[Split, Estimate, Estimate]], limits: Limits
) -> Panel:
    """Time an element predicted against measured; on the line the model holds."""
    left, right = 46.0, 12.0
    with canvas(WIDTH, 300, left, right) as (figure, axes):
        axes.plot(limits, limits, color=SOFT, linewidth=1)
        for factor in (0.75, 1.25):
            ends = [limit * factor for limit in limits]
            axes.plot(limits, ends, color=SOFT, linewidth=0.8, linestyle=(0, (4, 3)))
        for family in dict.fromkeys(each.family for each, _, _ in points):
            mine = [each for each in points if each[0].family == family]
            _predicted(axes, family, mine, limits[0])
        axes.set(xscale="log", yscale="log", xlim=limits, ylim=limits)
        log_ticks(axes.xaxis, limits)
        log_ticks(axes.yaxis, limits)
        axes.grid()
        axes.set_xlabel("predicted, ns an element, log scales")
        named = [
            (predicted.value, measured.value, each.case.activation, not each.part("surprise"))
            for each, predicted, measured in points
        ]
        point_labels(axes, named)
        heading(axes, f"{who}: measured, ns an element", left)
        svg = to_svg(figure, name)
    return Panel(svg, f"{who}: time an element predicted and measured: {_compared(points)}")


def _predicted(
    axes: Axes, family: str, points: Sequence[tuple[Split, Estimate, Estimate]], lowest: float
) -> None:
    """One family's points with their intervals; those of surprises are filled."""
    colour = COLOURS[family]
    ends = [replace(each, low=max(each.low or lowest, lowest)) for _, _, each in points]
    whiskers(axes, [each.value for _, each, _ in points], ends, colour, 1, upright=True)
    for odd in (False, True):
        mine = [each for each in points if bool(each[0].part("surprise")) is odd]
        axes.plot(
            [predicted.value for _, predicted, _ in mine],
            [measured.value for _, _, measured in mine],
            marker=MARKERS[family], markersize=6, color=colour,
            markerfacecolor=colour if odd else "none", linestyle="none",
        )  # fmt: skip


def _compared(points: Sequence[tuple[Split, Estimate, Estimate]]) -> str:
    spoken: Mapping[str, str] = {
        f"{each.case.activation} {each.case.form}": f"{number(predicted.value)} and "
        f"{number(measured.value)}"
        for each, predicted, measured in points
    }
    return ", ".join(f"{key} {text}" for key, text in spoken.items())
