"""The first screen as the page's template shows it, and its data for the page's script."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..read.evidence import Evidence
from .cells import MARKS, Table, has, table
from .drawer import drawers
from .head import conditions, warnings
from .model import FIGURES, Matrix, View, matrix

SWITCHES: Mapping[str, str] = {
    "figure": "show",
    "place": "data",
    "direction": "direction",
    "dtype": "dtype",
    "setup": "conditions",
}
"""The fields of a view, and the names of their switches."""
_OUTSIDE = "trouble_outside"
"""The metric behind a mark, which older runs may lack."""


@dataclass(frozen=True)
class Screen:
    """The conditions and warnings, the matrix in its foremost view, and its switches.

    `table` is None where nothing was measured; a switch is its name, its label, and options.
    """

    conditions: list[str]
    warnings: list[str]
    table: Table | None
    switches: Sequence[tuple[str, str, Mapping[str, str]]]
    marks: Mapping[str, tuple[str, str]]


def screen(evidence: Evidence) -> Screen:
    """The first screen without its sentences."""
    cells = matrix(evidence)
    return Screen(
        conditions(evidence, cells),
        warnings(evidence),
        table(evidence, cells, cells.views[0]) if cells.views else None,
        [(name, words, _options(cells, name)) for name, words in SWITCHES.items()],
        {key: mark for key, mark in MARKS.items() if key != "outside" or has(cells, _OUTSIDE)},
    )


def _options(cells: Matrix, name: str) -> Mapping[str, str]:
    """The values of a switch in words, the foremost first."""
    places = {view.place: cells.place(view) for view in cells.views}
    words = {"figure": FIGURES, "place": places}.get(name, {})
    values = dict.fromkeys(getattr(view, name) for view in cells.views)
    return {value: words.get(value, value) for value in values if value}


def data(evidence: Evidence, sheet: Callable[..., Any]) -> Mapping[str, Any]:
    """Every view, the values of its switches and its HTML, and the content of the drawers."""
    cells = matrix(evidence)

    def shown(view: View) -> list[Any]:
        values = [getattr(view, name) for name in SWITCHES]
        return [values, str(sheet(table(evidence, cells, view), MARKS))]

    views = [shown(view) for view in cells.views]
    return {"switches": list(SWITCHES), "views": views, **drawers(evidence, cells)}
