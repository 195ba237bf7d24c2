"""The meter: what an ulp is, where infinity stands, what flushing does, and one wrong bit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.bench.catalog import inputs
from actbench.bench.catalog.activations import find
from actbench.bench.catalog.dtypes import DTYPES
from actbench.bench.exactness import reference, ulp
from actbench.bench.exactness.reference import Reference


def _exactly(values: list[float]) -> Reference:
    """A reference whose exact values are float64 numbers."""
    high, exponent = np.frexp(np.array(values))
    blank = np.full(len(values), np.nan)
    return Reference(high, np.zeros_like(high), exponent.astype(np.int64), blank, blank)


def _errors(got: list[float], exact: list[float], dtype: str = "float32") -> ulp.Errors:
    return ulp.measure(inputs.to_bits(np.array(got), dtype), _exactly(exact), dtype)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_rounding_to_nearest_is_at_most_half_an_ulp_for_every_16_bit_result(dtype: str) -> None:
    """All finite neighbours: the midpoint is half an ulp off either, the neighbour one ulp."""
    fmt = DTYPES[dtype]
    top = (fmt.emax - fmt.emin + 2) << (fmt.precision - 1)
    bits = np.arange(top, dtype=np.uint32).astype(np.uint16)
    values = inputs.from_bits(bits, dtype)
    middle = (values[:-1] + values[1:]) / 2
    assert np.array_equal(
        ulp.measure(bits[:-1], _exactly(list(middle)), dtype).plain, [0.5] * (top - 1)
    )
    below = ulp.measure(bits[1:], _exactly(list(values[:-1])), dtype).plain
    assert np.array_equal(below, [1.0] * (top - 1))


@given(st.floats(2.0**-120, 2.0**120), st.integers(-1000, 1000))
def test_the_error_counts_steps_of_the_exact_values_binade(x: float, steps: int) -> None:
    exact = float(np.float32(x))
    unit = 2.0 ** (math.frexp(exact)[1] - 24)
    got = float(np.float32(exact + steps * unit))
    assert _errors([got], [exact]).plain[0] == abs(got - exact) / unit


def test_infinity_stands_at_the_next_power_of_two() -> None:
    largest = float(np.finfo(np.float32).max)
    errors = _errors([math.inf, math.inf, largest, math.inf], [largest, 2.0**128, 2.0**130, 1e300])
    assert errors.plain.tolist() == [1.0, 0.0, 1.0, 0.0]
    assert _errors([math.inf], [-1.0]).plain[0] > 1e40


def test_infinity_of_float64_does_not_overflow_the_meter() -> None:
    largest = float(np.finfo(np.float64).max)
    assert _errors([math.inf], [largest], "float64").plain[0] == 1.0


def test_nan_for_a_number_is_no_finite_error() -> None:
    blank = np.full(3, np.nan)
    exact = Reference(
        np.array([0.5, np.nan, np.nan]), np.zeros(3), np.array([1, 0, 0]), blank, blank
    )
    errors = ulp.measure(
        inputs.to_bits(np.array([np.nan, 1.0, np.nan]), "float32"), exact, "float32"
    )
    assert errors.plain.tolist() == [math.inf, math.inf, 0.0]
    assert errors.mismatched.tolist() == [True, True, False]


def test_flushing_a_subnormal_is_millions_of_ulp_plain_and_at_most_one_contracted() -> None:
    least, tiny = 2.0**-126, 2.0**-126 - 2.0**-149
    errors = _errors([0.0, 0.0, 2 * least], [tiny, least, least])
    assert errors.plain.tolist() == [2**23 - 1, 2**23, 2**23]
    assert errors.flushed[0] <= 1
    assert errors.flushed[1] == pytest.approx(1)
    assert errors.flushed[2] == 2**23


def test_any_slope_between_the_sides_of_a_kink_is_right() -> None:
    exact = reference.exact_values(find("relu"), "backward", np.zeros(4))
    got = inputs.to_bits(np.array([0.0, 0.5, 1.0, 1.5]), "float32")
    assert (ulp.measure(got, exact, "float32").plain > 0).tolist() == [False, False, False, True]


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_ordered_bits_follow_the_values(one: int, other: int) -> None:
    bits = np.array([one, other], dtype=np.uint32)
    values, places = inputs.from_bits(bits, "float32"), ulp.ordered(bits)
    if not np.isnan(values).any():
        assert np.sign(values[0] - values[1] if values[0] != values[1] else 0) == np.sign(
            places[0] - places[1]
        )


def test_one_wrong_bit_among_all_16_bit_inputs_is_found() -> None:
    bits = np.arange(2**16, dtype=np.uint32).astype(np.uint16)
    values = inputs.from_bits(bits, "bfloat16")
    number = np.isfinite(values)
    exact = reference.exact_values(find("relu"), "forward", values[number])
    right = inputs.to_bits(np.maximum(values[number], 0), "bfloat16")
    assert ulp.measure(right, exact, "bfloat16").plain.max() == 0
    for place in (0, 12345, len(right) - 1):
        wrong = right.copy()
        wrong[place] ^= 1
        assert np.flatnonzero(ulp.measure(wrong, exact, "bfloat16").plain).tolist() == [place]


def test_distance_counts_representable_steps_and_names_the_first_parting() -> None:
    one = inputs.to_bits(np.array([1.0, -0.0, np.nan, 2.0]), "float32")
    other = inputs.to_bits(np.array([1.0, 0.0, np.nan, np.nextafter(np.float32(2), 3)]), "float32")
    apart = ulp.distance(one, other, "float32")
    assert (apart.most, apart.equal, apart.first) == (1.0, 0.5, 1)
    nan = ulp.distance(one, inputs.to_bits(np.array([np.nan] * 4), "float32"), "float32")
    assert nan.most == math.inf


def test_distance_across_the_whole_float64_line_is_not_lost_to_overflow() -> None:
    ends = inputs.to_bits(np.array([-np.inf, np.inf]), "float64")
    assert ulp.distance(ends[:1], ends[1:], "float64").most == pytest.approx(2 * 2047 * 2.0**52)


def test_distances_are_the_differences_themselves() -> None:
    got, exact = [1.5, 3.0, 1e-40, -(2.0**127), math.inf], [1.0, 3.5, 0.0, 2.0**127, math.inf]
    expected = np.abs(np.array(got[:-1]).astype(np.float32).astype(float) - exact[:-1])
    found = _errors(got, exact).absolute
    assert np.array_equal(found, [*expected, 0.0])
    assert _errors([math.nan], [1.0]).absolute[0] == math.inf
    assert _errors([math.inf], [-1e308], "float64").absolute[0] == math.inf
