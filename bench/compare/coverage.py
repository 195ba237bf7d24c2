"""The coverage of intervals: how often independent runs of the same cells agree."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from ..catalog.cases import Case
from ..results.facts import Coverage, Rate, RunFacts
from ..results.rows import Row
from ..words import Table

NARROW, WIDER = 0.03, 0.05
"""The half-widths of a cost that a run should reach for most and for nearly all cells."""
ALL = ""
"""The setting that stands for all settings."""


@dataclass(frozen=True)
class Cell:
    """A cost over relu in one run, with its interval."""

    case: Case
    value: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half the interval as a share of the value."""
        return (self.high - self.low) / 2 / self.value

    def agrees(self, other: Cell) -> bool:
        """Return whether two costs differ by no more than both intervals together allow.

        Independent errors add by their squares: the ends that face each other count (Zou, Donner
        2008, Statistics in Medicine 27).
        """
        lower, upper = sorted((self, other), key=lambda cell: cell.value)
        above, below = math.log(lower.high / lower.value), math.log(upper.value / upper.low)
        return math.log(upper.value / lower.value) <= math.hypot(above, below)


def cells(rows: Iterable[Row]) -> dict[Case, Cell]:
    """The costs of plain forms other than the unit, where they have an interval."""
    return {
        row.case: Cell(row.case, row.value, row.low, row.high)
        for row in rows
        if row.metric == "relative_cost"
        and row.plain
        and row.value is not None
        and row.low
        and row.high
        and row.low < row.high
    }


def coverage(runs: Sequence[Iterable[Row]]) -> list[Coverage]:
    """The precision and agreement of runs in pairs, by framework and mode; all together first."""
    settings = _by_setting([cells(rows) for rows in runs])
    return [_coverage(name, several) for name, several in settings.items()]


def _by_setting(runs: Sequence[Mapping[Case, Cell]]) -> dict[str, list[list[Cell]]]:
    """The cells that all runs have, a list per cell, by framework and mode."""
    shared = [case for case in runs[0] if all(case in run for run in runs)]
    settings: dict[str, list[list[Cell]]] = {ALL: []}
    for case in shared:
        several = [run[case] for run in runs]
        for name in (ALL, f"{case.framework} {case.mode}"):
            settings.setdefault(name, []).append(several)
    return settings


def _coverage(setting: str, cells_of: Sequence[Sequence[Cell]]) -> Coverage:
    every = [cell for several in cells_of for cell in several]
    pairs = [
        pair for several in cells_of for pair in zip(several[::2], several[1::2], strict=False)
    ]
    framework, _, mode = setting.partition(" ")
    return Coverage(
        framework,
        mode,
        len(cells_of),
        median(cell.half_width for cell in every) if every else math.nan,
        Rate.counted(sum(cell.half_width <= NARROW for cell in every), len(every)),
        Rate.counted(sum(cell.half_width <= WIDER for cell in every), len(every)),
        Rate.counted(sum(cell.agrees(other) for cell, other in pairs), len(pairs)),
    )


AGREEING = 0.93
"""The least share of cells of two runs that must agree within both intervals."""


def table(lines: Iterable[Coverage], facts: RunFacts) -> list[str]:
    """The lines as a table in Markdown."""
    head = ("framework", "mode", "cells", "half width", "within ±3 %", "within ±5 %", "agree")
    cells_of = [
        [
            facts.title(line.framework) if line.framework else "all",
            line.mode or "all",
            f"{line.cells}",
            f"±{line.half_width:.1%}",
            *(rate.words for rate in (line.narrow, line.wider, line.agree)),
        ]
        for line in lines
    ]
    return Table(head, cells_of).markdown()


def words(lines: Sequence[Coverage]) -> str:
    """The outcome in two sentences."""
    every = lines[0]
    if not every.cells:
        return "The runs have no cost in common."
    return (
        f"Half of the costs are known to ±{every.half_width:.1%}, {every.narrow.share:.0%} to "
        f"±3 %. Of the costs of both runs {every.agree.share:.0%} differ by no more than both "
        "intervals allow."
    )


def exit_status(lines: Sequence[Coverage]) -> int:
    """Return 1 where certainly too few costs agree, or none could be compared; else 0."""
    return int(not lines[0].agree.of or lines[0].agree.high < AGREEING)
