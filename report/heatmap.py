"""The heat map of errors: activation and form against framework and mode, as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.catalog import CATALOG

from .evidence import Checked
from .words import number, title

_STEPS = 10
_LARGEST = 24
"""Base-2 logarithm of the error, in ulp, from which on the colour is the strongest."""


@dataclass(frozen=True)
class Cell:
    """An error in words, and how strong its colour is: 0 to 10, none where nothing was measured."""

    text: str
    heat: int | None


@dataclass(frozen=True)
class Heatmap:
    """Errors in one direction: columns of framework and mode, rows of activation and form."""

    label: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, str, tuple[Cell, ...]], ...]


def errors(direction: str, checked: Sequence[Checked]) -> Heatmap:
    """Largest error in ulp: activation and form against framework and mode."""
    columns = sorted({_column(each) for each in checked}, key=_column_order)
    lines = sorted({_line(each) for each in checked}, key=_catalogue_order)
    found = {(_line(each), _column(each)): each.max_ulp for each in checked}
    return Heatmap(
        f"{direction}: largest error, ulp",
        tuple((title(framework), mode) for framework, mode in columns),
        tuple(
            (*line, tuple(_cell(found.get((line, column))) for column in columns)) for line in lines
        ),
    )


def _cell(ulp: float | None) -> Cell:
    if ulp is None:
        return Cell(number(ulp), None)
    share = 1.0 if math.isinf(ulp) else min(1.0, math.log2(1 + max(ulp, 0.0)) / _LARGEST)
    return Cell(number(ulp), round(_STEPS * share))


def _column(each: Checked) -> tuple[str, str]:
    return each.case.framework, each.case.mode


def _column_order(column: tuple[str, str]) -> tuple[str, bool]:
    return title(column[0]).lower(), column[1] != "eager"


def _line(each: Checked) -> tuple[str, str]:
    return each.case.activation, each.case.form


def _catalogue_order(line: tuple[str, str]) -> tuple[int, str, bool, str]:
    names = list(CATALOG)
    name = line[0].split("(")[0]
    place = names.index(name) if name in names else len(names)
    return place, line[0], line[1] != "native", line[1]
