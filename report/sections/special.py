"""What each framework makes of zeros, subnormals, ±∞, NaN, kinks and thresholds: a table each."""

from __future__ import annotations

from ...bench.exactness.special_table import COLUMNS, Line, lines
from ..read.evidence import Evidence
from ..words import capital, title
from .overview import Cell
from .parts import Pivot


def pivots(evidence: Evidence) -> list[Pivot]:
    """A table for each run and framework: its activations in the plain form."""
    several = len(evidence.runs) > 1
    made = []
    for name, run in evidence.runs.items():
        found = lines(row for row in run.records if row.plain)
        for framework in dict.fromkeys(line.framework for line in found):
            mine = [line for line in found if line.framework == framework]
            heading = f"{title(framework)}, run {name}" if several else title(framework)
            made.append(_pivot(heading, mine))
    return made


def _pivot(heading: str, found: list[Line]) -> Pivot:
    rows = tuple(
        (line.activation, line.form, tuple(_cell(line.cells[column]) for column in COLUMNS))
        for line in found
    )
    return Pivot(heading, "Activation", tuple(map(capital, COLUMNS)), rows)


def _cell(texts: tuple[str, ...]) -> Cell:
    return Cell(texts[0], texts[1:]) if texts else Cell("–")
