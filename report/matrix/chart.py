"""The content of figures for papers: costs by activation, and times over size above a copy's."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from ...bench.host.errors import UsageError
from ..compare.settings import MODES, rank
from ..draw.paper import FLOOR, Panel, Series, Words
from ..draw.svg import shortened
from ..read.evidence import Evidence, Timed
from ..words import capital, spelled, title
from .cells import caption
from .drawer import COPY
from .head import of_run, unit
from .model import GROUPS, Column, Key, Matrix, View, column_of, setup_of

USUAL = ("relu", "squareplus", "silu", "gelu")
"""The activations of a figure over size where none are chosen."""


@dataclass(frozen=True)
class Choice:
    """The choice of what is drawn; an empty field means all or, in one figure, the foremost."""

    place: str = ""
    direction: str = ""
    dtype: str = ""
    frameworks: tuple[str, ...] = ()
    activations: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()

    def has(self, key: Key, words: str) -> bool:
        """Return whether a cell may be drawn; `words` are those of its place."""
        column, activation, view = key
        return (
            self.place in ("", view.place, words)
            and self.direction in ("", view.direction)
            and self.dtype in ("", view.dtype)
            and (not self.frameworks or column.framework in self.frameworks)
            and (not self.activations or activation in self.activations)
            and (not self.modes or column.mode in self.modes)
        )


Cells = Mapping[tuple[Column, str], list[Timed]]
"""The cases of a view, by column and activation."""


def costs(
    evidence: Evidence, matrix: Matrix, choice: Choice
) -> tuple[list[Panel], list[str], Words]:
    """Costs over relu in one view: a panel per framework, the names of the rows, and the words.

    Rows are grouped by family, the cheapest first. Raises UsageError where there is nothing to
    draw.
    """
    known = [(key, timed) for key, timed in matrix.timed.items() if timed.plain and timed.cost]
    view, cells = _chosen(matrix, known, choice, "cost over ReLU")
    rows = _rows(matrix, cells)
    columns = list(dict.fromkeys(column for column, _ in cells))
    modes = sorted({column.mode for column in columns}, key=lambda mode: rank(MODES, mode))
    shift = 0.17 if len(modes) > 1 else 0.0
    panels: dict[str, list[Series]] = {}
    for column in sorted(columns, key=lambda column: title(column.framework).lower()):
        nth = modes.index(column.mode)
        for look, group in enumerate(GROUPS):
            marks = tuple(
                (row + shift * (2 * nth - 1), timed.cost)
                for row, (name, of) in enumerate(rows.items())
                for timed in cells.get((column, name), ())
                if of == group and timed.cost
            )
            if marks:
                series = Series(GROUPS[group], look, marks, hollow=nth > 0)
                panels.setdefault(_who(column, columns), []).append(series)
    names = [shortened(spelled(name), 110, 8) for name in rows]
    footer = f"{unit(evidence)} · lines: 95 % intervals · {_source(evidence, matrix, columns)}"
    words = Words(capital(caption(matrix, view)), "cost over ReLU", footer, tuple(modes))
    return [Panel(who, tuple(of)) for who, of in panels.items()], names, words


def _rows(matrix: Matrix, cells: Cells) -> dict[str, str]:
    """The group of each activation, ordered by group and mean cost, the cheapest first."""
    logs: dict[str, list[float]] = {}
    for (_, name), several in cells.items():
        logs.setdefault(name, []).extend(math.log(t.cost.value) for t in several if t.cost)
    return {
        name: group
        for group, names in matrix.rows.items()
        for name in sorted(logs.keys() & set(names), key=lambda name: (fmean(logs[name]), name))
    }


def times(evidence: Evidence, matrix: Matrix, choice: Choice) -> tuple[list[Panel], Words]:
    """Times over size, a panel per framework and mode. Raises UsageError as `costs` does."""
    plain = [(_line_of(timed), timed) for timed in evidence.timed if timed.plain]
    wanted = choice.activations or USUAL
    known = [(key, timed) for key, timed in plain if key[1] in wanted]
    view, cells = _chosen(matrix, known, choice, "time")
    columns = [column for column in matrix.columns if any(column == of for of, _ in cells)]
    looks = {name: look for look, name in enumerate(wanted) if any(name == of for _, of in cells)}
    panels = []
    for column in columns:
        copies = [timed for key, timed in plain if key == (column, COPY, view)]
        lines = [_series(COPY, FLOOR, copies)] if copies else []
        lines += [
            _series(name, look, cells[column, name])
            for name, look in looks.items()
            if (column, name) in cells
        ]
        panels.append(Panel(f"{_who(column, columns)} {column.mode}", tuple(lines)))
    footer = f"vertical lines: 95 % intervals · {_source(evidence, matrix, columns)}"
    return panels, Words(capital(caption(matrix, view)), "elements of the input", footer)


def _line_of(timed: Timed) -> Key:
    case = timed.case
    view = View("time", "", case.direction, case.dtype, setup_of(case))
    return column_of(timed.run, case), case.activation, view


def _series(name: str, look: int, timed: Iterable[Timed]) -> Series:
    rising = sorted(timed, key=lambda case: case.case.size)
    return Series(spelled(name), look, tuple((case.case.size, case.time) for case in rising))


def _chosen(
    matrix: Matrix, known: Sequence[tuple[Key, Timed]], choice: Choice, what: str
) -> tuple[View, Cells]:
    """The foremost view with a cell that was chosen, and its cells. Raises UsageError."""
    if not known:
        raise UsageError(f"nothing to draw: the run has no {what} of these in their plain form")
    fits = [(key, t) for key, t in known if choice.has(key, matrix.place(key[2], key[0].source))]
    view = min((view for (*_, view), _ in fits), key=lambda view: view.prominence, default=None)
    cells: dict[tuple[Column, str], list[Timed]] = {}
    for (column, name, of), timed in fits:
        if of == view:
            cells.setdefault((column, name), []).append(timed)
    drawn = {word for column, name in cells for word in (name, column.framework, column.mode)}
    asked = (*choice.activations, *choice.frameworks, *choice.modes)
    lost = [word for word in asked if word not in drawn]
    if view is None or lost:
        views = {view for (*_, view), _ in known}
        has = dict.fromkeys(
            word
            for field in ("place", "direction", "dtype")
            for word in sorted({getattr(view, field) for view in views} - {""})
        )
        has |= dict.fromkeys(column.who for (column, *_), _ in known)
        raise UsageError(
            f"nothing to draw of {', '.join(lost) or 'what was chosen'}: "
            f"the run has a {what} of {', '.join(has)}"
        )
    return view, cells


def _who(column: Column, columns: Iterable[Column]) -> str:
    """A framework's title, with the device where there are several."""
    several = len({other.device for other in columns}) > 1
    return f"{title(column.framework)} {column.device}" if several else title(column.framework)


def _source(evidence: Evidence, matrix: Matrix, columns: Iterable[Column]) -> str:
    """The machine, the versions, the day and the name of the run."""
    [(name, run)] = evidence.runs.items()
    return f"{of_run(replace(matrix, columns=tuple(columns)), name, run.facts)} · run {name}"
