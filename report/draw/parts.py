"""The parts of a cost: bars that add up, in cache, streaming, and per call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ..compare.groups import Series, foremost, groups, in_families
from ..read.evidence import FAMILIES, Estimate, Evidence, Split
from ..words import capital, number, shortened
from .drawing import (
    COLOURS,
    INK,
    PARTS,
    SIGNS,
    SOFT,
    Panel,
    beside,
    canvas,
    heading,
    to_svg,
    whiskers,
)
from .figure import Figure

_ROW, _LEFT, _BROAD, _BAR = 19.0, 142.0, 596.0, 0.62
_COLUMNS = (
    ("in cache, ns per element", ("copy_floor", "arithmetic"), 1.0),
    ("streaming, ns per element", ("memory", "allocation"), 1.0),
    ("per call, µs", ("launch", "handoff"), 1000.0),
)
"""Columns side by side: a title, parts that add up from the left, and a unit in ns."""


def figures(evidence: Evidence) -> list[Figure]:
    """The parts of each activation's plain form, a panel per framework and mode."""
    return [
        Figure(
            "Where the time goes",
            f"{capital(group.words)}; each activation in its plain form: native, or the first one "
            "written out where there is none. The bar ends at ┃, the whisker is the 95 % interval "
            "of the arithmetic. A part is a difference of times and can fall below 0; the table "
            "has its interval. Every panel has axes of its own, from 0.",
            tuple(
                _panel(f"parts-{index}-{panel}", series)
                for panel, series in enumerate(group.series)
            ),
            "half",
        )
        for index, group in enumerate(foremost(groups(evidence, evidence.splits, _drawn)))
    ]


def _drawn(split: Split) -> bool:
    return split.plain and in_families(split) and split.part("arithmetic") is not None


def _panel(name: str, series: Series[Split]) -> Panel:
    splits = sorted(
        series.records,
        key=lambda split: (FAMILIES.index(split.family), _arithmetic(split).value),
    )
    with canvas(_BROAD, _ROW * len(splits) + 84, _LEFT, 10, top=48) as (figure, first):
        box = first.get_position()
        width, gap = box.width * 0.29, box.width * 0.065
        for index, (title, metrics, nanoseconds) in enumerate(_COLUMNS):
            axes = first if index == 0 else figure.add_axes((0.0, 0.0, 1.0, 1.0))
            axes.set_position((box.x0 + index * (width + gap), box.y0, width, box.height))
            axes.patch.set_visible(False)
            axes.set_axisbelow(True)
            _column(axes, title, metrics, nanoseconds, splits)
        for row, split in enumerate(splits):
            beside(first, row, shortened(split.case.activation, 23), -18, size=9.5, ha="right")
            look: dict[str, Any] = {"color": COLOURS[split.family], "ha": "right"}
            beside(first, row, SIGNS[split.family], -5, size=9, **look)
        heading(first, series.who, _LEFT, above=30)
        svg = to_svg(figure, name)
    costs = ", ".join(
        f"{split.case.activation} {number(_arithmetic(split).value)}" for split in splits
    )
    lead = f"{series.who}: parts of the cost of {len(splits)} activations"
    return Panel(svg, f"{lead}: arithmetic {costs}")


def _arithmetic(split: Split) -> Estimate:
    arithmetic = split.part("arithmetic")
    assert arithmetic is not None
    return arithmetic


def _column(
    axes: Axes, title: str, metrics: Sequence[str], nanoseconds: float, splits: Sequence[Split]
) -> None:
    measured = any(split.part(metric) for split in splits for metric in metrics)
    for row, split in enumerate(splits):
        parts = [(metric, part) for metric in metrics if (part := split.part(metric))]
        _bars(axes, row, [(metric, part.value / nanoseconds) for metric, part in parts])
        if measured and not parts:
            beside(axes, row, "not measured", 4, size=8, color=SOFT)
    if "arithmetic" in metrics:
        _whiskers(axes, splits)
    axes.axvline(0, color=SOFT, linewidth=0.8)
    axes.set(ylim=(len(splits) - 0.4, -0.6), yticks=[])
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    at: dict[str, Any] = dict(textcoords="offset points", color=SOFT, va="center", size=9.5)
    axes.annotate(title, (0, 1), xytext=(0, 11), xycoords="axes fraction", **at)
    if not measured:
        axes.set_xticks([])
        axes.annotate("not measured", (0, 0.5), xytext=(4, 0), xycoords="axes fraction", **at)


def _bars(axes: Axes, row: int, parts: Sequence[tuple[str, float]]) -> None:
    """Parts one after the other, those below 0 to the left."""
    ends = [0.0, 0.0]
    for metric, value in parts:
        side = value >= 0
        axes.barh(row, value, _BAR, ends[side], color=PARTS[metric], lw=0)
        ends[side] += value


def _whiskers(axes: Axes, splits: Sequence[Split]) -> None:
    """The interval of the arithmetic, where it adds to the floor."""
    known = {
        row: arithmetic.plus(floor.value)
        for row, split in enumerate(splits)
        if (arithmetic := split.part("arithmetic")) and (floor := split.part("copy_floor"))
    }
    whiskers(axes, known, known.values(), INK, 1.1)
    values = [arithmetic.value for arithmetic in known.values()]
    axes.plot(values, list(known), "|", color=INK, markersize=6)
