"""Results that became less exact: both versions evaluated on the same inputs and compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..catalog import inputs
from ..catalog.activations import UNKNOWN
from ..catalog.cases import PROFILES, Case, Selection, directions_of
from ..catalog.dtypes import COUNTABLE
from ..catalog.dtypes import DTYPES as FORMATS
from ..catalog.frameworks import frameworks
from ..exactness import known, observed, special, sweep, ulp
from ..exactness.judge import place
from ..exactness.problem import Problem, Problems, known_keys
from ..host.progress import Reporter
from ..results import door
from ..results.answers import Number
from ..results.rows import Point, Row
from ..results.samples import Agreement, Certificate
from ..results.status import Status
from ..timing.decisions import blamed
from ..worker.protocol import ARMS, Arm, Failure
from ..workers.process import Failed

if TYPE_CHECKING:
    from ..worker.protocol import Outputs


class Kind(StrEnum):
    """The verdict on a case's results.

    A case without results has the verdict on its time. `different`: bits differ, and no figure is
    worse or better, or there is no reference. `broken`: only the base gives results. Where only the
    candidate gives results, they are `mended` if the base fails and `new` if it has no such case,
    as long as they are right; else they are `wrong`. `unmeasured`: neither gives any;
    `unsupported`: both declare that they do not have it.
    """

    IDENTICAL = "identical"
    DIFFERENT = "different"
    BETTER = "better"
    WORSE = "worse"
    BROKEN = "broken"
    MENDED = "mended"
    NEW = "new"
    WRONG = "wrong"
    UNMEASURED = "unmeasured"
    UNSUPPORTED = "unsupported"


_FAILING = frozenset((Kind.WORSE, Kind.WRONG, Kind.BROKEN, Kind.UNMEASURED))
MEASURES = (
    *("max_ulp_near", "max_absolute_near", "trouble_outside", "max_ulp", "max_ulp_flushed"),
    *("max_ulp_parameter", "not_correctly_rounded"),
    *("nan_mismatches", "infinity_mismatches", "sign_mismatches"),
)
"""The fields of a certificate where more is worse."""
_MORE_IS_BETTER = ("nan_kept", "subnormal_kept")
_FEWER_IS_BETTER = ("special_departures", "special_row")
_ODD = 3, 341
"""The shape of further calls of a user's function, which does not divide into vectors: a tail is
left."""
_SEVERITY = (
    *(Kind.BROKEN, Kind.WORSE, Kind.WRONG, Kind.DIFFERENT, Kind.MENDED, Kind.NEW, Kind.BETTER),
    *(Kind.IDENTICAL, Kind.UNMEASURED, Kind.UNSUPPORTED),
)
_RIGHT_BITS = 4
"""The leading bits that more than half of an approximation's results in [−20, 20] have right."""
_PER_BINADE = PROFILES["standard"].per_binade
Evaluate = Callable[..., "Outputs"]


@dataclass(frozen=True)
class _Judged:
    """The results of one version of a case: figures, results, and the rows of special rows."""

    sample: Agreement
    results: Any
    rows: Sequence[Row] = ()


@dataclass(frozen=True)
class Change:
    """A figure of a case's results in both versions, None where a version has none."""

    metric: str
    before: Row | None
    after: Row | None

    @property
    def figures(self) -> Figures:
        """The metric and its values, and for a kink's gradient the place of the kink."""
        rows = [row for row in (self.before, self.after) if row]
        kinks = [row.kink for row in rows if row.kink]
        values = [row.value if row else None for row in (self.before, self.after)]
        return Figures(self.metric, kinks[0].at if kinks else None, *values)


@dataclass(frozen=True)
class Figures:
    """A figure of a case's results in both versions, and where a kink lies that it is of."""

    metric: str
    at: float | None
    before: Number | None
    after: Number | None


@dataclass(frozen=True)
class Example:
    """An input with the result of both versions, and the exact value where that is known."""

    place: Point
    before: Number
    after: Number
    exact: Number | None = None


@dataclass(frozen=True)
class Compared:
    """One case in one format and direction: of `tested` results `differing` differ.

    `worse` and `better` are the figures that changed; `shown` is the input whose result got worse
    by most, or the first that differs where nothing was `judged` by a reference. `failures` are
    those of the arms that gave no results, or none that can be right. `accepted` says that the
    verdict is intended.
    """

    case: Case
    kind: Kind
    tested: int = 0
    differing: int = 0
    worse: tuple[Change, ...] = ()
    better: tuple[Change, ...] = ()
    shown: Example | None = None
    judged: bool = True
    failures: Mapping[Arm, Failure] = field(default_factory=dict)
    accepted: bool = False

    @property
    def fails(self) -> bool:
        """Return whether results are worse, wrong or gone, or differ without a reference."""
        return self.kind in _FAILING or (not self.judged and self.kind is not Kind.IDENTICAL)

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, the case's own first."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "case"}
        return {
            **self.case.as_dict(),
            **fields,
            "worse": [asdict(change.figures) for change in self.worse],
            "better": [asdict(change.figures) for change in self.better],
            "shown": asdict(self.shown) if self.shown else None,
            "failures": {arm: asdict(failure) for arm, failure in self.failures.items()},
        }


RECORD = door.model(
    "Compared",
    Case,
    Compared,
    whole=True,
    worse=(list[Figures], ...),
    better=(list[Figures], ...),
)
"""The model of a case whose results were compared, as `gate --json` has it."""


def swept(cases: Iterable[Case], asked: Selection) -> list[Case]:
    """The cases to evaluate for timed ones: each form and mode once per format and direction."""
    return sweep.agreement_cases(cases, COUNTABLE, asked)


class Comparison:
    """The inputs and exact values that cases are compared on, computed once."""

    def __init__(self, cases: Sequence[Case], seed: int, reporter: Reporter) -> None:
        """Prepare the exact values of all 16-bit inputs.

        Raises StoreError where the cache cannot be written.
        """
        self._seed, self._problems = seed, Problems(_PER_BINADE, seed)
        known.prepare(known_keys(case for case in cases if _is_known(case)), reporter)

    def of(self, case: Case, base: Evaluate, candidate: Evaluate) -> list[Compared]:
        """Compare a case in all its directions.

        A failure in both arms is reported once. Results that only the candidate gives are compared
        with the reference. A user's function has one direction and is compared in calls of two
        shapes, the worse of which counts: it may support only one of them. Each compiled shape has
        both a vector's body and its tail.
        """
        framework = frameworks()[case.framework]
        shapes = [_ODD] * bool(framework.callable) + [sweep.shape_of(case)]
        compared: list[Compared] = []
        for shape in shapes:
            compared += self._at(shape, case, base, candidate)
            if case.mode in framework.compiles and compared[0].kind is not Kind.UNMEASURED:
                break
        if not framework.callable:
            return compared
        return [min(compared, key=lambda result: _SEVERITY.index(result.kind))]

    def _at(
        self, shape: sweep.Shape, case: Case, base: Evaluate, candidate: Evaluate
    ) -> list[Compared]:
        judged: dict[Arm, list[_Judged]] = {}
        failed: dict[Arm, Failure] = {}
        for arm, evaluate in zip(ARMS, (base, candidate), strict=True):
            try:
                judged[arm] = self._measure(case, evaluate, shape)
            except Failed as error:
                failed[arm] = error.failure
        if not failed:
            arms = zip(judged["base"], judged["candidate"], strict=True)
            return [self._compare(base, candidate, shape) for base, candidate in arms]
        kind = Kind(blamed(failed))
        if kind in (Kind.NEW, Kind.MENDED):
            return [self._alone(kind, result, failed) for result in judged["candidate"]]
        return [Compared(case, kind, failures=failed)]

    def _measure(self, case: Case, evaluate: Evaluate, shape: sweep.Shape) -> list[_Judged]:
        """Judge one arm. Raises Failed where it fails, or where results do not fit the inputs."""

        def checked(asked: Case, *values: Any, **how: Any) -> Outputs:
            outputs = evaluate(asked, *values, **how)
            bits = FORMATS[case.dtype].bits
            if other := [output for output in outputs if output.dtype != bits]:
                reason = f"returns {8 * other[0].itemsize} bits for {case.dtype}"
                raise Failed(Failure(Status.REFUSED, reason))
            return outputs

        try:
            return self._measured(case, checked, shape)
        except (ValueError, IndexError) as error:
            reason = f"results do not fit the inputs: {error}"
            raise Failed(Failure(Status.REFUSED, reason)) from None

    def _measured(self, case: Case, evaluate: Evaluate, shape: sweep.Shape) -> list[_Judged]:
        if not _is_known(case):
            bits = _inputs(case, self._seed, shape)
            outputs = evaluate(case, bits, apart=True)
            sized = replace(case, size=int(bits.size))
            return [_Judged(Agreement(sized, Certificate()), np.asarray(outputs[0]))]
        problems = [self._problem(directed) for directed in directions_of(case)]
        sized = replace(case, size=int(problems[0].bits.size))
        judged = sweep.measure(sized, problems, evaluate, shape)
        assert judged is not None
        if not problems[0].activation.rowwise:
            return [_Judged(*sample) for sample in judged]
        of_rows = partial(sweep.of_rows, evaluate=evaluate)
        special_rows = special.measure_rows(sized, problems[0].bits.shape, of_rows)
        assert special_rows is not None
        return [
            _Judged(*sample, tuple(special.rows_of_rows(rows)))
            for sample, rows in zip(judged, special_rows, strict=True)
        ]

    def _problem(self, case: Case) -> Problem:
        return self._problems.of(replace(case, size=0))

    def _alone(self, kind: Kind, candidate: _Judged, failed: Mapping[Arm, Failure]) -> Compared:
        """The results of a case that the base does not have: wrong unless the reference agrees."""
        sample, results = candidate.sample, candidate.results
        case, tested = sample.case, int(results.size)
        if not _is_known(case):
            return Compared(case, kind, tested, judged=False, failures=failed)
        own = frameworks()[case.framework].callable
        fault = _missed(sample) if own else observed.fault(case, self._problem(case), results)
        if not fault:
            return Compared(case, kind, tested, failures=failed)
        failures = {**failed, "candidate": Failure(Status.REFUSED, fault)}
        return Compared(case, Kind.WRONG, tested, failures=failures)

    def _compare(self, base: _Judged, candidate: _Judged, shape: sweep.Shape) -> Compared:
        before, old, after, new = base.sample, base.results, candidate.sample, candidate.results
        case = before.case
        if old.shape != new.shape:
            reason = f"results of another shape: {old.shape} → {new.shape}"
            failures: dict[Arm, Failure] = {"candidate": Failure(Status.REFUSED, reason)}
            return Compared(case, Kind.BROKEN, tested=int(old.size), failures=failures)
        differing = len(ulp.differ(old, new, case.dtype))
        compared = partial(Compared, case, tested=int(old.size), differing=differing)
        parameters = (sample.certificate.max_ulp_parameter for sample in (before, after))
        more = _changes_of_rows(base.rows, candidate.rows)
        same = not differing and len(set(parameters)) == 1 and not any(more)
        own = frameworks()[case.framework].callable
        missed = _missed(after) if own else ""
        blamed_arms = (ARMS if same else ARMS[1:]) if missed else ()
        wrong = dict.fromkeys(blamed_arms, Failure(Status.REFUSED, missed))
        if same:
            return compared(Kind.WRONG if missed else Kind.IDENTICAL, failures=wrong)
        if not _is_known(case):
            shown = _first_different(case, _inputs(case, self._seed, shape), old, new)
            return compared(Kind.DIFFERENT, shown=shown, judged=False)
        problem = self._problem(case)
        worse, better = _changes_of_measures(before, after)
        more_worse, more_better = more
        if not problem.activation.rowwise and not own:
            more_worse, more_better = _changes_of_conventions(case, problem, old, new)
        worse, better = worse + more_worse, better + more_better
        kind = Kind.BETTER if better else Kind.DIFFERENT
        kind = Kind.WORSE if worse else Kind.WRONG if missed else kind
        example = _most_worse(problem, old, new) if differing else None
        compared = partial(compared, worse=tuple(worse), better=tuple(better))
        return compared(kind, shown=example, failures=wrong)


def _is_known(case: Case) -> bool:
    """Return whether there is a reference for a case."""
    return case.activation != UNKNOWN.name


def _missed(judged: Agreement) -> str:
    """The reason why results belong to another function than the reference; empty where they do
    not.

    An approximation has the first bits right in most results.
    """
    error, dtype = judged.certificate.median_ulp_near, FORMATS[judged.case.dtype]
    if error is None or error < 2.0 ** (dtype.precision - _RIGHT_BITS):
        return ""
    reference = f"{judged.case.activation}, forward"
    if judged.case.direction == "backward":
        reference = f"the derivative of {judged.case.activation}"
    return f"not {reference}: half of the results in [−20, 20] are off by {error:.3g} ulp or more"


def _inputs(case: Case, seed: int, shape: sweep.Shape) -> Any:
    """The bits on which a function without a reference is tried, in calls of a shape.

    Some are repeated to fill up the last call.
    """
    small = FORMATS[case.dtype].is_small
    bits = (
        known.all_inputs(case.dtype) if small else inputs.stratified(case.dtype, _PER_BINADE, seed)
    )
    return np.resize(bits, (-(-bits.size // math.prod(shape)), *shape))


def _first_different(case: Case, bits: Any, old: Any, new: Any) -> Example:
    """The first result that differs, in both versions, and its input if their sizes match."""
    index = int(ulp.differ(old, new, case.dtype)[0])
    before, after = (
        float(inputs.from_bits(result, case.dtype).flat[index]) for result in (old, new)
    )
    x = inputs.from_bits(bits, case.dtype)
    return Example(place(x, index, rowwise=bits.size != old.size), before, after)


def _changes_of_measures(before: Agreement, after: Agreement) -> tuple[list[Change], list[Change]]:
    worse: list[Change] = []
    better: list[Change] = []
    for name in MEASURES:
        old, new = _measure_of(before, name), _measure_of(after, name)
        if old != new:
            rows = (Row(before.case, name, value) for value in (old, new))
            (worse if new > old else better).append(Change(name, *rows))
    return worse, better


def _measure_of(sample: Agreement, name: str) -> float:
    return float(getattr(sample.certificate, name) or 0.0)


def _changes_of_conventions(
    case: Case, problem: Problem, old: Any, new: Any
) -> tuple[list[Change], list[Change]]:
    before, after = (
        list(special.rows(special.taken(case, problem.bits, result))) for result in (old, new)
    )
    return _changes_of_rows(before, after)


def _changes_of_rows(old: Iterable[Row], new: Iterable[Row]) -> tuple[list[Change], list[Change]]:
    before, after = ({_key(row): row for row in rows} for rows in (old, new))
    worse: list[Change] = []
    better: list[Change] = []
    for key in {**before, **after}:
        old_row, new_row = before.get(key), after.get(key)
        if old_row is None or new_row is None or old_row.value != new_row.value:
            better_now = _is_better(key[0], old_row, new_row)
            (better if better_now else worse).append(Change(key[0], old_row, new_row))
    return worse, better


def _key(row: Row) -> tuple[str, float | str | None]:
    """A metric, with the place of the kink for its gradient, or the name of the special row."""
    return row.metric, row.entries.row if row.entries else row.kink.at if row.kink else None


def _is_better(metric: str, old: Row | None, new: Row | None) -> bool:
    if old is None or new is None or old.value is None or new.value is None:
        return False
    if metric in _MORE_IS_BETTER:
        return bool(new.value > old.value)
    return metric in _FEWER_IS_BETTER and bool(new.value < old.value)


def _most_worse(problem: Problem, old: Any, new: Any) -> Example:
    """The input whose result got worse by most, with both results and the exact value."""
    errors = [ulp.measure(result, problem.exact, problem.dtype) for result in (old, new)]
    with np.errstate(invalid="ignore"):
        rise = errors[1].plain - errors[0].plain
    rise = np.where(errors[1].mismatched & ~errors[0].mismatched, np.inf, np.nan_to_num(rise))
    rise = np.where(errors[0].mismatched & ~errors[1].mismatched, -np.inf, rise)
    places = ulp.differ(old, new, problem.dtype)
    index = int(places[np.argmax(rise.flat[places])])
    before, after = (
        float(inputs.from_bits(result, problem.dtype).flat[index]) for result in (old, new)
    )
    where = place(problem.x, index, problem.activation.rowwise)
    return Example(where, before, after, problem.exact.value(index))
