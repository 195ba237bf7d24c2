"""Results at zeros, subnormals, ±∞, NaN, kinks and thresholds: a table per framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from ...bench.exactness.conventions import COLUMNS, Conventions, conventions
from ...bench.exactness.special import BOUND
from ..read.evidence import Evidence
from ..tables.pivot import EMPTY, Cell, Pivot
from ..words import capital, listing, title

ORDER = 50
TITLE = "Special points"


def SUMMARY(evidence: Evidence) -> str:
    """The frameworks that have a table."""
    return f"Results at −0, NaN, ±∞, kinks and thresholds: {listing(list(_tables(evidence)))}."


def content(evidence: Evidence) -> Mapping[str, Any] | None:
    """A table for each run and framework; None where no special point was measured."""
    tables = [_pivot(heading, alike) for heading, alike in _tables(evidence).items()]
    return {"pivots": tables, "bound": BOUND} if tables else None


@lru_cache(maxsize=2)
def _tables(evidence: Evidence) -> Mapping[str, Sequence[Conventions]]:
    """The activations of each run and framework in the plain form, by heading."""
    by_framework: dict[str, list[Conventions]] = {}
    for name, run in evidence.runs.items():
        for case in conventions(row for row in run.records if row.plain):
            by_framework.setdefault(
                ", ".join(filter(None, (title(case.framework), evidence.label(name)))), []
            ).append(case)
    return by_framework


def _pivot(heading: str, of_framework: Sequence[Conventions]) -> Pivot:
    rows = [
        (case.activation, case.form, [_cell(case.cells[column]) for column in COLUMNS])
        for case in of_framework
    ]
    return Pivot(heading, "Activation", tuple(map(capital, COLUMNS)), rows)


def _cell(texts: tuple[str, ...]) -> Cell:
    return Cell(texts[0], texts[1:]) if texts else EMPTY
