"""The matrix: a record per activation, setting and view, in the plain form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeVar

from ...bench.catalog.cases import Case
from ..compare.settings import DIRECTIONS, MODES, outputs, rank
from ..compare.sizes import Size, classed
from ..read.evidence import FAMILIES, Checked, Evidence, Missing, Timed
from ..words import counted, title

FIGURES: Mapping[str, str] = {
    "cost": "cost over ReLU",
    "time": "time per call",
    "error": "largest error in ulp",
}
GROUPS: Mapping[str, str] = {
    "max": "max: compare and add",
    "algebraic": "algebraic: + − × ÷ √",
    "exp": "exp: needs a transcendental",
    "rowwise": "row by row",
    "unknown": "others",
}
"""The families of the matrix's rows, in order, in words."""
_CLASSES: Mapping[str, tuple[str, ...]] = {
    "cache": ("l2", "l1"),
    "memory": ("memory",),
    "launch": ("launch",),
}
"""The size classes that stand for a place, the better first; places in their order."""

Record = TypeVar("Record", Timed, Checked)


@dataclass(frozen=True)
class Column:
    """A framework and mode, on one device in one run."""

    run: str
    device: str
    framework: str
    mode: str

    @property
    def source(self) -> tuple[str, str]:
        """The run and the device."""
        return self.run, self.device

    @property
    def who(self) -> str:
        """`PyTorch compiled`."""
        return f"{title(self.framework)} {self.mode}"


@dataclass(frozen=True)
class View:
    """A choice of switches: a figure, and the conditions that all cells share.

    `setup` has threads, output and cache in words. Errors have neither place nor setup.
    """

    figure: str
    place: str
    direction: str
    dtype: str
    setup: str

    @property
    def key(self) -> str:
        """The choice as one word."""
        return "|".join(vars(self).values())

    @property
    def prominence(self) -> tuple[object, ...]:
        """The rank among all views: forward in float32, in cache, comes first."""
        return (
            rank(tuple(FIGURES), self.figure),
            self.setup.count(","),
            self.dtype != "float32",
            rank(DIRECTIONS, self.direction),
            rank(tuple(_CLASSES), self.place),
            self.place.zfill(12),
            self.dtype,
            self.setup,
        )


Key = tuple[Column, str, View]
"""A cell: its column, its activation, and its view."""


@dataclass(frozen=True, eq=False)
class Matrix:
    """The records of all cells by `Key`, in one form each.

    `marks` distinguish runs, as those of the evidence do; `by_host` says whether they are names of
    hosts. `rows` are activations by group, `places` their words by run and device, `units` the
    units of costs, and `missing` the cases without a result. A view of times has the same records
    as that of costs.
    """

    columns: tuple[Column, ...]
    marks: Mapping[str, str]
    by_host: bool
    rows: Mapping[str, tuple[str, ...]]
    views: tuple[View, ...]
    places: Mapping[tuple[str, str], Mapping[str, str]]
    timed: Mapping[Key, Timed]
    checked: Mapping[Key, Checked]
    units: Mapping[tuple[Column, View], Timed]
    missing: Mapping[tuple[Column, str], tuple[Missing, ...]]

    @property
    def sources(self) -> list[tuple[str, str]]:
        """The runs and devices of the columns."""
        return list(dict.fromkeys(column.source for column in self.columns))

    def label(self, run: str, device: str) -> str:
        """The mark of a run and the device, where there are others: `A`, `n1 cuda`."""
        devices = {device for _, device in self.sources}
        return " ".join(filter(None, [self.marks[run], device if len(devices) > 1 else ""]))

    def cell(self, column: Column, activation: str, view: View) -> Timed | None:
        """The timed case of a cell."""
        return self.timed.get((column, activation, of_costs(view)))

    def unit(self, column: Column, view: View) -> Timed | None:
        """The relu that the costs of a column are over."""
        return self.units.get((column, of_costs(view)))

    def place(self, view: View, source: tuple[str, str] | None = None) -> str:
        """The place of a view in words, for one run and device or for all: `in cache`."""
        sources = [source] if source else self.places
        words = (self.places.get(known, {}).get(view.place, "") for known in sources)
        return " or ".join(dict.fromkeys(filter(None, words)))


def of_costs(view: View) -> View:
    """The view that holds the records of a view of times."""
    return replace(view, figure="cost") if view.figure == "time" else view


def of_errors(direction: str, dtype: str) -> View:
    """The view of errors."""
    return View("error", "", direction, dtype, "")


def setup_of(case: Case) -> str:
    """Threads, output and cache in words: `1 thread`, `2 threads, output reused`."""
    return ", ".join([counted(case.threads, "thread"), *outputs(case)])


@lru_cache(maxsize=2)
def matrix(evidence: Evidence) -> Matrix:
    """The matrix of all runs, without primitives."""
    places = _places(evidence)
    times = _gathered(evidence.timed, lambda timed: _view_of(timed, places))
    errors = _gathered(evidence.checked, _view_of_errors)
    shown = {key: _one_form(records, _cost) for key, records in times.items()}
    columns = {column for column, *_ in (*times, *errors)}
    return Matrix(
        tuple(sorted(columns, key=lambda column: _order(evidence, column))),
        evidence.marks,
        bool(evidence.hosts),
        _rows([*evidence.timed, *evidence.checked]),
        _views(shown, errors),
        {source: dict(of_sizes.values()) for source, of_sizes in places.items()},
        shown,
        {key: _one_form(records, lambda check: check.error) for key, records in errors.items()},
        {(key[0], key[2]): t for key, records in times.items() for t in records if _is_unit(t)},
        _missing(evidence),
    )


def column_of(run: str, case: Case) -> Column:
    """The column of a case."""
    return Column(run, case.device, case.framework, case.mode)


# --- places ---------------------------------------------------------------------------------------

_Places = Mapping[tuple[str, str], Mapping[int, tuple[str, str]]]
"""The place of each size that is shown, as a key and in words, by run and device."""


def _places(evidence: Evidence) -> _Places:
    sizes: dict[tuple[str, str], set[int]] = {}
    for timed in evidence.timed:
        sizes.setdefault((timed.run, timed.case.device), set()).add(timed.case.size)
    return {
        (run, device): _placed(classed(evidence.runs[run], device, measured))
        for (run, device), measured in sizes.items()
    }


def _placed(sizes: Sequence[Size]) -> dict[int, tuple[str, str]]:
    """A size for each place that has one, and sizes without a class; others only where alone."""
    by_name = {size.name: size for size in sizes if size.name}
    shown = {
        place: next(by_name[name] for name in names if name in by_name)
        for place, names in _CLASSES.items()
        if not by_name.keys().isdisjoint(names)
    }
    shown |= {str(size.elements): size for size in sizes if not size.name}
    shown = shown or by_name
    return {size.elements: (place, size.words) for place, size in shown.items()}


# --- cells ----------------------------------------------------------------------------------------


def _gathered(
    records: Iterable[Record], view_of: Callable[[Record], View | None]
) -> dict[Key, list[Record]]:
    """The records of each cell."""
    by_key: dict[Key, list[Record]] = {}
    for record in records:
        view = view_of(record) if record.family != "primitive" else None
        if view:
            column = column_of(record.run, record.case)
            by_key.setdefault((column, record.case.activation, view), []).append(record)
    return by_key


def _view_of(timed: Timed, places: _Places) -> View | None:
    case = timed.case
    place, _ = places[timed.run, case.device].get(case.size, ("", ""))
    return View("cost", place, case.direction, case.dtype, setup_of(case)) if place else None


def _view_of_errors(checked: Checked) -> View:
    return of_errors(checked.case.direction, checked.case.dtype)


def _one_form(records: Sequence[Record], of: Callable[[Record], float]) -> Record:
    """The plain form, else the best of the others."""
    return min(records, key=lambda record: (not record.plain, of(record)))


def _is_unit(timed: Timed) -> bool:
    """Return whether it is the unit itself: another form may be the same function."""
    return timed.is_unit and (timed.unit is None or timed.unit.form == timed.case.form)


def _cost(timed: Timed) -> float:
    return timed.cost.value if timed.cost else timed.time.value


def _missing(evidence: Evidence) -> dict[tuple[Column, str], tuple[Missing, ...]]:
    by_cell: dict[tuple[Column, str], list[Missing]] = {}
    for missing in evidence.missing:
        place = (column_of(missing.run, missing.case), missing.case.activation)
        by_cell.setdefault(place, []).append(missing)
    return {place: tuple(several) for place, several in by_cell.items()}


# --- order ----------------------------------------------------------------------------------------


def _order(evidence: Evidence, column: Column) -> tuple[object, ...]:
    """A sort key: compiled first, then by title; runs and devices of a setting side by side."""
    setting = rank(MODES, column.mode), title(column.framework).lower()
    return *setting, list(evidence.runs).index(column.run), column.device


def _rows(records: Iterable[Timed | Checked]) -> dict[str, tuple[str, ...]]:
    """The activations of each group, in the order of the runs."""
    by_group: dict[str, dict[str, None]] = {group: {} for group in GROUPS}
    for record in records:
        if record.family != "primitive":
            known = record.family if record.family in FAMILIES else "unknown"
            by_group["rowwise" if record.rowwise else known][record.case.activation] = None
    return {group: tuple(names) for group, names in by_group.items() if names}


def _views(timed: Mapping[Key, Timed], errors: Iterable[Key]) -> tuple[View, ...]:
    """Every view, the foremost first."""
    costs = {view for (*_, view), record in timed.items() if record.cost}
    times = {replace(view, figure="time") for *_, view in timed}
    views = costs | times | {view for *_, view in errors}
    return tuple(sorted(views, key=lambda view: view.prominence))
