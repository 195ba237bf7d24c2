"""Costs over the runs of a machine: a panel per framework and mode."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ...bench.catalog.cases import Case
from ..compare.settings import unusual
from ..draw.figure import Panel
from ..draw.svg import (
    LINE,
    SOFT,
    Drawing,
    Scale,
    colour,
    figure_of,
    logarithmic,
    shortened,
    tick_label,
)
from ..words import counted, title
from .runs import version_of
from .trends import History, Trend

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 340.0, 240.0, 40.0, 248.0, 44.0, 186.0
_APART = 11.0
"""The pixels between two names at the ends of lines, and between a version and the next."""


def panels(trend: Trend, histories: Sequence[History]) -> list[Panel]:
    """A panel for each framework, mode and setting among the histories, in their order."""
    groups: dict[Case, list[History]] = {}
    for history in histories:
        setting = replace(history.case, activation="", form="")
        groups.setdefault(setting, []).append(history)
    return [_panel(trend, group) for group in groups.values()]


def _panel(trend: Trend, histories: Sequence[History]) -> Panel:
    case = histories[0].case
    where = ", ".join([histories[0].who, *unusual(case)])
    up = logarithmic(
        [point.estimate.value for history in histories for point in history.points],
        _BOTTOM,
        _TOP,
        span=2.0,
    )
    across = Scale(0.5, len(trend.runs) + 0.5, _LEFT, _RIGHT, log=False)
    drawing = Drawing(_WIDTH, _HEIGHT)
    drawing.text(0, 12, shortened(where, _WIDTH, 12), 12, bold=True)
    drawing.text(0, 26, f"over relu (×), log scale; {counted(case.size, 'element')}", 9, fill=SOFT)
    for value in up.ticks():
        drawing.line(_LEFT, up(value), _RIGHT, up(value), LINE)
        drawing.text(_LEFT - 5, up(value) + 3, tick_label(value), 9, "end")
    versions = [version_of(run.facts, case.framework) for run in trend.runs]
    _runs(drawing, across, versions)
    drawing.text(_LEFT, _HEIGHT - 8, f"run, then version of {title(case.framework)}", 9, fill=SOFT)
    for history in histories:
        _line(drawing, across, up, history)
    for y, history in _apart(up, histories):
        name = shortened(history.case.activation, _WIDTH - _RIGHT - 8)
        drawing.text(_RIGHT + 8, y + 3, name, 10, fill=colour(history.family))
    spoken = "; ".join(map(_spoken, histories))
    return Panel(drawing.svg(), f"{where}: time over relu's by run: {spoken}")


def _runs(drawing: Drawing, across: Scale, versions: Sequence[str]) -> None:
    """Write run numbers where there is room, and new versions below their runs."""
    every = 1 + len(versions) // 12
    free, last = 0.0, ""
    for number, version in enumerate(versions, start=1):
        x = across(number)
        if (number - 1) % every == 0:
            drawing.text(x, _BOTTOM + 14, str(number), 9, "middle")
        if version and version != last and x > free:
            drawing.line(x, _BOTTOM, x, _TOP, SOFT, 1, "1 3")
            drawing.text(x, _BOTTOM + 28, shortened(version, 70, 9), 9, "middle")
            last, free = version, x + 70


def _line(drawing: Drawing, across: Scale, up: Scale, history: History) -> None:
    stroke = colour(history.family)
    places = [(across(p.run), up(p.estimate.value), p.estimate) for p in history.points]
    drawing.path("M" + "L".join(f"{x:.4g} {y:.4g}" for x, y, _ in places), stroke)
    for x, y, estimate in places:
        if estimate.known:
            drawing.line(x, up(estimate.low), x, up(estimate.high), stroke, 1.2)
        drawing.marker(x, y, history.family)
    for change in history.changes:
        x = across(history.measured[change.at].run - 0.5)
        drawing.line(x, _BOTTOM, x, _TOP, stroke, 1.6, "4 2")
        drawing.text(x, _TOP - 4, "change", 8.5, "middle", SOFT)


def _apart(up: Scale, histories: Sequence[History]) -> Iterator[tuple[float, History]]:
    """The histories by descending cost, each name placed below the one before it."""
    least = 0.0
    for history in sorted(histories, key=lambda history: -history.points[-1].estimate.value):
        least = max(least, up(history.points[-1].estimate.value))
        yield least, history
        least += _APART


def _spoken(history: History) -> str:
    points = ", ".join(f"run {p.run} {figure_of(p.estimate, '×')}" for p in history.points)
    return f"{history.member} {points}"
