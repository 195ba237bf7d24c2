"""The float64 tier: the same certificate as Arb's alone, wherever a fault is planted."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flint import arb

from actbench.bench.catalog import formulas as exact
from actbench.bench.catalog import inputs
from actbench.bench.catalog.activations import Activation, find, find_reference
from actbench.bench.exactness import double, reference
from actbench.bench.exactness.hardest import hardest
from actbench.bench.exactness.judge import judge
from actbench.bench.exactness.problem import problem_at, problem_of
from actbench.bench.results.rows import Point
from actbench.bench.results.samples import Certificate

Array = np.ndarray[Any, Any]
DIRECTIONS = ["forward", "backward"]
COUNTS = (
    *("tested", "not_correctly_rounded", "nan_mismatches", "nan_first", "infinity_mismatches"),
    *("infinity_first", "sign_mismatches", "sign_first", "histogram"),
)
ERRORS = ("max_ulp", "max_ulp_flushed", "max_ulp_normal", "max_ulp_away")


def _same(one: Certificate, other: Certificate) -> None:
    for name in COUNTS:
        assert getattr(one, name) == getattr(other, name), name
    for name in ERRORS:
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-8, abs=1e-8), name


def _in_order(dtype: str) -> Array:
    places = inputs.places(dtype)
    return inputs.bits_at(places.start, len(places), dtype)


def _perturbed(right: Array, seed: int) -> Array:
    """Results off by an ulp or two at a third of the places, and by anything at a few."""
    random = np.random.default_rng(seed)
    results = right + random.choice([0, 0, 0, 0, 1, -1, 2], right.size).astype(np.uint16)
    anywhere = random.random(right.size) < 0.01
    results[anywhere] = random.integers(0, 2**16, int(anywhere.sum()))
    for special in (0x0000, 0x8000, 0x7C00, 0xFC00, 0x7F80, 0xFF80, 0x7E00, 0x7FC0):
        results[random.random(right.size) < 0.001] = special
    return results


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(
    "label", ["gelu", "sigmoid", "leaky_relu", "hard_swish", "sqrt", "log1p", "mish", "divide"]
)
def test_all_16_bit_inputs_have_the_certificate_that_arb_alone_gives(
    label: str, direction: str, dtype: str
) -> None:
    """Results that are wrong in every way: all counts, and every largest error."""
    activation, bits = find(label), _in_order(dtype)
    problem = problem_of(activation, direction, dtype, 0, 0)
    results = _perturbed(problem.rounded.ravel(), 11)
    by_arb = judge(problem, results.reshape(problem.bits.shape))
    found = double.examine(activation, direction, dtype, bits, results[bits])
    for name in ("nan_first", "infinity_first", "sign_first"):
        # The order of inputs differs: these name the first of either order.
        by_arb = replace(by_arb, **{name: getattr(found, name)})
    _same(found, by_arb)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("label", ["gelu", "selu", "tanh", "softplus", "softsign", "exp", "relu6"])
def test_correctly_rounded_results_have_no_fault(label: str, direction: str) -> None:
    """Ties, kinks and subnormals among them; and the largest error is that of rounding."""
    problem = problem_of(find(label), direction, "bfloat16", 0, 0)
    bits = _in_order("bfloat16")
    right = problem.rounded.ravel()[bits]
    found = double.examine(find(label), direction, "bfloat16", bits, right)
    assert found.max_ulp <= 0.5
    assert found.not_correctly_rounded == 0
    assert found.nan_mismatches == found.infinity_mismatches == found.sign_mismatches == 0
    assert found.histogram == {"0.5": 2**16}


# --- float32 --------------------------------------------------------------------------------------


def _right(activation: Activation, direction: str, bits: Array) -> Array:
    """Correctly rounded results by Arb, as bits."""
    x = inputs.from_bits(bits, "float32")
    nearest = [reference.rounded(activation, direction, float(each), "float32") for each in x]
    return inputs.to_bits(np.array(nearest), "float32")


STRETCHES = {
    "gelu": -3.0,
    "tanh": 2.0**-130,
    "exp": 88.7228,
    "log1p": -0.99999,
    "sigmoid": -103.0,
    "hard_swish": 2.99999,
    "multiply": 1.0,
}


@pytest.mark.parametrize("place", [0, 1777, 2999])
@pytest.mark.parametrize("label", STRETCHES)
def test_one_fault_in_a_stretch_of_float32_is_found(label: str, place: int) -> None:
    activation = find(label)
    first = inputs.place_of(STRETCHES[label], "float32")
    bits = inputs.bits_at(first, 3000, "float32")
    results = _right(activation, "forward", bits)
    clean = double.examine(activation, "forward", "float32", bits, results)
    assert (clean.not_correctly_rounded, clean.histogram) == (0, {"0.5": 3000})
    infinite = np.isinf(inputs.from_bits(results, "float32")[place])
    results[place : place + 1] += np.uint32(-5 % 2**32 if infinite else 5)
    found = double.examine(activation, "forward", "float32", bits, results)
    _same(found, judge(problem_at(activation, "forward", "float32", bits), results))
    assert found.not_correctly_rounded == 1
    assert 4.4 < found.max_ulp < 5.6
    assert found.worst is not None
    assert found.worst.x == inputs.from_bits(bits, "float32")[place]


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("label", ["gelu", "tanh", "exp", "softplus", "isru", "erf", "multiply"])
def test_next_to_a_middle_the_wrong_neighbour_is_wrong(label: str, direction: str) -> None:
    """At inputs that are hardest to round both neighbours are half an ulp off: Arb decides."""
    activation = find(label)
    bits = hardest(activation, direction, "float32", 1)
    if label == "multiply":
        bits = inputs.to_bits(np.linspace(1, 2, 500), "float32")
    right = _right(activation, direction, bits)
    found = double.examine(activation, direction, "float32", bits, right)
    assert found.not_correctly_rounded == 0
    for step in (1, -1):
        beside = right + np.uint32(step % 2**32)
        wrong = double.examine(activation, direction, "float32", bits, beside)
        assert wrong.not_correctly_rounded == len(bits)


ONE = Point((1.0).hex())
FAULTS = {
    "a NaN for a number": (1.0, math.nan, {"nan_mismatches": 1, "nan_first": (ONE,)}),
    "infinity for a number": (1.0, math.inf, {"infinity_mismatches": 1}),
    "a number for infinity": (100.0, 3e38, {"infinity_mismatches": 1}),
    "the other sign": (1.0, -math.e, {"sign_mismatches": 1}),
    "minus zero for a tiny number": (-100.0, -0.0, {"sign_mismatches": 1}),
    "minus zero for next to nothing": (-1000.0, -0.0, {}),
    "a number for NaN": (math.nan, 1.0, {"nan_mismatches": 1, "nan_first": (Point("nan"),)}),
    "a number at infinity": (-math.inf, 1.0, {"not_correctly_rounded": 1}),
    "infinity that is right": (math.inf, math.inf, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_faults_of_another_kind_are_counted(name: str) -> None:
    """One in the middle of right results."""
    x, got, counts = FAULTS[name]
    values = np.array([0.5, 0.25, x, -1.0, math.nan])
    bits = inputs.to_bits(values, "float32")
    with np.errstate(all="ignore"):
        results = inputs.to_bits(np.exp(values), "float32")
    results[2] = inputs.to_bits(np.array([got]), "float32")[0]
    found = double.examine(find("exp"), "forward", "float32", bits, results)
    _same(found, judge(problem_at(find("exp"), "forward", "float32", bits), results))
    for kind in ("nan_mismatches", "infinity_mismatches", "sign_mismatches"):
        assert getattr(found, kind) == counts.get(kind, 0), kind
    for kind, expected in counts.items():
        assert getattr(found, kind) == expected, kind
    assert found.tested == 5


# --- formulas that no array goes through ----------------------------------------------------------


def _by_if(x: Any) -> Any:
    return x.exp() - 1 if x < 0 else x


def _by_both(x: Any) -> Any:
    return arb(0) if x > -1 and x < 1 else x


def _by_value(x: Any) -> Any:
    return arb(float(x.mid())) * arb("1.5")


@pytest.mark.parametrize("formula", [_by_if, _by_both, _by_value])
def test_a_formula_that_cannot_take_arrays_is_judged_by_arb(formula: Any) -> None:
    """Its values are those of the formula at each input, not of one branch for all."""
    activation = replace(find("relu"), exact=formula)
    bits = inputs.to_bits(np.linspace(-3, 3, 301), "float32")
    results = _right(activation, "forward", bits)
    found = double.examine(activation, "forward", "float32", bits, results)
    assert (found.not_correctly_rounded, found.histogram) == (0, {"0.5": 301})
    results[[3, 150, 300]] ^= np.uint32(1 << 20)
    found = double.examine(activation, "forward", "float32", bits, results)
    assert found.not_correctly_rounded == 3


def test_what_has_no_value_is_settled_in_runs_up_to_its_very_edge() -> None:
    """ln of the negative numbers is nothing, of the others something: one place apart."""
    first = inputs.place_of(-0.0, "float32") - 5000
    bits = inputs.bits_at(first, 10_000, "float32")
    x = inputs.from_bits(bits, "float32")
    with np.errstate(all="ignore"):
        right = inputs.to_bits(np.log(x), "float32")
    log = find_reference("log")
    found = double.examine(log, "forward", "float32", bits, right)
    assert (found.not_correctly_rounded, found.nan_mismatches) == (0, 0)
    for place in (0, 2500, 4999, 5000, 5001, 5002, 9999):
        wrong = right.copy()
        wrong[place] = 0x7FC00000 if x[place] >= 0 else 1
        found = double.examine(log, "forward", "float32", bits, wrong)
        assert (found.not_correctly_rounded, found.nan_mismatches) == (1, 1), place


def test_saturation_next_to_infinity_keeps_its_error() -> None:
    """At -inf an error is not in ulp; at the numbers beside it, of the same value, it is."""
    first = inputs.place_of(-math.inf, "float32")
    bits = inputs.bits_at(first, 50, "float32")
    right = np.full(50, inputs.to_bits(np.array([-1.7580993408473766]), "float32")[0])
    found = double.examine(find("selu"), "forward", "float32", bits, right)
    nearest = float(right.view(np.float32)[0])
    assert found.max_ulp == pytest.approx(abs(nearest + 1.7580993408473768) * 2.0**23, rel=1e-6)
    assert found.worst is not None
    assert found.worst.input.startswith("-0x1.fffffe")


def test_an_ulp_is_that_of_the_exact_value_just_below_a_power_of_two() -> None:
    """1 − e⁻⁴⁰ is 1 in float64, and an ulp below 1 is half of one above."""
    activation = find("sigmoid")
    bits = inputs.to_bits(np.array([40.0]), "float32")
    below = inputs.to_bits(np.array([1 - 2.0**-24]), "float32")
    found = double.examine(activation, "forward", "float32", bits, below)
    assert found.max_ulp == pytest.approx(1.0)
    problem = problem_at(activation, "forward", "float32", bits)
    assert judge(problem, below).max_ulp == pytest.approx(1.0)


def test_open_conditions_are_decided_by_arb() -> None:
    """A kink between float64 numbers: every ball beside it is open."""
    third = replace(find("relu"), exact=lambda x: exact.where(3 * x > 1, x, arb(0)))
    bits = inputs.bits_at(inputs.place_of(1 / 3, "float32") - 4, 9, "float32")
    x = inputs.from_bits(bits, "float32")
    right = inputs.to_bits(np.where(3 * x > 1, x, 0), "float32")
    found = double.examine(third, "forward", "float32", bits, right)
    assert (found.not_correctly_rounded, found.max_ulp) == (0, 0.0)


def test_a_subnormal_input_may_stand_for_zero() -> None:
    """1/x of a subnormal is a number; of the zero that a processor makes of it, infinity."""
    x = np.array([2.0**-127, -(2.0**-127), 1.0])
    results = inputs.to_bits(np.array([math.inf, -math.inf, 1.0]), "float32")
    bits = inputs.to_bits(x, "float32")
    found = double.examine(find("divide"), "forward", "float32", bits, results)
    assert (found.max_ulp, found.max_ulp_flushed) == (2.0**23, 0.0)
    assert found.infinity_mismatches == 2


def test_beside_a_zero_of_the_function_errors_are_measured_by_arb() -> None:
    """Float64 loses the derivative of gelu there: a ball of it is wider than an ulp of float32."""
    activation = find("gelu")
    bits = inputs.bits_at(inputs.place_of(-0.7517915246935645, "float32") - 50, 100, "float32")
    results = _right(activation, "backward", bits) + np.uint32(3)
    found = double.examine(activation, "backward", "float32", bits, results)
    by_arb = judge(problem_at(activation, "backward", "float32", bits), results)
    _same(found, by_arb)
    assert 2.5 < found.max_ulp < 3.5
    assert found.max_ulp_away == 0
