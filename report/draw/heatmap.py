"""Heat maps as tables: errors by framework and mode, and how far two frameworks lie apart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ...bench.catalog.activations import CATALOG
from ..read.evidence import Between, Checked, plain_form
from ..words import number, title

_STEPS = 10
_LARGEST = 24
"""Base-2 logarithm of the error, in ulp, from which on the colour is the strongest."""


@dataclass(frozen=True)
class Cell:
    """An error in words, and how strong its colour is: 0 to 10, none where nothing was measured."""

    text: str
    heat: int | None
    note: str = ""


@dataclass(frozen=True)
class Heatmap:
    """Columns of two lines, rows of an activation and its form, which may be empty."""

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


def between(dtype: str, found: Iterable[Between]) -> Heatmap:
    """Largest distance in ulp and share of equal bits: activation against pair of frameworks.

    Each pair in its plain form: native where both have it, else the first one written out that
    both have, named in the cell.
    """
    chosen: dict[tuple[str, tuple[str, str]], Between] = {}
    for each in sorted(found, key=lambda each: _catalogue_order(_line(each))):
        frameworks_of = (each.case.framework, each.against.name)
        if each.case.form in {plain_form(one, each.case.activation) for one in frameworks_of}:
            chosen.setdefault((each.case.activation, _pair(each)), each)
    columns = sorted({column for _, column in chosen}, key=lambda column: (column[1], column[0]))
    columns.sort(key=lambda column: column[1] != "eager")
    return Heatmap(
        f"forward, {dtype}: largest distance, ulp; below it the share of results with equal bits",
        tuple(columns),
        tuple(
            (name, "", tuple(_apart(chosen.get((name, column))) for column in columns))
            for name in dict.fromkeys(name for name, _ in chosen)
        ),
    )


def _pair(each: Between) -> tuple[str, str]:
    """The two frameworks, in the page's order, and the mode."""
    names = sorted((title(each.case.framework), title(each.against.name)), key=str.lower)
    return " – ".join(names), each.case.mode


def _apart(found: Between | None) -> Cell:
    if found is None:
        return Cell(number(None), None)
    form = found.case.form
    note = share(found.equal_bits) + (f" [{form}]" if form != "native" else "")
    return replace(_cell(found.max_ulp), note=note)


def share(value: float | None) -> str:
    """A share in per cent that is 0 or 100 only where it is so exactly."""
    if value is None:
        return "bits not compared"
    shown = f"{value:.1%}"
    if value < 1 and shown == "100.0%":
        return ">99.9 %"
    if value > 0 and shown == "0.0%":
        return "<0.1 %"
    return shown.replace(".0%", "%").replace("%", " %")


def of_frameworks(each: Between) -> bool:
    """Whether a comparison is of two frameworks, not of one under two conditions."""
    return each.of_frameworks and each.case.direction == "forward"


def _cell(ulp: float | None) -> Cell:
    if ulp is None:
        return Cell(number(ulp), None)
    share = 1.0 if math.isinf(ulp) else min(1.0, math.log2(1 + max(ulp, 0.0)) / _LARGEST)
    return Cell(number(ulp), round(_STEPS * share))


def _column(each: Checked) -> tuple[str, str]:
    return each.case.framework, each.case.mode


def _column_order(column: tuple[str, str]) -> tuple[str, bool]:
    return title(column[0]).lower(), column[1] != "eager"


def _line(each: Checked | Between) -> tuple[str, str]:
    return each.case.activation, each.case.form


def _catalogue_order(line: tuple[str, str]) -> tuple[int, str, bool, str]:
    names = list(CATALOG)
    name = line[0].split("(")[0]
    place = names.index(name) if name in names else len(names)
    return place, line[0], line[1] != "native", line[1]
