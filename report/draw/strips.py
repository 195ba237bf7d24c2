"""Strips: figures with their intervals, a row per framework and mode, on one logarithmic axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...bench.results.estimate import Estimate
from ..words import number
from .figure import Panel
from .svg import SOFT, Drawing, Scale, colour, figure_of, logarithmic, shortened

WIDTH, _LEFT, _RIGHT = 340.0, 84.0, 110.0
_LANE, _GAP, _TOP = 15.0, 9.0, 46.0


@dataclass(frozen=True)
class Mark:
    """A figure with its interval, its name, and the family whose marker it has."""

    family: str
    label: str
    estimate: Estimate


@dataclass(frozen=True)
class Strip:
    """The marks of one row, a lane each, under a name and a smaller line below it."""

    who: str
    below: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Strips:
    """The content of one panel: its title and its strips."""

    title: str
    strips: Sequence[Strip]


def panels(
    contents: Sequence[Strips], axis: str, unit: str, dashed: str = "", at: float = 1.0
) -> tuple[Panel, ...]:
    """Panels of figures with a unit, on the same axis; `dashed` names a dashed line at `at`."""
    marks = [mark for content in contents for strip in content.strips for mark in strip.marks]
    values = [mark.estimate.value for mark in marks] + [at] * bool(dashed)
    scale = logarithmic(values, _LEFT, WIDTH - _RIGHT)
    return tuple(
        _panel(content, scale, axis, unit, dashed, at) for content in contents if content.strips
    )


def _panel(content: Strips, scale: Scale, axis: str, unit: str, dashed: str, at: float) -> Panel:
    height = sum(len(strip.marks) * _LANE + _GAP for strip in content.strips)
    drawing = Drawing(WIDTH, _TOP + height + 36)
    drawing.text(0, 12, shortened(content.title, WIDTH, 12), 12, bold=True)
    drawing.axis(scale, _TOP - 8, _TOP + height, axis)
    if dashed:
        drawing.line(scale(at), _TOP - 12, scale(at), _TOP + height, SOFT, 1, "4 3")
        drawing.text(scale(at), _TOP - 16, dashed, 9, "middle", SOFT)
    top = _TOP
    for strip in content.strips:
        middle = top + len(strip.marks) * _LANE / 2
        drawing.text(0, middle, shortened(strip.who, _LEFT), 10.5)
        drawing.text(0, middle + 11, shortened(strip.below, _LEFT, 9), 9, fill=SOFT)
        for lane, mark in enumerate(strip.marks):
            _mark(drawing, scale, top + (lane + 0.5) * _LANE, mark, unit)
        top += len(strip.marks) * _LANE + _GAP
    spoken = "; ".join(
        f"{strip.who} {strip.below}: "
        + ", ".join(f"{mark.label} {figure_of(mark.estimate, unit)}" for mark in strip.marks)
        for strip in content.strips
    )
    return Panel(drawing.svg(), f"{content.title}, {axis}: {spoken}")


def _mark(drawing: Drawing, scale: Scale, y: float, mark: Mark, unit: str) -> None:
    drawing.interval(scale, y, mark.estimate, colour(mark.family))
    drawing.marker(scale(mark.estimate.value), y, mark.family)
    words = f"{number(mark.estimate.value)}{unit} {mark.label}"
    drawing.text(WIDTH - _RIGHT + 8, y + 3.5, shortened(words, _RIGHT - 8, 9.5), 9.5)
