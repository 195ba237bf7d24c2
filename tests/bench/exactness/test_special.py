"""Special points: which they are, and what is told of results that are planted or real."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from actbench.bench.catalog import inputs
from actbench.bench.catalog.activations import find
from actbench.bench.catalog.cases import Case, Selection
from actbench.bench.catalog.dtypes import DTYPES
from actbench.bench.exactness import reference, special, sweep
from actbench.bench.results import words
from actbench.bench.results.metrics import METRICS, Group, metrics_of
from actbench.bench.results.rows import Row, SpecialRow
from actbench.bench.results.samples import Reader, SpecialRows, Specials, as_record
from actbench.bench.results.store import dump
from actbench.bench.workers.supervised import SupervisedWorker

Function = Callable[[np.ndarray], np.ndarray]


def _stored(sample: Any) -> Any:
    """A sample as a run gives it back."""
    reader = Reader()
    reader.sample(dump({"kind": "case", "case": 0, **sample.case.as_dict()}))
    return reader.sample(dump(as_record(sample, 0)))


def _case(label: str, direction: str = "forward", dtype: str = "float32", **changes: Any) -> Case:
    fields = {"framework": "numpy", "form": "textbook", "mode": "eager", "device": "cpu"}
    fields |= {"activation": label, "direction": direction, "dtype": dtype}
    return Case(size=4096, threads=1, **{**fields, **changes})


def _only(found: list[Specials] | None) -> Specials:
    """The one sample of a case of one direction."""
    assert found is not None
    (sample,) = found
    return sample


def _rows(case: Case, function: Function) -> dict[str, Row]:
    """The rows of a planted function, after a way through JSON as in a stored run."""

    def evaluate(_: Case, bits: Any, upstream: Any = None, apart: bool = False) -> list[Any]:
        assert bits.shape == special.SHAPE
        assert upstream is None
        with np.errstate(all="ignore"):
            results = function(inputs.from_bits(bits, case.dtype))
        return [inputs.to_bits(np.asarray(results), case.dtype)]

    sample = _only(special.measure(case, evaluate))
    found = list(special.rows(_stored(sample)))
    assert {row.metric for row in found} <= set(metrics_of(Group.SPECIAL))
    return {row.metric: row for row in found}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_points_are_those_that_numpy_knows(dtype: str) -> None:
    kind, about = np.dtype(dtype).type, np.finfo(dtype)
    found = inputs.from_bits(special.points(find("softplus"), dtype), dtype)
    largest_subnormal = float(np.nextafter(about.tiny, kind(0)))
    ends = [float(about.smallest_subnormal), largest_subnormal, float(about.tiny), float(about.max)]
    for size in (0.0, *ends, 1.0, math.inf):
        for value in (size, -size):
            same = (found == value) & (np.signbit(found) == (math.copysign(1, value) < 0))
            assert same.sum() == 1, value
    assert np.isnan(found).sum() == 1
    twenty = kind(20)
    for value in (twenty, np.nextafter(twenty, kind(0)), np.nextafter(twenty, kind(99))):
        assert (found == float(value)).sum() == 1


def test_the_points_of_bfloat16_have_the_bits_of_the_format() -> None:
    bits = set(special.points(find("relu6"), "bfloat16").tolist())
    positive = {0x0000, 0x0001, 0x007F, 0x0080, 0x3F80, 0x7F7F, 0x7F80}
    six = {0x40BF, 0x40C0, 0x40C1}
    assert bits == {*positive, *(each | 0x8000 for each in positive), 0x7FC0, *six}


def test_a_choice_that_drops_nan_and_the_sign_of_zero_is_told() -> None:
    found = _rows(_case("relu"), lambda x: np.where(x > 0, x, 0))
    assert (found["nan_kept"].value, words.about(found["nan_kept"])) == (0, "NaN → 0")
    assert found["sign_of_zero"].value == 1
    assert found["special_departures"].value == 1
    assert found["subnormal_kept"].value == 1


def test_a_product_that_keeps_both_is_told() -> None:
    found = _rows(_case("relu"), lambda x: np.where(x > 0, x, np.where(np.isnan(x), x, -0.0)))
    assert found["nan_kept"].value == 1
    assert found["sign_of_zero"].value == -1
    assert (found["special_departures"].value, words.about(found["special_departures"])) == (0, "")


def test_nan_at_minus_infinity_departs_from_the_limit() -> None:
    found = _rows(_case("silu", dtype="float64"), lambda x: x / (1 + np.exp(-x)))
    assert words.about(found["special_departures"]) == "−∞ → NaN, limit 0"


def test_flushed_results_are_no_departure_and_are_told() -> None:
    def flushing(x: np.ndarray) -> np.ndarray:
        result = np.where(np.isinf(x), np.sign(x), x / (1 + np.abs(x)))
        return np.where(np.abs(result) < 2.0**-126, 0 * result, result)

    found = _rows(_case("softsign"), flushing)
    assert found["special_departures"].value == 0
    assert found["subnormal_kept"].value == 0
    assert words.about(found["subnormal_kept"]).startswith("smallest subnormal → 0; −smallest")
    assert found["sign_of_zero"].value == -1


def test_subnormal_inputs_that_count_as_zero_are_no_departure_and_are_told() -> None:
    """The root of the smallest subnormal is far from any subnormal: only the input was flushed."""
    found = _rows(_case("sqrt"), lambda x: np.sqrt(np.where(np.abs(x) < 2.0**-126, 0 * x, x)))
    assert found["special_departures"].value == 0
    assert found["subnormal_kept"].value == 0


def test_nothing_is_said_of_subnormals_that_a_value_beside_zero_hides() -> None:
    found = _rows(_case("sigmoid", dtype="float64"), lambda x: 1 / (1 + np.exp(-x)))
    assert "subnormal_kept" not in found
    assert "sign_of_zero" not in found


@pytest.mark.parametrize(("steps", "departs"), [(64, 0), (66, 1)])
def test_a_departure_is_more_than_the_bound(steps: int, departs: int) -> None:
    """One result, exp(1) in float64 and so many of its units in the last place beside it."""

    def shifted(x: np.ndarray) -> np.ndarray:
        return np.exp(x) + np.where(x == 1, steps * 2.0**-51, 0)

    found = _rows(_case("exp", form="native", dtype="float64"), shifted)["special_departures"]
    assert found.value == departs, found.points


def test_the_jump_of_a_threshold_shows_where_the_digits_do() -> None:
    def thresholded(x: np.ndarray) -> np.ndarray:
        return np.where(x > 20, x, np.log1p(np.exp(x)))

    wide = _rows(_case("softplus", dtype="float64"), thresholded)["special_departures"]
    assert wide.value == 1
    assert words.about(wide).startswith(
        "20.000000000000004 → 20.000000000000004, exact 20.0000000020611"
    )
    narrow = _rows(_case("softplus", dtype="float32"), thresholded)["special_departures"]
    assert narrow.value == 0


@pytest.mark.parametrize("convention", [0.0, 0.5, 1.0])
def test_the_gradient_at_a_kink_is_told_and_right_between_both_slopes(convention: float) -> None:
    def slope(x: np.ndarray) -> np.ndarray:
        return np.where(x == 0, convention, np.where(np.isnan(x), x, x > 0))

    found = _rows(_case("relu", "backward"), slope)
    assert found["gradient_at_kink"].value == convention
    assert words.about(found["gradient_at_kink"]) == "at 0, between 0 and 1"
    assert found["special_departures"].value == 0


def test_a_gradient_that_differs_at_the_other_zero_is_told() -> None:
    found = _rows(_case("relu", "backward"), lambda x: np.where(np.signbit(x), 0, x >= 0))
    assert found["gradient_at_kink"].value == 1
    assert words.about(found["gradient_at_kink"]) == "at 0, between 0 and 1; −0 → 0"


def test_every_kink_has_a_row_and_nan_at_one_is_a_departure() -> None:
    def slope(x: np.ndarray) -> np.ndarray:
        return np.where(x == 6, np.nan, (x > 0) & (x < 6))

    case = _case("relu6", "backward")
    bits = special.points(find("relu6"), "float32")
    got = inputs.to_bits(slope(inputs.from_bits(bits, "float32")), "float32")
    found = list(special.rows(special.taken(case, bits, got)))
    kinks = [words.about(row) for row in found if row.metric == "gradient_at_kink"]
    assert kinks == ["at 0, between 0 and 1"]
    (departures,) = [row for row in found if row.metric == "special_departures"]
    assert "6 → NaN, exact" in words.about(departures)


def test_a_case_that_failed_has_no_sample() -> None:
    assert special.measure(_case("relu"), lambda *_, **__: None) is None


def test_eager_cases_are_tried_in_every_format_and_compiled_ones_where_they_are_swept() -> None:
    eager, compiled = _case("relu"), _case("relu", mode="compiled")
    rows = _case("softmax")
    found = special.other_cases([eager, compiled, rows], Selection())
    assert {(each.mode, each.activation, each.dtype) for each in found} == {
        ("eager", "relu", dtype) for dtype in ("float16", "bfloat16", "float64")
    }
    assert special.other_cases([eager], Selection(dtypes=("float32",))) == []


# What the frameworks are known to do, each by a measurement of its own: the gradient at 0 of relu's
# forms, the gradient of the native one at NaN.
_AT_0 = {
    "torch": {"native": 0.0, "max": 0.5, "abs": 0.5},
    "jax": {"native": 0.0, "max": 0.5, "abs": 1.0},
    "tensorflow": {"native": 0.0, "max": 1.0, "abs": 0.5},
}
_AT_NAN = {"torch": "NaN → 1", "jax": "NaN → 0", "tensorflow": "NaN → 0"}


def _measured(
    worker: SupervisedWorker, label: str, form: str, direction: str, dtype: str
) -> dict[str, Row]:
    worker.failures.clear()
    case = _case(label, direction, dtype, framework=worker.key.framework, form=form)
    sample = _only(special.measure(case, worker.evaluate))
    return {row.metric: row for row in special.rows(sample)}


@pytest.mark.slow
def test_known_conventions_come_out_of_the_measurement(
    compiler: str, worker: SupervisedWorker
) -> None:
    for form, expected in _AT_0[compiler].items():
        found = _measured(worker, "relu", form, "backward", "float32")
        assert found["gradient_at_kink"].value == expected, form
    at_nan = _measured(worker, "relu", "native", "backward", "float32")["nan_kept"]
    assert words.about(at_nan) == _AT_NAN[compiler]
    choice = _measured(worker, "relu", "where", "forward", "float32")
    assert words.about(choice["nan_kept"]) == "NaN → 0"
    overflow = _measured(worker, "elu", "textbook", "backward", "float32")["special_departures"]
    assert "100 → NaN, exact 1" in words.about(overflow)
    gate = _measured(worker, "silu", "textbook", "forward", "float32")["special_departures"]
    assert "−∞ → NaN, limit 0" in words.about(gate)


@pytest.mark.slow
def test_wide_forms_depart_nowhere(framework: str, worker: SupervisedWorker) -> None:
    for label in ("elu", "softplus", "silu", "gelu", "mish", "squareplus"):
        for direction in ("forward", "backward"):
            found = _measured(worker, label, "wide", direction, "float32")
            assert found["special_departures"].value == 0, found["special_departures"]
            assert found["nan_kept"].value == 1


def test_the_meaning_of_the_metric_states_the_bound() -> None:
    assert f"{special.BOUND} ulp" in METRICS["special_departures"].meaning


_ROWWISE = (
    *("logsumexp", "softmax", "softmax(axis=0)", "log_softmax"),
    *("glu", "swiglu", "geglu", "reglu"),
)


def _rows_of(
    label: str, worker: SupervisedWorker, dtype: str = "float32"
) -> dict[tuple[str, SpecialRow], Row]:
    worker.failures.clear()
    case = _case(label, "both", dtype, framework=worker.key.framework, form="wide")
    found: dict[tuple[str, SpecialRow], Row] = {}
    for shape in ((32, 16), (2, 1)):
        if find(label).indivisible(shape[1]):
            continue
        evaluate = partial(sweep.of_rows, evaluate=worker.evaluate)
        samples = special.measure_rows(case, shape, evaluate)
        assert samples is not None, worker.failures
        for sample in samples:
            for row in special.rows_of_rows(_stored(sample)):
                assert row.entries
                found[sample.case.direction, row.entries.row] = row
    return found


@pytest.mark.slow
@pytest.mark.parametrize("label", _ROWWISE)
def test_wide_forms_depart_at_no_special_row(
    framework: str, worker: SupervisedWorker, label: str
) -> None:
    found = _rows_of(label, worker)
    kinds = set(SpecialRow) - ({SpecialRow.SINGLE} if find(label).indivisible(1) else set())
    assert {kind for _, kind in found} == kinds
    for (direction, _), row in found.items():
        if label in ("geglu", "swiglu", "glu") and direction == "backward":
            continue  # an upstream times a large number may overflow where the gradient does not
        assert row.value == 0, words.about(row)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_what_is_left_beside_the_largest_is_not_lost(
    framework: str, worker: SupervisedWorker, dtype: str
) -> None:
    """ln(1 + e⁻⁴⁰) is e⁻⁴⁰, which is nothing beside 1, and so are the gradients along it."""
    if (framework, dtype) == ("numpy", "bfloat16"):
        pytest.skip("NumPy has no bfloat16")
    tail, near = math.exp(-40), 2.0 ** -DTYPES[dtype].precision
    found = _rows_of("logsumexp", worker, dtype)
    value = found["forward", SpecialRow.APART].entries
    assert value
    assert value.got == (pytest.approx(tail, rel=8 * near),)
    for label, sign in (("softmax", -1), ("log_softmax", 0)):
        entries = _rows_of(label, worker, dtype)["backward", SpecialRow.APART].entries
        assert entries
        expected = sign * tail if sign else 1 - sum(range(1, 17))
        assert entries.got[0] == pytest.approx(expected, rel=8 * near)


def test_a_row_without_a_limit_is_a_convention_and_no_departure() -> None:
    lowest, highest = SpecialRow.LOWEST, SpecialRow.TWO_HIGHEST
    given = [special.special_rows("float32")[row] for row in (lowest, highest)]
    for got in (math.nan, 0.25):
        sample = SpecialRows(
            _case("softmax"),
            (lowest, highest),
            tuple(tuple(value.hex() for value in row) for row in given),
            (
                (got.hex(),) * 16,
                tuple((got if value == math.inf else 0.0).hex() for value in given[1]),
            ),
        )
        first, second = special.rows_of_rows(sample)
        assert (first.value, second.value) == (0, 0)
        assert all(map(math.isnan, first.entries.exact if first.entries else ()))


def test_the_limits_of_rows_are_those_of_the_function() -> None:
    """One infinite number takes all of a softmax; a NaN spoils what depends on it alone."""
    rows = np.array([[1.0, math.inf, 2.0, -1.0], [1.0, math.nan, 2.0, -1.0]])
    softmax = reference.row_limits(find("softmax"), rows).values
    assert softmax[0].tolist() == [0, 1, 0, 0]
    assert np.isnan(softmax[1]).all()
    assert reference.row_limits(find("logsumexp"), rows).values[0].tolist() == [math.inf]
    glu = reference.row_limits(find("glu"), rows).values
    assert glu[:, 0].tolist() == [pytest.approx(1 / (1 + math.exp(-2)))] * 2
    assert glu[0, 1] == math.inf
    assert np.isnan(glu[1, 1])
    pulled = reference.row_limits(find("logsumexp"), rows, np.ones((2, 1))).values
    assert pulled[0].tolist() == [0, 1, 0, 0]
