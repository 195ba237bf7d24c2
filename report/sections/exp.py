"""The cost of exp against max and against algebra only, at each size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..compare.families import NAMED
from ..compare.groups import Group, Series, groups, in_families
from ..compare.ratios import interval, ratio, verdict
from ..compare.sizes import Size
from ..read.evidence import Evidence, Timed, with_device
from ..tables.pivot import EMPTY, Cell, Pivot
from ..words import capital, counted, number

ORDER = 40
TITLE = "What exp costs, by size"
LINK = "What exp costs"
_OTHERS = ("relu", *NAMED["algebraic"])


def content(evidence: Evidence) -> Mapping[str, Any]:
    """A table for each set of conditions, the foremost first."""
    return {"pivots": pivots(evidence), "command": with_device(evidence, "actbench run")}


def pivots(evidence: Evidence) -> list[Pivot]:
    """The exp activations that people name over relu and over squareplus, by size."""
    tables = [_pivot(group) for group in groups(evidence, evidence.timed, _wanted)]
    return [pivot for pivot in tables if pivot.rows]


def _wanted(timed: Timed) -> bool:
    names = (*NAMED["exp"], *_OTHERS)
    return timed.plain and in_families(timed) and timed.case.activation in names


def _pivot(group: Group[Timed]) -> Pivot:
    rows = [
        (
            series.who,
            f"{exp} over {other}",
            [_cell(series, exp, other, size) for size in group.sizes],
        )
        for series in group.series
        for exp in NAMED["exp"]
        for other in _OTHERS
    ]
    return Pivot(
        capital(group.words),
        "Setting",
        [f"{size.name or 'total'}, {counted(size.elements, 'element')}" for size in group.sizes],
        [row for row in rows if any(cell is not EMPTY for cell in row[2])],
    )


def _cell(series: Series[Timed], exp: str, other: str, size: Size) -> Cell:
    named = {timed.case.activation: timed for timed in series.at(size)}
    estimate = ratio(named[exp], named[other]) if {exp, other} <= named.keys() else None
    if estimate is None:
        return EMPTY
    return Cell(f"{number(estimate.value)}×", (interval(estimate),), verdict(estimate).name.lower())
