"""Small multiples of costs over the runs of a machine: a panel per framework and mode."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from ...bench.catalog.cases import Case
from ..compare.ratios import times
from ..compare.settings import unusual
from ..draw.curves import end_labels
from ..draw.drawing import (
    COLOURS,
    MARKERS,
    SOFT,
    WIDTH,
    Panel,
    canvas,
    ends,
    heading,
    limits,
    log_ticks,
    to_svg,
    whiskers,
)
from ..words import counted, number, shortened, title
from .runs import version_of
from .trends import History, Trend

_LEFT, _RIGHT = 46.0, 92.0
_ROOM = WIDTH - _LEFT - _RIGHT
_DIGIT = 5.4
"""The width of a figure of a label, in CSS pixels."""


def panels(name: str, trend: Trend, histories: Sequence[History]) -> list[Panel]:
    """A panel for each framework, mode and setting among the histories, in their order."""
    groups: dict[Case, list[History]] = {}
    for history in histories:
        setting = replace(history.case, activation="", form="")
        groups.setdefault(setting, []).append(history)
    return [_panel(f"{name}p{at}", trend, group) for at, group in enumerate(groups.values())]


def _panel(name: str, trend: Trend, histories: Sequence[History]) -> Panel:
    case = histories[0].case
    where = ", ".join([histories[0].who, *(shortened(word, 13) for word in unusual(case))])
    runs = len(trend.runs)
    up = limits(
        ends(p.estimate for history in histories for p in history.points), span=2.0, room=1.15
    )
    with canvas(WIDTH, 265, _LEFT, _RIGHT, top=44, bottom=62) as (figure, axes):
        axes.set(xscale="linear", yscale="log", ylim=up, xlim=(0.5, runs + 0.5))
        for history in histories:
            _draw(axes, history, runs)
        log_ticks(axes.yaxis, up)
        axes.grid(axis="y")
        _run_ticks(axes, runs)
        _versions(axes, [version_of(run.facts, case.framework) for run in trend.runs])
        axes.set_xlabel(f"run, then version of {title(case.framework)}", labelpad=18)
        last = {
            shortened(history.case.activation, 13): history.points[-1].estimate.value
            for history in histories
        }
        end_labels(axes, last, up)
        under = f"over relu (×), log scale; {counted(case.size, 'element')}"
        heading(axes, where, _LEFT, above=26, below=under)
        svg = to_svg(figure, name)
    spoken = "; ".join(map(_spoken, histories))
    return Panel(svg, f"{where}: time over relu's by run: {spoken}")


def _draw(axes: Axes, history: History, runs: int) -> None:
    colour, marker = COLOURS[history.family], MARKERS[history.family]
    values = [math.nan] * runs
    for point in history.points:
        values[point.run - 1] = point.estimate.value
    at = [point.run for point in history.points]
    whiskers(axes, at, [point.estimate for point in history.points], colour, upright=True)
    size = 5 if runs <= 20 else 3.5
    numbers = list(range(1, runs + 1))
    axes.plot(numbers, values, color=colour, marker=marker, markersize=size, linewidth=1)
    for change in history.changes:
        run = history.measured[change.at].run - 0.5
        axes.axvline(run, color=colour, linewidth=1.6, linestyle=(0, (4, 2)))
        axes.annotate(
            "change", (run, 1), xycoords=("data", "axes fraction"), xytext=(0, 2),
            textcoords="offset points", ha="center", size=8.5, color=SOFT,
        )  # fmt: skip


def _run_ticks(axes: Axes, runs: int) -> None:
    """Runs by their number, as many as there is room for."""
    step = math.ceil(runs * (len(str(runs)) * _DIGIT + 8) / _ROOM)
    axes.xaxis.set_major_locator(FixedLocator([*range(1, runs + 1, step)]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f}")


def _versions(axes: Axes, versions: Sequence[str]) -> None:
    """Versions below the runs at which they are new, left out where one would cover another."""
    free, last = -math.inf, ""
    for at, version in enumerate(versions):
        if not version or version == last:
            continue
        if last:
            axes.axvline(at + 0.5, color=SOFT, linewidth=1, linestyle=(0, (1, 3)))
        last, shown = version, shortened(version, 13)
        width = len(shown) * _DIGIT
        middle = (at + 0.5) * _ROOM / len(versions)
        if middle - width / 2 > free:
            free = middle + width / 2 + 4
            axes.annotate(
                shown, (at + 1, 0), xycoords=("data", "axes fraction"), xytext=(0, -29),
                textcoords="offset points", ha="center", size=9,
            )  # fmt: skip


def _spoken(history: History) -> str:
    points = ", ".join(f"run {point.run} {times(point.estimate)}" for point in history.points)
    changed = "".join(
        f", change at run {history.measured[change.at].run} to "
        f"{number(change.after[0])}–{number(change.after[1])}"
        for change in history.changes
    )
    return f"{history.member} {points}{changed}"
