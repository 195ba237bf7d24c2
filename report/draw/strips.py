"""Strips: ratios with their intervals, a group of marks a row, on one logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from ..read.evidence import Estimate
from ..words import number, ratio, shortened
from .drawing import (
    COLOURS,
    MARKERS,
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

_LANE, _GAP, _BELOW = 15.0, 9.0, 12.0
"""Pixels of a mark, between groups, and of a line under the title."""
_LEFT, _RIGHT = 82.0, 106.0


@dataclass(frozen=True)
class Mark:
    """A ratio with its interval and its name; `others` are values that stand faintly beside it.

    A `hollow` one is drawn as an outline: a second kind within the same family.
    """

    family: str
    label: str
    estimate: Estimate
    others: tuple[float, ...] = ()
    hollow: bool = False


@dataclass(frozen=True)
class Strip:
    """The marks of one group, and what they are of: a name, and a smaller line below it."""

    who: str
    below: str
    marks: tuple[Mark, ...]


Limits = tuple[float, float]


def limits(strips: Iterable[Strip], *others: float) -> Limits:
    """The ends of an axis that holds every value drawn, and these others."""
    values = [
        value
        for strip in strips
        for mark in strip.marks
        for value in (mark.estimate.value, *mark.others)
        if 0 < value < math.inf
    ]
    found = [*values, *others] or [1.0]
    low = min(found)
    return low / 1.3, max(*found, low * 3) * 1.3


def panel(
    name: str,
    title: str,
    strips: Sequence[Strip],
    across: Limits,
    axis: str,
    one: str = "",
    below: str = "",
) -> Panel:
    """Rows of marks over a dashed line at 1, which `one` names; `below` is a line under the title.

    An interval that reaches beyond the axis ends at its edge.
    """
    rows = sum(len(strip.marks) for strip in strips)
    height = rows * _LANE + len(strips) * _GAP
    room = _BELOW if below else 0.0
    with canvas(WIDTH, height + 84 + room, _LEFT, _RIGHT, top=38 + room) as (figure, axes):
        top = 0.0
        for strip in strips:
            _strip(axes, strip, top)
            top += len(strip.marks) * _LANE + _GAP
        axes.set(xscale="log", xlim=across, ylim=(height, 0), yticks=[])
        axes.grid(axis="x")
        if across[0] < 1 < across[1]:
            axes.axvline(1, color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
            if one:
                axes.annotate(
                    one, (1, 1), xycoords=("data", "axes fraction"), xytext=(0, 3),
                    textcoords="offset points", ha="center", size=8.5, color=SOFT,
                )  # fmt: skip
        axes.spines["left"].set_visible(False)
        log_ticks(axes.xaxis, across)
        axes.set_xlabel(axis)
        axes.xaxis.set_label_coords((WIDTH / 2 - _LEFT) / (WIDTH - _LEFT - _RIGHT), -30 / height)
        heading(axes, title, _LEFT, above=18 + room, below=below)
        svg = to_svg(figure, name)
    whole = ", ".join(filter(None, (title, below)))
    return Panel(svg, f"{whole}: {axis}: {'; '.join(map(_spoken, strips))}")


def _strip(axes: Axes, strip: Strip, top: float) -> None:
    for lane, mark in enumerate(strip.marks):
        _mark(axes, mark, top + (lane + 0.8) * _LANE)
    middle = top + (len(strip.marks) / 2 + 0.3) * _LANE
    beside(axes, middle, strip.who, -_LEFT, 5 if strip.below else 0, size=10)
    beside(axes, middle, strip.below, -_LEFT, -6.5, size=8.5, color=SOFT)


def _mark(axes: Axes, mark: Mark, at: float) -> None:
    colour, estimate = COLOURS[mark.family], mark.estimate
    if mark.others:
        axes.plot(
            mark.others, [at] * len(mark.others), marker=MARKERS[mark.family], markersize=3.5,
            markerfacecolor="none", markeredgecolor=colour, markeredgewidth=0.6, linestyle="none",
            clip_on=False,
        )  # fmt: skip
    whiskers(axes, [at], [estimate], colour, 2)
    axes.plot(
        [estimate.value], [at], marker=MARKERS[mark.family], markersize=6.5,
        markerfacecolor="none" if mark.hollow else colour, markeredgecolor=colour,
        linestyle="none", clip_on=False,
    )  # fmt: skip
    words = f"{number(estimate.value)}× {shortened(mark.label)}"
    beside(axes, at, words, 7, edge=1, size=9)


def _spoken(strip: Strip) -> str:
    told = ", ".join(f"{mark.label} {ratio(mark.estimate)}" for mark in strip.marks)
    return f"{' '.join(filter(None, (strip.who, strip.below)))}: {told}"
