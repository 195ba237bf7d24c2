"""Small multiples of costs over the runs of a machine: a panel a framework and mode."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from ...bench.catalog.cases import Case
from ..draw.charts import Limits, end_labels
from ..draw.drawing import COLOURS, MARKERS, SOFT, WIDTH, Panel, canvas, heading, log_ticks, to_svg
from ..sections.answers import unusual
from ..words import counted, number, ratio, shortened, title
from .runs import version_of
from .trends import Series, Trend

_LEFT, _RIGHT = 46.0, 92.0
_DIGIT = 5.4
"""The width of a figure of a label, in CSS pixels."""


def panels(name: str, trend: Trend, series: Sequence[Series]) -> list[Panel]:
    """A panel for each framework, mode and setting among the series, in their order."""
    groups: dict[Case, list[Series]] = {}
    for each in series:
        setting = replace(each.case, activation="", form="")
        groups.setdefault(setting, []).append(each)
    return [_panel(f"{name}p{at}", trend, lines) for at, lines in enumerate(groups.values())]


def single_panels(name: str, trend: Trend, series: Sequence[Series]) -> list[Panel]:
    """A panel for each series."""
    return [_panel(f"{name}p{at}", trend, [each]) for at, each in enumerate(series)]


def _panel(name: str, trend: Trend, lines: Sequence[Series]) -> Panel:
    case = lines[0].case
    who = f"{title(case.framework)}, {case.mode}"
    where = ", ".join([who, *(shortened(word, 13) for word in unusual(case))])
    limits, runs = _limits(lines), len(trend.runs)
    with canvas(WIDTH, 265, _LEFT, _RIGHT, top=44, bottom=62) as (figure, axes):
        axes.set(xscale="linear", yscale="log", ylim=limits, xlim=(0.5, runs + 0.5))
        for each in lines:
            _line(axes, each, runs)
        log_ticks(axes.yaxis, limits)
        axes.grid(axis="y")
        _run_ticks(axes, runs)
        _versions(axes, [version_of(each.facts, case.framework) for each in trend.runs])
        axes.set_xlabel(f"run, then version of {title(case.framework)}", labelpad=18)
        ends = {
            shortened(each.case.activation, 13): each.points[-1].estimate.value for each in lines
        }
        end_labels(axes, ends, limits)
        who_alone = f"{shortened(lines[0].words, 26)} " if len(lines) == 1 else ""
        under = f"{who_alone}over relu (×), log scale; {counted(case.size, 'element')}"
        heading(axes, where, _LEFT, above=26, below=under)
        svg = to_svg(figure, name)
    return Panel(svg, f"{where}: time over relu's by run: {_spoken(lines)}")


def _limits(lines: Iterable[Series]) -> Limits:
    """A factor of 2 at the least, so that noise does not fill a panel."""
    estimates = [point.estimate for each in lines for point in each.points]
    ends = [end for each in estimates for end in (each.value, each.low, each.high)]
    found = [end for end in ends if end is not None and 0 < end < math.inf]
    low, high = min(found), max(found)
    spare = max(1.15, math.sqrt(2 / (high / low)))
    return low / spare, high * spare


def _line(axes: Axes, series: Series, runs: int) -> None:
    colour = COLOURS.get(series.family, COLOURS["unknown"])
    marker = MARKERS.get(series.family, MARKERS["unknown"])
    values = [math.nan] * runs
    for point in series.points:
        found = point.estimate
        values[point.run - 1] = found.value
        if found.low is not None and found.high is not None:
            at = (point.run, point.run)
            axes.plot(at, (max(found.low, 1e-300), found.high), color=colour, linewidth=1.2)
    size = 5 if runs <= 20 else 3.5
    numbers = list(range(1, runs + 1))
    axes.plot(numbers, values, color=colour, marker=marker, markersize=size, linewidth=1)
    for change in series.changes:
        at_run = series.measured[change.at].run
        axes.axvline(at_run - 0.5, color=colour, linewidth=1.6, linestyle=(0, (4, 2)))
        axes.annotate(
            "change", (at_run - 0.5, 1), xycoords=("data", "axes fraction"), xytext=(0, 2),
            textcoords="offset points", ha="center", size=8.5, color=SOFT,
        )  # fmt: skip


def _run_ticks(axes: Axes, runs: int) -> None:
    """Runs by their number, as many as there is room for."""
    room = WIDTH - _LEFT - _RIGHT
    step = math.ceil(runs * (len(str(runs)) * _DIGIT + 8) / room)
    axes.xaxis.set_major_locator(FixedLocator([*range(1, runs + 1, step)]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f}")


def _versions(axes: Axes, versions: Sequence[str]) -> None:
    """Versions below the runs at which they are new, left out where one would cover another."""
    room = (WIDTH - _LEFT - _RIGHT) / len(versions)
    free, last = -math.inf, ""
    for at, version in enumerate(versions):
        if not version or version == last:
            continue
        if last:
            axes.axvline(at + 0.5, color=SOFT, linewidth=1, linestyle=(0, (1, 3)))
        last, shown = version, shortened(version, 13)
        width = len(shown) * _DIGIT
        middle = (at + 0.5) * room
        if middle - width / 2 > free:
            free = middle + width / 2 + 4
            axes.annotate(
                shown, (at + 1, 0), xycoords=("data", "axes fraction"), xytext=(0, -29),
                textcoords="offset points", ha="center", size=9,
            )  # fmt: skip


def _spoken(lines: Iterable[Series]) -> str:
    return "; ".join(
        f"{each.words} "
        + ", ".join(f"run {point.run} {ratio(point.estimate)}" for point in each.points)
        + "".join(
            f", change at run {each.measured[change.at].run} to "
            f"{number(change.after[0])}–{number(change.after[1])}"
            for change in each.changes
        )
        for each in lines
    )
