"""Strips: ratios with their intervals, a group of marks a row, on one logarithmic axis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from ..compare.ratios import times
from ..compare.settings import Setting
from ..read.evidence import Estimate
from ..words import number, shortened, title
from .drawing import (
    COLOURS,
    MARKERS,
    SOFT,
    Limits,
    Panel,
    Row,
    beside,
    limits,
    log_ticks,
    rows,
    spoken,
    to_svg,
    whiskers,
)

_RIGHT = 106.0


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


Strip = Row[Mark]


@dataclass(frozen=True)
class Strips:
    """The content of one panel: its title, a subtitle, and its strips."""

    title: str
    strips: Sequence[Strip]
    below: str = ""


def by_setting(marks: Iterable[tuple[Setting, Mark]]) -> list[Strip]:
    """A strip per framework and mode."""
    marks_of: dict[tuple[str, str], list[Mark]] = {}
    for setting, mark in marks:
        marks_of.setdefault((title(setting.framework), setting.mode), []).append(mark)
    return [Row(who, mode, tuple(strip)) for (who, mode), strip in marks_of.items()]


def panels(name: str, contents: Sequence[Strips], over: str) -> tuple[Panel, ...]:
    """Panels on the same axis: times over those of `over`, with a dashed line at 1."""
    marks = [mark for content in contents for strip in content.strips for mark in strip.items]
    values = [value for mark in marks for value in (mark.estimate.value, *mark.others)]
    across = limits([1.0, *values], room=1.3)
    return tuple(
        _panel(f"{name}-{index}", content, across, over)
        for index, content in enumerate(contents)
        if content.strips
    )


def _panel(name: str, content: Strips, across: Limits, over: str) -> Panel:
    """Rows of marks. An interval that reaches beyond the axis ends at its edge."""
    axis = f"time over that of {over} (×), log scale"
    with rows(content.strips, content.title, axis, _RIGHT, content.below) as (figure, axes, placed):
        axes.set(xscale="log", xlim=across)
        for height, mark in placed:
            _mark(axes, mark, height)
        axes.axvline(1, color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
        axes.annotate(
            over, (1, 1), xycoords=("data", "axes fraction"), xytext=(0, 3),
            textcoords="offset points", ha="center", size=8.5, color=SOFT,
        )  # fmt: skip
        log_ticks(axes.xaxis, across)
        svg = to_svg(figure, name)
    whole = ", ".join(filter(None, (content.title, content.below)))
    strips = "; ".join(spoken(strip, _spoken) for strip in content.strips)
    return Panel(svg, f"{whole}: {axis}: {strips}")


def _mark(axes: Axes, mark: Mark, at: float) -> None:
    colour, marker = COLOURS[mark.family], MARKERS[mark.family]
    axes.plot(
        mark.others, [at] * len(mark.others), marker, markersize=3.5, markerfacecolor="none",
        markeredgecolor=colour, markeredgewidth=0.6, clip_on=False,
    )  # fmt: skip
    whiskers(axes, [at], [mark.estimate], colour, 2)
    axes.plot(
        [mark.estimate.value], [at], marker, markersize=6.5, markeredgecolor=colour,
        markerfacecolor="none" if mark.hollow else colour, clip_on=False,
    )  # fmt: skip
    words = f"{number(mark.estimate.value)}× {shortened(mark.label)}"
    beside(axes, at, words, 7, edge=1, size=9)


def _spoken(mark: Mark) -> str:
    return f"{mark.label} {times(mark.estimate)}".strip()
