"""Results at zeros, subnormals, ±∞, NaN, kinks and thresholds: a table per framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from ...bench.exactness.conventions import COLUMNS, ROW_COLUMNS, Conventions, conventions
from ...bench.exactness.special import BOUND
from ..read.evidence import Evidence
from ..tables.pivot import EMPTY, Cell, Pivot
from ..words import capital, listing, title

ORDER = 50
TITLE = "Special points"
_KINDS = {COLUMNS[0]: "", ROW_COLUMNS[0]: ", functions of rows"}
"""The end of a heading, by the first column of its table."""


def SUMMARY(evidence: Evidence) -> str:
    """The frameworks that have a table."""
    return f"Results at −0, NaN, ±∞, kinks and thresholds: {listing(list(_tables(evidence)))}."


def content(evidence: Evidence) -> Mapping[str, Any] | None:
    """A table for each run and framework; None where no special point was measured."""
    tables = [
        _pivot(heading, columns, [case for case in alike if columns[0] in case.cells])
        for heading, alike in _tables(evidence).items()
        for columns in (COLUMNS, ROW_COLUMNS)
        if any(columns[0] in case.cells for case in alike)
    ]
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


def _pivot(heading: str, columns: Sequence[str], of_framework: Sequence[Conventions]) -> Pivot:
    rows = [
        (case.activation, case.form, [_cell(case.cells[column]) for column in columns])
        for case in of_framework
    ]
    titles = tuple(map(capital, columns))
    return Pivot(f"{heading}{_KINDS[columns[0]]}", "Activation", titles, rows)


def _cell(texts: tuple[str, ...]) -> Cell:
    return Cell(texts[0], texts[1:]) if texts else EMPTY
