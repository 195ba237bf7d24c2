"""Results that became less exact: both versions on the same inputs, compared exactly."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..catalog import inputs
from ..catalog.cases import PROFILES, Case, Selection, directions_of
from ..catalog.dtypes import COUNTABLE
from ..catalog.dtypes import DTYPES as FORMATS
from ..catalog.frameworks import frameworks
from ..exactness import known, special, sweep, ulp
from ..exactness.judge import place
from ..exactness.problem import Problem, Problems, known_keys
from ..host.progress import Reporter
from ..results import words
from ..results.rows import Row
from ..results.samples import Agreement, Certificate
from ..results.status import Status
from ..words import changed
from ..worker.protocol import ARMS, Arm, Failure
from ..workers.process import Failed

if TYPE_CHECKING:
    from ..worker.protocol import Outputs

Kind = Literal[
    "identical", "different", "better", "worse", "wrong", "broken", "mended", "unmeasured"
]
_MEASURES = {
    "max_ulp_near": "largest error in [−20, 20], ulp",
    "max_absolute_near": "largest distance in [−20, 20]",
    "trouble_outside": "inputs outside [−20, 20] in trouble",
    "max_ulp": "largest error, ulp",
    "max_ulp_flushed": "largest error with subnormals contracted, ulp",
    "max_ulp_parameter": "largest error of a learned parameter's gradient, ulp",
    "not_correctly_rounded": "results not correctly rounded",
    "nan_mismatches": "NaN out of place",
    "infinity_mismatches": "infinities out of place",
    "sign_mismatches": "signs out of place",
}
"""Fields of a certificate of which more is worse."""
_MORE_IS_BETTER = ("nan_kept", "subnormal_kept")
_CONVENTIONS = {
    "special_departures": "special points far from the exact value",
    "nan_kept": "NaN stays NaN",
    "subnormal_kept": "subnormals are kept",
    "sign_of_zero": "the sign of zero at −0",
    "gradient_at_kink": "the gradient at a kink",
}
"""Metrics of special points; the last two are neither better nor worse, and must not change."""
_ODD = 17, 1023
"""The shape of further calls of a user's function, which no vectors fill: some is left over."""
_SEVERITY: tuple[Kind, ...] = (
    *("broken", "worse", "wrong", "different", "mended", "better", "identical", "unmeasured"),
)
_RIGHT_BITS = 4
"""Leading bits that more than half of the results in [−20, 20] have right, of an approximation."""
_PER_BINADE = PROFILES["standard"].per_binade
Evaluate = Callable[..., "Outputs"]


@dataclass(frozen=True)
class Compared:
    """One case in one format and direction: of `tested` results `differing` differ.

    `worse` and `better` have one sentence per measure that changed; `shown` is the input whose
    result got worse by most, with both results and the exact value.
    """

    case: Case
    kind: Kind
    tested: int = 0
    differing: int = 0
    worse: tuple[str, ...] = ()
    better: tuple[str, ...] = ()
    shown: str = ""
    detail: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, the case's own first."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "case"}
        return {**self.case.as_dict(), **fields}


def swept(cases: Iterable[Case], asked: Selection) -> list[Case]:
    """The cases to evaluate for some timed ones: form and mode once per format and direction."""
    return sweep.agreement_cases(cases, COUNTABLE, asked)


class Comparison:
    """The inputs and exact values that cases are compared on, computed once."""

    def __init__(self, cases: Sequence[Case], seed: int, reporter: Reporter) -> None:
        """Prepare the exact values of all 16-bit inputs.

        Raises StoreError where the cache cannot be written.
        """
        self._seed, self._problems = seed, Problems(_PER_BINADE, seed)
        known.prepare(known_keys(case for case in cases if case.activation), reporter)

    def of(self, case: Case, base: Evaluate, candidate: Evaluate) -> list[Compared]:
        """Compare a case in all its directions. A failure of an arm is reported once for them.

        A user's function, of one direction, is compared in calls of two shapes, of which the worse
        counts: it may do without either. What is compiled for each of them has the tail of a vector
        beside its body in one.
        """
        framework = frameworks()[case.framework]
        shapes = [_ODD] * bool(framework.callable) + [sweep.shape_of(case)]
        found: list[Compared] = []
        for shape in shapes:
            found += self._at(shape, case, base, candidate)
            if case.mode in framework.compiles and found and found[0].kind != "unmeasured":
                break
        if not framework.callable:
            return found
        return sorted(found, key=lambda compared: _SEVERITY.index(compared.kind))[:1]

    def _at(
        self, shape: sweep.Shape, case: Case, base: Evaluate, candidate: Evaluate
    ) -> list[Compared]:
        judged: dict[Arm, list[sweep.Judged]] = {}
        failed: dict[Arm, Failure] = {}
        for arm, evaluate in zip(ARMS, (base, candidate), strict=True):
            try:
                judged[arm] = self._measure(case, evaluate, shape)
            except Failed as error:
                failed[arm] = error.failure
        if len(failed) == 2 and all(why.status is Status.UNSUPPORTED for why in failed.values()):
            return []  # neither has it: there is nothing to compare
        if failed:
            kind: Kind = "broken" if "base" in judged else "mended"
            kind = kind if len(failed) == 1 else "unmeasured"
            detail = "; ".join(f"the {arm}: {why.reason}" for arm, why in failed.items())
            return [Compared(case, kind, detail=detail)]
        arms = zip(judged["base"], judged["candidate"], strict=True)
        return [self._compare(base, candidate, shape) for base, candidate in arms]

    def _measure(self, case: Case, evaluate: Evaluate, shape: sweep.Shape) -> list[sweep.Judged]:
        """Judge one arm. Raises Failed where it does, or where results do not fit the inputs."""

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

    def _measured(self, case: Case, evaluate: Evaluate, shape: sweep.Shape) -> list[sweep.Judged]:
        if not case.activation:
            bits = _inputs(case, self._seed, shape)
            outputs = evaluate(case, bits, apart=True)
            sized = replace(case, size=int(bits.size))
            return [(Agreement(sized, Certificate()), np.asarray(outputs[0]))]
        problems = [self._problem(directed) for directed in directions_of(case)]
        sized = replace(case, size=int(problems[0].bits.size))
        judged = sweep.measure(sized, problems, evaluate, shape)
        assert judged is not None
        return judged

    def _problem(self, case: Case) -> Problem:
        return self._problems.of(replace(case, size=0))

    def _compare(self, base: sweep.Judged, candidate: sweep.Judged, shape: sweep.Shape) -> Compared:
        (before, old), (after, new) = base, candidate
        case = before.case
        if old.shape != new.shape:
            detail = f"results of another shape: {old.shape} → {new.shape}"
            return Compared(case, "broken", tested=int(old.size), detail=detail)
        differing = len(ulp.differ(old, new, case.dtype))
        compared = partial(Compared, case, tested=int(old.size), differing=differing)
        parameter = before.certificate.max_ulp_parameter != after.certificate.max_ulp_parameter
        own = frameworks()[case.framework].callable
        missed = _missed(after) if own else ""
        if not differing and not parameter:
            return compared("wrong", detail=missed) if missed else compared("identical")
        if not case.activation:
            shown = _first_different(case, _inputs(case, self._seed, shape), old, new)
            return compared("different", shown=shown, detail="no --reference says which is right")
        problem = self._problem(case)
        worse, better = _changes_of_measures(before, after)
        if not problem.activation.rowwise and not own:
            more_worse, more_better = _changes_of_conventions(case, problem, old, new)
            worse, better = worse + more_worse, better + more_better
        kind: Kind = "worse" if worse else "better" if better else "different"
        kind = "wrong" if missed and kind == "different" else kind
        shown = _most_worse(problem, old, new) if differing else ""
        return compared(kind, worse=tuple(worse), better=tuple(better), shown=shown, detail=missed)


def _missed(judged: Agreement) -> str:
    """The reason why results are of another function than the reference; empty where they are not.

    An approximation has the first bits right, of most results.
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

    Some come again, to fill up the last call.
    """
    small = FORMATS[case.dtype].is_small
    bits = (
        known.all_inputs(case.dtype) if small else inputs.stratified(case.dtype, _PER_BINADE, seed)
    )
    return np.resize(bits, (-(-bits.size // math.prod(shape)), *shape))


def _first_different(case: Case, bits: Any, old: Any, new: Any) -> str:
    """The first result that differs, in both versions, and its input if their sizes match."""
    index = int(ulp.differ(old, new, case.dtype)[0])
    before, after = (
        float(inputs.from_bits(result, case.dtype).flat[index]) for result in (old, new)
    )
    x = float(inputs.from_bits(bits, case.dtype).flat[index]) if bits.size == old.size else None
    where = f"at {x!r}" if x is not None else f"result {index}"
    return f"{where}: {before!r} → {after!r}"


def _changes_of_measures(before: Agreement, after: Agreement) -> tuple[list[str], list[str]]:
    worse: list[str] = []
    better: list[str] = []
    for name, meaning in _MEASURES.items():
        old, new = _measure_of(before, name), _measure_of(after, name)
        if old != new:
            (worse if new > old else better).append(f"{meaning}: {changed(old, new)}")
    return worse, better


def _measure_of(sample: Agreement, name: str) -> float:
    return float(getattr(sample.certificate, name) or 0.0)


def _changes_of_conventions(
    case: Case, problem: Problem, old: Any, new: Any
) -> tuple[list[str], list[str]]:
    before, after = (
        {_key(row): row for row in special.rows(special.taken(case, problem.bits, result))}
        for result in (old, new)
    )
    worse: list[str] = []
    better: list[str] = []
    for key in {**before, **after}:
        old_row, new_row = before.get(key), after.get(key)
        if old_row is None or new_row is None or old_row.value != new_row.value:
            better_now = _is_better(key[0], old_row, new_row)
            text = f"{_CONVENTIONS[key[0]]}: {_described(old_row)} → {_described(new_row)}"
            (better if better_now else worse).append(text)
    return worse, better


def _key(row: Row) -> tuple[str, float | None]:
    """A metric, and for a kink's gradient where the kink lies."""
    return row.metric, row.kink.at if row.kink else None


def _is_better(metric: str, old: Row | None, new: Row | None) -> bool:
    if old is None or new is None or old.value is None or new.value is None:
        return False
    if metric in _MORE_IS_BETTER:
        return bool(new.value > old.value)
    return metric == "special_departures" and bool(new.value < old.value)


def _described(row: Row | None) -> str:
    if row is None:
        return "none"
    detail = words.about(row)
    return f"{row.value:.6g}" + (f" ({detail})" if detail else "")


def _most_worse(problem: Problem, old: Any, new: Any) -> str:
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
    where = words.place(place(problem.x, index, problem.activation.rowwise))
    x = "" if problem.activation.rowwise else f" ({float(problem.x.flat[index])!r})"
    exact = problem.exact.value(index)
    return f"at {where}{x}: {before!r} → {after!r}, exact {_number(exact)}"


def _number(value: float) -> str:
    return "not a number" if math.isnan(value) else repr(float(value))
