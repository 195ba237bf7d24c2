"""The cells of a view as they are shown: figures, marks, shades, and reasons for gaps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ...bench.catalog.activations import find
from ...bench.host.errors import UsageError
from ...bench.results.estimate import Estimate
from ..read.evidence import COARSE, Checked, Evidence, Missing, Timed
from ..words import duration, number, title
from .model import FIGURES, GROUPS, Column, Matrix, View

SHADES = 10
_DARKEST = math.log(30)
"""The logarithm of a cost at which a shade is the darkest."""
_WORST = 7
"""The power of ten of an error in ulp at which a shade is the darkest."""
DEAR = 1.25
"""The cost of a relu over the cheapest, or of a unit over another mode's, from which it is marked.
"""
_SLOW = 2.0
MARKS = {
    "inexact": ("▲", "inexact: off by more than 1,000 ulp"),
    "outside": ("△", "inexact only outside [−20, 20]"),
    "undecided": ("≈", "not distinguished from ReLU"),
    "dear": ("⚑", "odd: see the note under the table"),
}


@dataclass(frozen=True)
class Cell:
    """A cell: its figure with the half-width, marks, a shade and a bar, and a line about it.

    `shade` is from 0 to `SHADES`, negative below 1; `bar` is a share of the cell's width.
    """

    at: str
    column: int
    text: str
    half: str = ""
    marks: tuple[str, ...] = ()
    shade: int = 0
    about: str = ""

    @property
    def bar(self) -> int:
        """The length of the cell's bar in per cent."""
        return abs(self.shade) * 100 // SHADES


@dataclass(frozen=True)
class Line:
    """A row of the matrix: an activation, its formula, and its cells."""

    name: str
    formula: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Head:
    """The head of a column: framework, mode, the letter of its run, its unit and the unit's time.

    `marked` is a column with an odd unit, `apart` the first column of another mode.
    """

    number: int
    title: str
    name: str
    mode: str
    label: str
    unit: str
    marked: bool
    apart: bool


@dataclass(frozen=True)
class Table:
    """One view of the matrix, ready to be shown."""

    caption: str
    heads: tuple[Head, ...]
    groups: tuple[tuple[str, tuple[Line, ...]], ...]
    notes: tuple[str, ...]


def table(evidence: Evidence, matrix: Matrix, view: View) -> Table:
    """A view as a table."""
    odd = {column: _odd(matrix, column, view) for column in matrix.columns}
    heads = [
        _head(matrix, number, column, view, bool(odd[column]))
        for number, column in enumerate(matrix.columns)
    ]
    groups = [
        (
            _heading(matrix, group, view),
            tuple(_line(evidence, matrix, name, view) for name in names),
        )
        for group, names in matrix.rows.items()
    ]
    notes = (*filter(None, odd.values()), *_dear(matrix, view))
    return Table(caption(matrix, view), tuple(heads), tuple(groups), notes)


def _heading(matrix: Matrix, group: str, view: View) -> str:
    """A family in words; for functions of rows, with the lengths that were timed."""
    if group != "rowwise":
        return GROUPS[group]
    cells = (
        matrix.cell(column, name, view) for column in matrix.columns for name in matrix.rows[group]
    )
    lengths = sorted({cell.case.length for cell in cells if cell})
    said = f"rows of {' or '.join(f'{length:,}' for length in lengths)}" if lengths else ""
    return ", ".join(filter(None, (GROUPS[group], said)))


def caption(matrix: Matrix, view: View) -> str:
    """`cost over ReLU, in cache, forward, float32, 1 thread`."""
    near = view.figure == "error" and has(matrix, "max_ulp_near")
    figure = f"{FIGURES[view.figure]}{' over [−20, 20]' * near}"
    words = (figure, matrix.place(view), view.direction, view.dtype, view.setup)
    return ", ".join(filter(None, words))


def has(matrix: Matrix, metric: str) -> bool:
    """Return whether errors were measured by a metric, which older runs may lack."""
    return any(metric in checked.figures for checked in matrix.checked.values())


def at(matrix: Matrix, column: Column, activation: str) -> str:
    """The name of a cell in addresses: `gelu@torch-compiled`, `gelu@torch-compiled-1`."""
    source = matrix.sources.index(column.source)
    return "-".join(
        [f"{activation}@{column.framework}", column.mode, *[str(source)] * bool(source)]
    )


def _head(matrix: Matrix, number: int, column: Column, view: View, marked: bool) -> Head:
    unit = matrix.unit(column, view)
    written = f" ({unit.case.form})" if unit and unit.case.form != "native" else ""
    return Head(
        number,
        title(column.framework),
        column.framework,
        column.mode,
        matrix.label(*column.source),
        f"ReLU{written} {duration(unit.time.value)}" if unit and view.figure != "error" else "",
        marked,
        number > 0 and matrix.columns[number - 1].mode != column.mode,
    )


def _line(evidence: Evidence, matrix: Matrix, name: str, view: View) -> Line:
    cells = (
        _cell(evidence, matrix, number, column, name, view)
        for number, column in enumerate(matrix.columns)
    )
    return Line(name, formula(name), tuple(cells))


def formula(name: str) -> str:
    """The formula of an activation, where the catalogue has it."""
    try:
        return find(name).formula
    except UsageError:
        return ""


def _cell(
    evidence: Evidence, matrix: Matrix, number: int, column: Column, name: str, view: View
) -> Cell:
    place = at(matrix, column, name)
    if view.figure == "error":
        checked = matrix.checked.get((column, name, view))
        shown = _error(checked) if checked else None
    else:
        timed = matrix.cell(column, name, view)
        shown = (_time if view.figure == "time" else _cost)(timed) if timed else None
    if shown is None:
        return Cell(place, number, "–", about=why(evidence, matrix, column, name, view))
    return Cell(place, number, *shown)


_Shown = tuple[str, str, tuple[str, ...], int, str]


def _cost(timed: Timed) -> _Shown | None:
    if timed.cost is None:
        return None
    text, half = figures(timed.cost)
    if timed.is_unit:
        return "1", "", marks(timed), 0, "the unit of this column"
    return text, half, marks(timed), _shade(timed), _about(timed)


def _time(timed: Timed) -> _Shown:
    unit = duration(timed.time.value).split()[-1]
    factor = {"s": 1e-9, "ms": 1e-6, "µs": 1e-3}.get(unit, 1.0)
    text, half = figures(timed.time.scaled(factor))
    return f"{text} {unit}", half, marks(timed), _shade(timed), _about(timed)


def _error(checked: Checked) -> _Shown:
    value = checked.near
    hue = SHADES if math.isinf(value) else round(SHADES * math.log10(max(value, 1.0)) / _WORST)
    form = "" if checked.plain else f"{checked.case.form} form"
    return number(value), "", _exactness(checked), min(SHADES, hue), form


def _about(timed: Timed) -> str:
    """A note that a figure needs: a form that is not the plain one."""
    return "" if timed.plain else f"{timed.case.form} form"


def _shade(timed: Timed) -> int:
    """The shade of a cost; 0 where it is not decided."""
    return shade(timed.cost.value) if timed.cost and not undecided(timed) else 0


def shade(cost: float) -> int:
    """The shade of a cost on a logarithmic scale: 0 at 1, `SHADES` at 30 and −SHADES at 1/30."""
    if not 0 < cost < math.inf:
        return SHADES
    return max(-SHADES, min(SHADES, round(SHADES * math.log(cost) / _DARKEST)))


def figures(estimate: Estimate) -> tuple[str, str]:
    """A value in three digits, and the half-width of its interval in two, to the same decimal.

    A half-width is never rounded to 0.
    """
    text = number(estimate.value)
    if not estimate.known or "e" in text or not estimate.value:
        return text, ""
    half = (estimate.high - estimate.low) / 2
    decimals = min(len(text.partition(".")[2]), _decimals(half, 2))
    half = max(half, 10.0**-decimals) if half else half
    return f"{float(f'{estimate.value:.3g}'):,.{decimals}f}", f"±{half:,.{decimals}f}"


def _decimals(value: float, digits: int) -> int:
    """The decimals of a number that is written in so many digits."""
    return max(0, digits - 1 - math.floor(math.log10(value))) if value else 9


# --- marks ----------------------------------------------------------------------------------------


def marks(timed: Timed) -> tuple[str, ...]:
    """The marks of a cell that is undecided or wrong: keys of `MARKS`."""
    cost = timed.cost
    keys = list(_exactness(timed.exactness) if timed.exactness else ())
    if not keys and timed.flawed:
        keys = ["inexact"]
    if timed.case.activation == "relu" and cost and cost.value >= DEAR:
        keys.append("dear")
    return (*keys, *["undecided"] * (bool(cost) and undecided(timed)))


def undecided(timed: Timed) -> bool:
    """Return whether the interval of a cost contains 1, except for the unit itself."""
    cost = timed.cost
    return cost is not None and cost.known and not timed.is_unit and cost.low <= 1 <= cost.high


def _exactness(checked: Checked) -> tuple[str, ...]:
    if checked.near > COARSE:
        return ("inexact",)
    return ("outside",) if checked.figures.get("trouble_outside") else ()


# --- the unit -------------------------------------------------------------------------------------


def _odd(matrix: Matrix, column: Column, view: View) -> str:
    """A sentence where the unit is slow: twice the time of the framework's other mode."""
    unit = matrix.unit(column, view) if view.figure == "cost" else None
    if unit is None or view.place == "launch":
        return ""
    others = [
        (other, rival.time.value)
        for other in matrix.columns
        if (other.source, other.framework) == (column.source, column.framework)
        and (rival := matrix.unit(other, view))
    ]
    best, least = min(others, key=lambda known: known[1])
    if unit.time.value < _SLOW * least:
        return ""
    return (
        f"{column.who}: its unit takes {duration(unit.time.value)}, {best.mode} "
        f"{duration(least)}: costs over it read low."
    )


def _dear(matrix: Matrix, view: View) -> Iterator[str]:
    """A sentence per framework whose own relu costs more than the cheapest one."""
    for column in matrix.columns if view.figure == "cost" else ():
        timed = matrix.cell(column, "relu", view)
        if timed and timed.cost and timed.cost.value >= DEAR and timed.unit:
            own = f"{column.who}: its own relu costs {number(timed.cost.value)}"
            yield f"{own} times the cheapest, {timed.unit.name} as {timed.unit.form}."


# --- what was not measured ------------------------------------------------------------------------


def why(evidence: Evidence, matrix: Matrix, column: Column, name: str, view: View) -> str:
    """The reason why a cell has no figure."""
    tried = [
        missing
        for missing in matrix.missing.get((column, name), ())
        if (missing.case.direction, missing.case.dtype) == (view.direction, view.dtype)
        and (missing.what == "exactness") == (view.figure == "error")
    ]
    if tried:
        return reason(tried[0])
    if view.figure == "cost" and matrix.cell(column, name, view):
        return "timed, but no ReLU beside it"
    for worker in evidence.runs[column.run].facts.workers_of(column.framework):
        if worker.reason:
            return worker.reason
    return "not part of this run"


def reason(missing: Missing) -> str:
    """A failure and its reason: `refused: returns before its work is done`."""
    return f"{missing.status}: {missing.reason or 'no reason was kept'}"
