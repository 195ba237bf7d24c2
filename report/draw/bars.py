"""Bars: shares of a whole, a group of bars a row, on one linear axis from 0."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter

from ..words import shortened
from .drawing import SOFT, WIDTH, Panel, beside, canvas, heading, to_svg

_LANE, _BAR, _GAP = 15.0, 10.0, 9.0
"""Pixels of a bar with its room, of the bar, and between groups."""
_LEFT, _RIGHT = 82.0, 140.0
_REACH = 0.5
"""How far beyond 0 and 1 an axis goes at most: a bar that reaches farther ends at its edge."""


@dataclass(frozen=True)
class Bar:
    """Shares by the name of their kind, in order, and the words beside them.

    A share below 0 stands to the left of 0.
    """

    label: str
    shares: Mapping[str, float]


@dataclass(frozen=True)
class Group:
    """The bars of one row, and what they are of: a name, and a smaller line below it."""

    who: str
    below: str
    bars: tuple[Bar, ...]


def panel(
    name: str, title: str, groups: Sequence[Group], axis: str, colours: Mapping[str, str]
) -> Panel:
    """Rows of bars; `colours` are those of the kinds of share, named above where several."""
    height = sum(len(group.bars) * _LANE + _GAP for group in groups)
    several = len(colours) > 1
    drawn = {kind for group in groups for bar in group.bars for kind in bar.shares}
    with canvas(WIDTH, height + 84, _LEFT, _RIGHT, top=38) as (figure, axes):
        top = 0.0
        for group in groups:
            _words(axes, group, top)
            for lane, bar in enumerate(group.bars):
                _stack(axes, bar, top + (lane + 0.8) * _LANE, colours)
            top += len(group.bars) * _LANE + _GAP
        axes.set(xlim=_ends(groups), ylim=(height, 0), yticks=[])
        axes.grid(axis="x")
        axes.axvline(0, color=SOFT, linewidth=0.8)
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(FixedLocator([0, 0.5, 1]))
        axes.xaxis.set_major_formatter(
            FuncFormatter(lambda value, _: "100 %" if value == 1 else f"{value * 100:g}")
        )
        axes.set_xlabel(axis)
        axes.xaxis.set_label_coords((WIDTH / 2 - _LEFT) / (WIDTH - _LEFT - _RIGHT), -30 / height)
        heading(axes, title, _LEFT, above=20)
        if several:
            _legend(axes, {kind: colour for kind, colour in colours.items() if kind in drawn})
        svg = to_svg(figure, name)
    return Panel(svg, f"{title}: {axis}: {'; '.join(map(_spoken, groups))}")


def _stack(axes: Axes, bar: Bar, middle: float, colours: Mapping[str, str]) -> None:
    ends = [0.0, 0.0]
    for kind, share in bar.shares.items():
        side = share >= 0
        axes.barh(middle, share, _BAR, ends[side], color=colours[kind], lw=0)
        ends[side] += share


def _ends(groups: Iterable[Group]) -> tuple[float, float]:
    stacks = [bar.shares.values() for group in groups for bar in group.bars]
    low = min((sum(min(share, 0.0) for share in each) for each in stacks), default=0.0)
    high = max((sum(max(share, 0.0) for share in each) for each in stacks), default=1.0)
    return max(low, -_REACH), min(max(high, 1.0), 1 + _REACH)


def _words(axes: Axes, group: Group, top: float) -> None:
    middle = top + (len(group.bars) / 2 + 0.3) * _LANE
    beside(axes, middle, shortened(group.who, 15), -_LEFT, 5 if group.below else 0, size=10)
    beside(axes, middle, shortened(group.below, 17), -_LEFT, -6.5, size=8.5, color=SOFT)
    for lane, bar in enumerate(group.bars):
        row = top + (lane + 0.8) * _LANE
        beside(axes, row, shortened(bar.label, 30), 7, edge=1, size=8.5)


def _legend(axes: Axes, colours: Mapping[str, str]) -> None:
    """The kinds in the order of their bars, each after its colour."""
    across = -_LEFT
    at: dict[str, Any] = dict(
        xycoords="axes fraction", textcoords="offset points", va="bottom", size=8.5
    )
    for kind, colour in colours.items():
        axes.annotate("■", (0, 1), xytext=(across, 5), color=colour, **at)
        axes.annotate(kind, (0, 1), xytext=(across + 10, 5), color=SOFT, **at)
        across += 17 + 5.3 * len(kind)


def _spoken(group: Group) -> str:
    told = ", ".join(bar.label for bar in group.bars)
    return f"{' '.join(filter(None, (group.who, group.below)))}: {told}"
