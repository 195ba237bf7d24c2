"""What each framework makes of zeros, subnormals, ±∞, NaN, kinks and thresholds: a table each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...bench.exactness.conventions import COLUMNS, Conventions, conventions
from ...bench.exactness.special import BOUND
from ..read.evidence import Evidence, with_device
from ..tables.pivot import EMPTY, Cell, Pivot
from ..words import capital, title

ORDER = 140
TITLE = "Special points"
LINK = "Special points"


def content(evidence: Evidence) -> Mapping[str, Any]:
    """A table for each run and framework."""
    command = with_device(evidence, "actbench run --only agreement")
    return {"pivots": pivots(evidence), "bound": BOUND, "command": command}


def pivots(evidence: Evidence) -> list[Pivot]:
    """A table for each run and framework: its activations in the plain form."""
    found: dict[str, list[Conventions]] = {}
    for name, run in evidence.runs.items():
        where = f", run {name}" * (len(evidence.runs) > 1)
        for line in conventions(row for row in run.records if row.plain):
            found.setdefault(f"{title(line.framework)}{where}", []).append(line)
    return [_pivot(heading, of_framework) for heading, of_framework in found.items()]


def _pivot(heading: str, found: list[Conventions]) -> Pivot:
    rows = [
        (line.activation, line.form, [_cell(line.cells[column]) for column in COLUMNS])
        for line in found
    ]
    return Pivot(heading, "Activation", tuple(map(capital, COLUMNS)), rows)


def _cell(texts: tuple[str, ...]) -> Cell:
    return Cell(texts[0], texts[1:]) if texts else EMPTY
