"""Results that became less exact: forms written here, judged by independent arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actbench.bench.catalog import inputs
from actbench.bench.catalog.activations import UNKNOWN, find
from actbench.bench.catalog.cases import Case, Selection
from actbench.bench.catalog.frameworks import declared, own
from actbench.bench.exactness import reference
from actbench.bench.gate import words
from actbench.bench.gate.exactness import Change, Compared, Comparison, swept
from actbench.bench.gate.gate import Result
from actbench.bench.gate.trees import Tree
from actbench.bench.host.progress import Reporter
from actbench.bench.results.status import Status
from actbench.bench.timing.decisions import Design
from actbench.bench.worker.protocol import Failure
from actbench.bench.workers.process import Failed, Lost

Array = Any
Form = Callable[[Array], Array]
_GELU = Case("numpy", "gelu", "textbook", "eager", "forward", "cpu", "float32", 0, 1)
_RELU = Case("numpy", "relu", "max", "eager", "forward", "cpu", "float32", 0, 1)
_SLOPE = Case("numpy", "relu", "max", "eager", "backward", "cpu", "float32", 0, 1)


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    """One comparison for all tests: exact values are computed once."""
    return Comparison([_GELU, _RELU, _SLOPE], 0, Reporter(quiet=True))


def _evaluating(form: Form) -> Callable[..., list[Any]]:
    """Answer as a worker does: bit patterns in, bit patterns out."""

    def evaluate(case: Case, bits: Array, *_: Any, **__: Any) -> list[Any]:
        with np.errstate(all="ignore"):
            result = form(bits.view("float32"))
        return [np.ascontiguousarray(result).view(np.uint32)]

    return evaluate


def _compare(comparison: Comparison, case: Case, base: Form, candidate: Form) -> Compared:
    [compared] = comparison.of(case, _evaluating(base), _evaluating(candidate))
    return compared


_erfc = np.vectorize(math.erfc, otypes=[float])
_erf = np.vectorize(math.erf, otypes=[float])


def _stable(x: Array) -> Array:
    """x erfc(−x/√2)/2 in float64: no cancellation."""
    wide = x.astype(float)
    result = np.where(wide == -np.inf, -0.0, wide * _erfc(-wide / math.sqrt(2)) / 2)
    return result.astype(np.float32)


def _cancelling(x: Array) -> Array:
    """x(1 + erf(x/√2))/2 in float32, whose sum loses the tail."""
    one, half = np.float32(1), np.float32(0.5)
    result = half * x * (one + _erf(x.astype(float) / math.sqrt(2)).astype(np.float32))
    return np.where(x == -np.inf, np.float32(-0.0), result)


def _shown(compared: Compared) -> tuple[float, float, float, float]:
    """The input that is shown, both results and the exact value."""
    shown = compared.shown
    assert shown is not None
    assert shown.exact is not None
    return shown.place.x, shown.before, shown.after, shown.exact


def _metrics(changes: Iterable[Change]) -> list[str]:
    return [change.metric for change in changes]


def test_a_form_that_cancels_is_worse_at_an_input_where_arithmetic_confirms_it(
    comparison: Comparison,
) -> None:
    compared = _compare(comparison, _GELU, _stable, _cancelling)
    assert compared.kind == "worse"
    assert "max_ulp" in _metrics(compared.worse)
    assert 0 < compared.differing <= compared.tested
    x, before, after, exact = _shown(compared)
    truth = x * math.erfc(-x / math.sqrt(2)) / 2
    assert exact == pytest.approx(truth, rel=1e-12, abs=1e-300)
    assert exact == reference.exact_values(find("gelu"), "forward", np.array([x])).value(0)
    assert abs(before - truth) < abs(after - truth)


def test_the_same_change_the_other_way_round_is_better(comparison: Comparison) -> None:
    worse = _compare(comparison, _GELU, _stable, _cancelling)
    better = _compare(comparison, _GELU, _cancelling, _stable)
    assert (better.kind, better.worse) == ("better", ())
    assert len(better.better) == len(worse.worse) > 0
    assert better.differing == worse.differing


def test_special_rows_that_come_out_otherwise_are_worse_where_nothing_else_differs() -> None:
    softmax = replace(_RELU, activation="softmax", form="textbook")
    comparison = Comparison([softmax], 0, Reporter(quiet=True))

    def plain(x: Array) -> Array:
        wide = x.astype(float)
        powers = np.exp(wide - wide.max(-1, keepdims=True))
        return (powers / powers.sum(-1, keepdims=True)).astype(np.float32)

    def limits(x: Array) -> Array:
        highest = x == np.inf
        alone = highest.sum(-1, keepdims=True) == 1
        return np.where(alone, highest.astype(np.float32), plain(x))

    worse = _compare(comparison, softmax, limits, plain)
    assert (worse.kind, worse.differing) == ("worse", 0)
    [change] = worse.worse
    assert (change.metric, change.before.value, change.after.value) == ("special_row", 0, 16)
    said = words.for_people(_result(exact=[worse]))
    assert "results of a special row far from the exact ones: 0" in said
    assert "one +∞: NaN; output 0 exactly 0" in said
    better = _compare(comparison, softmax, plain, limits)
    assert (better.kind, len(better.better), better.worse) == ("better", 1, ())
    assert _compare(comparison, softmax, plain, plain).kind == "identical"


def test_counts_are_those_of_exact_fractions(comparison: Comparison) -> None:
    """Lose 3 binary digits of x: results not correctly rounded, counted in fractions."""

    def rough(x: Array) -> Array:
        return np.maximum((x.view(np.uint32) & ~np.uint32(7)).view(np.float32), 0)

    seen: list[Array] = []

    def base(x: Array) -> Array:
        seen.append(x.copy())
        return np.maximum(x, 0)

    compared = _compare(comparison, _RELU, base, rough)
    x = seen[0].ravel()[: compared.tested]
    finite = x[np.isfinite(x) & (x > 0)]
    rounded = rough(finite)
    wrong = sum(
        Fraction(float(a)) != Fraction(float(b)) for a, b in zip(finite, rounded, strict=True)
    )
    said = words.for_people(_result(exact=[compared]))
    assert f"results not correctly rounded: 0 → {wrong:,}" in said
    assert "largest error, ulp: 0 → 7" in said
    assert "largest error in [−20, 20], ulp: 0 → 7" in said
    distance = (finite - rounded)[finite <= 20].max()
    assert f"largest distance in [−20, 20]: 0 → {distance:.3g}" in said


def _edited(form: Form, at: float, value: float) -> Form:
    """A form with another result at one input, of its sign where it is zero."""

    def edited(x: Array) -> Array:
        here = (
            np.isnan(x)
            if math.isnan(at)
            else (x == at) & (np.signbit(x) == (math.copysign(1, at) < 0))
        )
        return np.where(here, np.float32(value), form(x))

    return edited


def _result(**changes: Any) -> Result:
    base, candidate = Tree(Path(), "v1"), Tree(Path(), "the working tree")
    return Result(base, candidate, Design(), "", **changes)


def _relu(x: Array) -> Array:
    return np.maximum(x, np.float32(0))


def _step(x: Array) -> Array:
    return np.where(np.isnan(x), x, (x > 0).astype(np.float32))


@pytest.mark.parametrize(
    ("case", "at", "value", "sentence"),
    [
        (_RELU, math.nan, 0.0, "NaN stays NaN: 1 → 0"),
        (_RELU, 2.0**-149, 0.0, "subnormals are kept: 1 → 0"),
        (_RELU, math.inf, 1.0, "special points far from the exact value: 0 → 1"),
        (_RELU, math.inf, math.nan, "NaN out of place: 0 → 1"),
        (_RELU, 1.0, math.inf, "infinities out of place: 0 → 1"),
        (_RELU, 1.0, -1.0, "signs out of place: 0 → 1"),
        (_SLOPE, 1.0, 0.5, "special points far from the exact value: 0 → 1"),
    ],
)
def test_one_wrong_result_is_named(
    comparison: Comparison, case: Case, at: float, value: float, sentence: str
) -> None:
    form = _relu if case is _RELU else _step
    compared = _compare(comparison, case, form, _edited(form, at, value))
    assert compared.kind == "worse"
    said = words.for_people(_result(exact=[compared]))
    assert sentence in said, said
    back = _compare(comparison, case, _edited(form, at, value), form)
    assert back.kind == "better", back
    assert len(back.better) == len(compared.worse)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_sign_of_zero_that_changed_is_reported_either_way(
    comparison: Comparison, sign: float
) -> None:
    """Neither sign is right: what others rely on must stay."""
    one, other = (_edited(_relu, -0.0, math.copysign(0.0, side)) for side in (sign, -sign))
    compared = _compare(comparison, _RELU, one, other)
    assert compared.kind == "worse"
    assert "sign_of_zero" in _metrics(compared.worse)


def test_a_gradient_at_a_kink_that_changed_is_reported_either_way(comparison: Comparison) -> None:
    half = _edited(_edited(_step, 0.0, 0.5), -0.0, 0.5)
    for one, other in ((_step, half), (half, _step)):
        compared = _compare(comparison, _SLOPE, one, other)
        assert compared.kind == "worse"
        [kink] = [change for change in compared.worse if change.metric == "gradient_at_kink"]
        assert kink.figures.at == 0


def test_the_same_bits_are_identical(comparison: Comparison) -> None:
    compared = _compare(comparison, _GELU, _stable, lambda x: _stable(x.copy()))
    assert (compared.kind, compared.differing, compared.worse, compared.better) == (
        "identical",
        0,
        (),
        (),
    )
    assert compared.tested > 1000


def test_another_nan_is_no_other_result(comparison: Comparison) -> None:
    def quiet(x: Array) -> Array:
        return np.where(np.isnan(x), np.uint32(0x7FC00001).view(np.float32), _relu(x))

    compared = _compare(comparison, _RELU, _relu, quiet)
    assert (compared.kind, compared.differing) == ("identical", 0)


@settings(max_examples=15, deadline=None)
@given(st.floats(width=32, min_value=2.0**-100, max_value=2.0**100), st.integers(-3, 3))
def test_what_is_worse_one_way_is_better_the_other(value: float, steps: int) -> None:
    """Results at x = 1, where 1 is exact; equal errors are neither better nor worse."""
    comparison = _SHARED
    near = float(np.float32(1 + steps * 2.0**-23))
    forms = _edited(_relu, 1.0, value), _edited(_relu, 1.0, near)
    one, other = _compare(comparison, _RELU, *forms), _compare(comparison, _RELU, *forms[::-1])
    assert {len(one.worse), len(one.better)} == {len(other.worse), len(other.better)}
    assert len(one.worse) == len(other.better)
    assert one.differing == other.differing == (np.float32(value) != np.float32(near))


_SHARED = Comparison([_RELU], 0, Reporter(quiet=True))


# --- arms that fail -------------------------------------------------------------------------------


def _fails(failure: Failed) -> Callable[..., list[Any]]:
    def evaluate(*_: Any, **__: Any) -> list[Any]:
        raise failure

    return evaluate


@pytest.mark.parametrize(
    "failure", [Failed(Failure(Status.ERROR, "planted")), Lost(Failure(Status.ERROR, "killed"))]
)
def test_a_failure_is_that_of_its_arm(comparison: Comparison, failure: Failed) -> None:
    right, wrong = _evaluating(_relu), _fails(failure)
    [broken] = comparison.of(_RELU, right, wrong)
    assert (broken.kind, broken.failures) == ("broken", {"candidate": failure.failure})
    [mended] = comparison.of(_RELU, wrong, right)
    assert (mended.kind, mended.failures) == ("mended", {"base": failure.failure})
    assert not mended.fails
    [neither] = comparison.of(_RELU, wrong, wrong)
    assert neither.kind == "unmeasured"
    assert neither.failures == dict.fromkeys(("base", "candidate"), failure.failure)


@pytest.mark.parametrize(
    ("status", "kind"), [(Status.UNSUPPORTED, "new"), (Status.ERROR, "mended")]
)
@pytest.mark.parametrize(
    ("case", "right", "wrong"),
    [
        (_GELU, _stable, np.zeros_like),
        (_GELU, _cancelling, lambda x: _stable(x) * np.float32(1.001)),
        (_RELU, _relu, lambda x: np.where(x > 3, np.float32(0), np.maximum(x, 0))),
        (_RELU, _relu, lambda x: np.full_like(x, np.nan)),
        (_SLOPE, _step, np.zeros_like),
    ],
)
def test_what_the_candidate_alone_has_passes_only_if_it_is_right(
    comparison: Comparison, case: Case, right: Form, wrong: Form, status: Status, kind: str
) -> None:
    lacks = Failed(Failure(status, "planted"))
    [passing] = comparison.of(case, _fails(lacks), _evaluating(right))
    assert (passing.kind, passing.fails) == (kind, False)
    [failing] = comparison.of(case, _fails(lacks), _evaluating(wrong))
    assert (failing.kind, failing.fails) == ("wrong", True)
    assert failing.failures["base"] == lacks.failure
    assert failing.failures["candidate"].reason.startswith("is wrong where it is timed: ")


def test_what_neither_version_has_is_no_fault_of_either(comparison: Comparison) -> None:
    lacks = _fails(Failed(Failure(Status.UNSUPPORTED, "NumPy has no bfloat16")))
    [neither] = comparison.of(_RELU, lacks, lacks)
    assert (neither.kind, neither.fails) == ("unsupported", False)


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        (lambda x: x[:, :1], "results do not fit the inputs"),
        (lambda x: np.float32(1), "results do not fit the inputs"),
        (lambda x: x.ravel()[:-1], "results do not fit the inputs"),
    ],
)
def test_results_of_another_shape_are_the_fault_of_their_arm(
    comparison: Comparison, form: Form, sentence: str
) -> None:
    compared = _compare(comparison, _RELU, _relu, form)
    assert compared.kind == "broken"
    assert sentence in compared.failures["candidate"].reason
    assert _compare(comparison, _RELU, form, _relu).kind == "mended"


@pytest.mark.parametrize("bits", ["uint64", "uint16"])
def test_results_of_another_format_are_the_fault_of_their_arm(
    comparison: Comparison, bits: str
) -> None:
    def other(case: Case, given: Array, *_: Any, **__: Any) -> list[Any]:
        return [given.astype(bits)]

    [compared] = comparison.of(_RELU, _evaluating(_relu), other)
    reason = f"returns {bits.removeprefix('uint')} bits for float32"
    assert compared.kind == "broken"
    assert compared.failures == {"candidate": Failure(Status.REFUSED, reason)}


def test_no_results_are_the_fault_of_their_arm(comparison: Comparison) -> None:
    [compared] = comparison.of(_RELU, _evaluating(_relu), lambda *_, **__: [])
    assert compared.kind == "broken"


# --- a function of which nobody said what it should be --------------------------------------------

_OWN = Case("numpy", UNKNOWN.name, "package:f", "eager", "forward", "cpu", "float16", 0, 1)


def _bits(form: Form) -> Callable[..., list[Any]]:
    def evaluate(case: Case, bits: Array, *_: Any, **__: Any) -> list[Any]:
        return [form(bits)]

    return evaluate


def _compare_bits(base: Form, candidate: Form) -> Compared:
    [compared] = Comparison([_OWN], 0, Reporter(quiet=True)).of(_OWN, _bits(base), _bits(candidate))
    return compared


def test_without_a_reference_the_first_difference_is_shown() -> None:
    one = int(np.float16(1.5).view(np.uint16))
    compared = _compare_bits(lambda bits: bits, lambda bits: np.where(bits == one, bits + 1, bits))
    assert (compared.kind, compared.differing, compared.fails) == ("different", 1, True)
    shown = compared.shown
    assert shown is not None
    after = float(np.nextafter(np.float16(1.5), np.float16(2)))
    assert (shown.place.x, shown.before, shown.after, shown.exact) == (1.5, 1.5, after, None)


def test_without_a_reference_nothing_new_is_known_to_be_right() -> None:
    lacks = _fails(Failed(Failure(Status.UNSUPPORTED, "planted")))
    comparison = Comparison([_OWN], 0, Reporter(quiet=True))
    [new] = comparison.of(_OWN, lacks, _bits(lambda bits: bits))
    assert (new.kind, new.judged, new.fails) == ("new", False, True)


@pytest.mark.parametrize("form", [lambda bits: bits[:, :1], lambda bits: bits[:1]])
def test_without_a_reference_another_shape_is_broken(form: Form) -> None:
    compared = _compare_bits(lambda bits: bits, form)
    assert compared.kind == "broken"
    assert "results of another shape: (" in compared.failures["candidate"].reason


# --- a function of the user's own, with a reference -----------------------------------------------


def test_what_is_less_wrong_than_the_base_is_still_wrong() -> None:
    function = own("package:f", "softsign")
    case = replace(_RELU, framework=function.name, activation="softsign", form="package:f")

    def times(factor: int) -> Callable[..., list[Any]]:
        return _evaluating(lambda x: np.float32(factor) * (x / (1 + np.abs(x))))

    with declared(function):
        comparison = Comparison([case], 0, Reporter(quiet=True))
        [compared] = comparison.of(case, times(5), times(4))
    assert (compared.kind, compared.worse, compared.fails) == ("wrong", (), True)
    assert "max_ulp" in _metrics(compared.better)


# --- what is evaluated ----------------------------------------------------------------------------


def test_every_form_is_evaluated_once_per_format_in_both_directions() -> None:
    timed = [
        replace(_RELU, size=size, direction=d) for size in (1, 2) for d in ("forward", "backward")
    ]
    cases = swept(timed, Selection())
    assert [case.dtype for case in cases] == ["float16", "bfloat16", "float32"]
    assert {(case.direction, case.size) for case in cases} == {("both", 0)}
    forward = swept(timed, Selection(directions=("forward",), dtypes=("float64",)))
    assert [(case.direction, case.dtype) for case in forward] == [("forward", "float64")]


def test_fields_are_reported_by_name(comparison: Comparison) -> None:
    fields = _compare(comparison, _RELU, _relu, _step).as_dict()
    assert fields["kind"] == "worse"
    assert fields["activation"] == "relu"
    assert set(fields) == {*_RELU.as_dict(), *Compared.__dataclass_fields__} - {"case"}


def test_both_directions_come_from_one_evaluation(comparison: Comparison) -> None:
    def both(form: Form) -> Callable[..., list[Any]]:
        def evaluate(case: Case, bits: Array, *_: Any, **__: Any) -> list[Any]:
            x = bits.view(np.float32)
            return [function(x).astype(np.float32).view(np.uint32) for function in (form, _step)]

        return evaluate

    case = replace(_RELU, direction="both")
    value, gradient = comparison.of(case, both(_relu), both(_edited(_relu, 1.0, 2.0)))
    assert (value.case.direction, value.kind) == ("forward", "worse")
    assert (gradient.case.direction, gradient.kind) == ("backward", "identical")
    assert inputs.to_bits(np.array([1.0]), "float32").dtype == np.uint32
