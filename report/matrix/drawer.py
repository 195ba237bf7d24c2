"""The drawers: everything behind a cell, prepared for the page's script."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ...bench.catalog.dtypes import DTYPES
from ...bench.exactness.binades import edges
from ...bench.results import words
from ...bench.results.estimate import Estimate
from ...bench.results.metrics import METRICS, Group
from ...bench.results.status import Status
from ..compare.commands import again, checked_again
from ..read.evidence import Checked, Evidence, Missing, Timed
from ..tables import flags
from ..tables.columns import short
from ..words import capital
from .cells import at, formula, reason, why
from .model import Column, Matrix, View, column_of, setup_of
from .source import source

COPY = "copy"
"""The activation whose time is the floor of all others."""


@dataclass
class Records:
    """The evidence behind a cell, in all forms, sizes and setups."""

    timed: list[Timed] = field(default_factory=list)
    checked: list[Checked] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)

    @property
    def form(self) -> str:
        """The plain form, else the first that was measured or tried."""
        known: list[Timed | Checked] = [*self.timed, *self.checked]
        plain = [record.case.form for record in known if record.plain]
        measured = [record.case.form for record in known]
        tried = [missing.case.form for missing in self.missing]
        return next(iter((*plain, *measured, *tried)), "")


_PLAIN = {
    "max ulp": "largest error",
    "median ulp": "median error",
    "max absolute": "largest absolute error",
    "median absolute": "median absolute error",
    " near": " over [−20, 20]",
    "nan": "NaN",
}
"""Words for parts of metrics' names."""
_NARROWER = ("max_ulp_normal", "max_ulp_away")
"""Errors over a part of the inputs, which say little to somebody choosing an activation."""
Place = tuple[Column, str, str, str]
"""A cell in any view: column, activation, direction, dtype."""


def drawers(evidence: Evidence, matrix: Matrix) -> dict[str, Any]:
    """The content of each cell's drawer, by the cell's name in addresses, direction and dtype.

    `floors` are the times of a copy, `sources` the texts of forms, and `edges` the exponents at
    which the groups of binades begin, by dtype.
    """
    records = _records(evidence)
    shown = dict.fromkeys(name for names in matrix.rows.values() for name in names)
    conditions = dict.fromkeys((view.direction, view.dtype) for view in matrix.views)
    places = [
        (column, name, *chosen)
        for column in matrix.columns
        for name in shown
        for chosen in conditions
    ]
    content = {
        _key(matrix, place): _drawer(evidence, matrix, place, records.get(place, Records()))
        for place in places
    }
    return {
        "drawers": content,
        "floors": {
            _floor(matrix, place): [_time(timed) for timed in of_copy.timed]
            for place, of_copy in records.items()
            if place[1] == COPY and place[0] in matrix.columns
        },
        "sources": {
            drawer["source"]: text for drawer in content.values() if (text := _text(drawer))
        },
        "edges": {dtype: edges(dtype) for _, dtype in conditions if dtype in DTYPES},
        "metrics": {name: [_words(name), of.meaning, of.unit] for name, of in METRICS.items()},
    }


def _records(evidence: Evidence) -> dict[Place, Records]:
    records: dict[Place, Records] = {}

    def of(record: Timed | Checked | Missing) -> Records:
        case = record.case
        place = (column_of(record.run, case), case.activation, case.direction, case.dtype)
        return records.setdefault(place, Records())

    for timed in evidence.timed:
        of(timed).timed.append(timed)
    for checked in evidence.checked:
        of(checked).checked.append(checked)
    for missing in evidence.missing:
        of(missing).missing.append(missing)
    return records


def _key(matrix: Matrix, place: Place) -> str:
    column, name, direction, dtype = place
    return "|".join((at(matrix, column, name), direction, dtype))


def _floor(matrix: Matrix, place: Place) -> str:
    column, _, direction, dtype = place
    return f"{matrix.columns.index(column)}|{direction}|{dtype}"


def _words(metric: str) -> str:
    plain = metric.replace("_", " ")
    for word, people_say in _PLAIN.items():
        plain = plain.replace(word, people_say)
    return capital(plain)


def _text(drawer: Mapping[str, Any]) -> str:
    return source(*drawer["source"].split("/")) if drawer["source"].count("/") == 2 else ""


def _drawer(evidence: Evidence, matrix: Matrix, place: Place, known: Records) -> dict[str, Any]:
    column, name, direction, dtype = place
    timed = [record for record in known.timed if record.case.form == known.form]
    checked = [record for record in known.checked if record.case.form == known.form]
    form = f"{known.form} form" if known.form else "not measured"
    label = matrix.label(*column.source)
    content = {
        "title": f"{name}, {column.who}",
        "below": ", ".join(filter(None, [label, form, direction, dtype, column.device])),
        "formula": formula(name),
        "times": [_time(record) for record in sorted(timed, key=lambda record: record.case.size)],
        "floor": _floor(matrix, place),
        "parts": _parts(evidence, timed),
        "errors": _errors(checked[0]) if checked else {},
        "worst": _worst(checked[0]) if checked else "",
        "dtype": dtype,
        "binades": [*map(short, checked[0].by_binade)] if checked else [],
        "forms": [*_others(known)],
        "notes": [*_notes(evidence, timed)],
        "missing": [*_not_measured(evidence, matrix, place, known)],
        "command": _command(evidence, known),
        "source": f"{column.framework}/{name}/{known.form}",
    }
    return {key: value for key, value in content.items() if value}


# --- times ----------------------------------------------------------------------------------------


def _time(timed: Timed) -> list[Any]:
    """Elements, ns per call, cost, its unit, setup, sampling, and 1 for the plain form.

    The setup of a function of rows gives their length.
    """
    sampling = words.sampling(timed.sampling) if timed.sampling else ""
    unit = words.name(timed.unit) if timed.unit and timed.cost else ""
    cost = _ends(timed.cost, 6) if timed.cost else None
    rows = f"rows of {timed.case.length:,}" if timed.rowwise and not timed.case.row else ""
    setup = ", ".join(filter(None, (setup_of(timed.case), rows)))
    return [timed.case.size, _ends(timed.time), cost, unit, setup, sampling, int(timed.plain)]


def _ends(estimate: Estimate, digits: int = 4) -> list[float | None]:
    """The value and the ends of its interval in so many digits: three are shown."""
    numbers = (estimate.value, *estimate.ends)
    return [None if number is None else float(f"{number:.{digits}g}") for number in numbers]


def _parts(evidence: Evidence, timed: Sequence[Timed]) -> Mapping[str, list[Any]]:
    """The slope and the parts of a cost, by metric."""
    split = evidence.split(timed[0].run, timed[0].case) if timed else None
    slopes = [record.estimates["slope"] for record in timed if "slope" in record.estimates]
    known = {"slope": slopes[-1]} if slopes else {}
    parts = {metric: split.part(metric) for metric in split.parts} if split else {}
    return {metric: _ends(part) for metric, part in {**known, **parts}.items() if part}


@lru_cache(maxsize=2)
def _noted(evidence: Evidence) -> Callable[[Timed], str]:
    return flags.column(evidence, "timings").cell


def _notes(evidence: Evidence, timed: Sequence[Timed]) -> Iterator[str]:
    """The flags of the rows in words, each once."""
    numbers = _noted(evidence)
    held = {number for record in timed for number in numbers(record).split()}
    for number, note in enumerate(flags.notes(evidence)["timings"], 1):
        if str(number) in held and not note.every:
            yield note.note


# --- exactness ------------------------------------------------------------------------------------


def _errors(checked: Checked) -> Mapping[str, Any]:
    """The relevant figures by metric; those over a range that people use come first."""
    figures = {
        metric: value
        for metric, value in checked.figures.items()
        if METRICS[metric].group is Group.ERROR and metric not in _NARROWER
    }
    near = {metric: value for metric, value in figures.items() if metric.endswith("_near")}
    rest = {m: v for m, v in figures.items() if v and (v != checked.max_ulp or m == "max_ulp")}
    return {metric: short(value) for metric, value in (near | {"max_ulp": 0.0} | rest).items()}


_WAYS = 3
"""Sentences on the ways in which inputs were given."""


def _worst(checked: Checked) -> str:
    """The number of inputs tried, the worst, and the results in other ways.

    `7,680 inputs; the worst is −8.625 (…); the same bits in the last elements (469 inputs)`.
    """
    case, worst = checked.case, checked.worst
    inputs = f"{'all ' * flags.complete(case)}{case.size:,} inputs, each against the proved value"
    shown = f"; the worst is {worst.x:.6g}: {words.point(worst)}" if worst and worst.input else ""
    elsewhere = "".join(f"; {said}" for said in words.paths(checked.paths)[:_WAYS])
    return f"{inputs}{shown}{elsewhere}"


def _others(known: Records) -> Iterator[list[Any]]:
    """The other forms: cost at the largest size shared with the first, and largest error."""
    forms = [record.case.form for record in known.timed]
    forms += [record.case.form for record in known.checked]
    for form in dict.fromkeys(forms):
        timed = [t for t in known.timed if t.case.form == form and t.case.has_usual_input]
        costs = {t.case.size: t.cost for t in timed if t.cost}
        errors = [checked.max_ulp for checked in known.checked if checked.case.form == form]
        size = max(costs, default=0)
        cost = costs.get(size)
        yield [form, size, _ends(cost) if cost else None, short(errors[0]) if errors else None]


# --- what was not measured, and what measures it --------------------------------------------------


def _not_measured(
    evidence: Evidence, matrix: Matrix, place: Place, known: Records
) -> Iterator[str]:
    column, name, direction, dtype = place
    reasons = dict.fromkeys(
        f"{missing.case.form} form, {missing.what}: {reason(missing)}"
        for missing in known.missing
        if missing.case.form == known.form or missing.status is not Status.UNSUPPORTED
    )
    yield from reasons
    if not known.timed and not reasons:
        yield why(evidence, matrix, column, name, View("cost", "", direction, dtype, ""))


def _command(evidence: Evidence, known: Records) -> str:
    """The command that measures the form of a drawer again, at every size."""
    cases = [timed.case for timed in known.timed]
    cases += [missing.case for missing in known.missing if missing.what == "time"]
    if cases := [case for case in cases if case.form == known.form]:
        return again(evidence, cases)
    checks = [checked.case for checked in known.checked if checked.case.form == known.form]
    return checked_again(evidence, checks)
