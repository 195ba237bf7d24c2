"""The answer to a run per case that was asked for: cost, times and errors in one record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..catalog.activations import UNKNOWN, find
from ..catalog.cases import Case, directions_of
from ..catalog.places import Outputs
from ..results import words
from ..results.door import Real
from ..results.estimate import Estimate
from ..results.facts import RunFacts
from ..results.rows import Against, Row
from ..results.status import Status
from ..words import place_words

COST, CALL, ELEMENT = TIMES = ("relative_cost", "time_per_call", "slope")
NEAR = ("max_ulp_near", "median_ulp_near", "max_absolute_near", "median_absolute_near")
ERRORS = (*NEAR, "trouble_outside", "max_ulp")


@dataclass(frozen=True)
class Cell:
    """A case that was asked for: the rows of its times, and its errors, both by metric.

    `size_class` is that of the machine, "" for any other size, and `place` says in words where its
    data lies. Errors apply to all sizes: their inputs are not those that are timed.
    """

    case: Case
    plain: bool
    size_class: str
    place: str
    rows: Mapping[str, Row]
    errors: Mapping[str, float]

    @property
    def label(self) -> str:
        """`gelu`, or `gelu[textbook]` where that is not its plain form."""
        if self.case.activation == UNKNOWN.name:
            return self.case.form
        return self.case.activation if self.plain else f"{self.case.activation}[{self.case.form}]"

    def estimate(self, metric: str) -> Estimate | None:
        """A figure with its interval, as far as that is known; None where there is no figure."""
        row = self.rows.get(metric)
        return row.estimate if row else None

    @property
    def rowwise(self) -> bool:
        """Return whether its function takes rows."""
        return any(row.rowwise for row in self.rows.values())

    @property
    def unit(self) -> Against | None:
        """The other side of the cost."""
        return self.rows[COST].against if COST in self.rows else None

    @property
    def status(self) -> Status:
        """The status of the time, or else of the cost."""
        return self._worst.status

    @property
    def reason(self) -> str:
        """The reason for a missing cost; empty where there is one."""
        return "" if self._worst.ok else words.about(self._worst)

    @property
    def _worst(self) -> Row:
        rows = [self.rows[metric] for metric in (CALL, COST) if metric in self.rows]
        return next((row for row in rows if not row.ok), rows[0])

    @property
    def record(self) -> CellRecord:
        """The cell for machines."""
        times: dict[str, Any] = {metric: figure_of(self.estimate(metric)) for metric in TIMES}
        errors: dict[str, Any] = {metric: self.errors.get(metric) for metric in ERRORS}
        return CellRecord(
            **self.case.as_dict(),
            plain=self.plain,
            size_class=self.size_class,
            place=self.place,
            row_length=self.case.length if self.rowwise else None,
            **times,
            unit=Unit(self.unit.name, self.unit.form) if self.unit else None,
            **errors,
            status=self.status,
            reason=self.reason,
        )


@dataclass(frozen=True)
class Figure:
    """A value with the ends of its 95 % interval, None where they are unknown."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Unit:
    """The activation and form that a cost is over."""

    activation: str
    form: str


@dataclass(frozen=True, kw_only=True)
class CellRecord(Case):
    """A case with its cost over the unit, its times in ns, and its errors, as far as it has them.

    `row_length` is there for functions of rows. `reason` says why there is no cost.
    """

    plain: bool
    size_class: str
    place: str
    row_length: int | None
    relative_cost: Figure | None
    time_per_call: Figure | None
    slope: Figure | None
    unit: Unit | None
    max_ulp_near: Real | None
    median_ulp_near: Real | None
    max_absolute_near: Real | None
    median_absolute_near: Real | None
    trouble_outside: Real | None
    max_ulp: Real | None
    status: Status
    reason: str


def figure_of(estimate: Estimate | None) -> Figure | None:
    """An estimate for machines; None where there is none."""
    if estimate is None:
        return None
    return Figure(estimate.value, *estimate.ends)


def cells(rows: Iterable[Row], facts: RunFacts) -> list[Cell]:
    """The cells of what was asked for, in the order of its cases.

    Units that were not asked for are left out, and so are unsupported forms that nobody named.
    """
    rows = list(rows)
    errors = _errors(rows)
    timed: dict[Case, dict[str, Row]] = {}
    for row in rows:
        if row.metric in TIMES and _is_asked(row, facts):
            timed.setdefault(row.case, {})[row.metric] = row
    return [
        Cell(
            case,
            any(row.plain for row in of_case.values()),
            *_place(case, facts),
            of_case,
            _worst(case, errors),
        )
        for case, of_case in timed.items()
        if CALL in of_case or COST in of_case
    ]


def _place(case: Case, facts: RunFacts) -> tuple[str, str]:
    """The size class of a case, and in words where its data lies; empty for any other size."""
    classes = facts.size_classes.get(case.device, {})
    name = next((name for name, size in classes.items() if size == case.size), "")
    place = facts.place(case.device, name) if name else None
    if place and case.output == "reused":
        place = replace(place, outputs=Outputs.KEPT)
    return name, place_words(place) if place else ""


def _is_asked(row: Row, facts: RunFacts) -> bool:
    asked, case = facts.asked, row.case
    if own := facts.own_form(case.framework):
        return case.form == own
    labels = {find(str(label)).label for label in asked.get("activations", ())}
    forms = asked.get("forms", ())
    if not (forms or row.plain) and row.status is Status.UNSUPPORTED and row.metric == CALL:
        return False
    wanted = case.activation in labels if labels else not row.primitive
    return wanted and (not forms or case.form in forms)


Errors = Mapping[Case, Mapping[str, float]]


def _errors(rows: Sequence[Row]) -> Errors:
    errors: dict[Case, dict[str, float]] = {}
    for row in rows:
        if row.metric in ERRORS and row.ok and row.value is not None:
            errors.setdefault(_anywhere(row.case), {})[row.metric] = row.value
    return errors


def _worst(case: Case, errors: Errors) -> Mapping[str, float]:
    """The errors of a case, the larger of value and gradient where it is both."""
    of_both = [errors.get(_anywhere(directed), {}) for directed in directions_of(case)]
    return {
        metric: max(of_direction[metric] for of_direction in of_both)
        for metric in ERRORS
        if all(metric in of_direction for of_direction in of_both)
    }


def _anywhere(case: Case) -> Case:
    """A case without what its errors do not depend on."""
    return replace(case.anywhere, threads=1)
