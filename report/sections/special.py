"""Results at zeros, subnormals, ±∞, NaN, kinks and thresholds: a table per framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    by_framework: dict[str, list[Conventions]] = {}
    for name, run in evidence.runs.items():
        where = f", run {name}" * (len(evidence.runs) > 1)
        for case in conventions(row for row in run.records if row.plain):
            by_framework.setdefault(f"{title(case.framework)}{where}", []).append(case)
    return [_pivot(heading, of_framework) for heading, of_framework in by_framework.items()]


def _pivot(heading: str, of_framework: Sequence[Conventions]) -> Pivot:
    rows = [
        (case.activation, case.form, [_cell(case.cells[column]) for column in COLUMNS])
        for case in of_framework
    ]
    return Pivot(heading, "Activation", tuple(map(capital, COLUMNS)), rows)


def _cell(texts: tuple[str, ...]) -> Cell:
    return Cell(texts[0], texts[1:]) if texts else EMPTY
