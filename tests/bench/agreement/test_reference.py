"""Exact values: their halves, limits, kinks, and the refusal to guess."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given
from hypothesis import strategies as st

from bench.agreement import reference
from bench.agreement.reference import Reference
from bench.catalog import CATALOG, find

Array = np.ndarray[Any, Any]
SATURATED = ("sigmoid", "hard_sigmoid", "tanh", "erf", "softsign", "isru")
_SELU = 1.7580993408473768  # its constants' product
OPERATIONS = {
    "copy": np.positive,
    "add": lambda x: x + 0.5,
    "multiply": lambda x: 1.5 * x,
    "divide": lambda x: 1 / x,
    "maximum": lambda x: np.maximum(x, 0.5),
    "absolute": np.abs,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "expm1": np.expm1,
    "log1p": np.log1p,
}
SLOPES = {
    "divide": lambda x: -1 / (x * x),
    "sqrt": lambda x: 1 / (2 * np.sqrt(x)),
    "exp": np.exp,
    "expm1": np.exp,
    "log1p": lambda x: 1 / (1 + x),
}
ELEMENTWISE = [name for name, record in CATALOG.items() if not record.rowwise]


def _fraction(high: float, low: float, exponent: int) -> Fraction:
    return (Fraction(high) + Fraction(low)) * Fraction(2) ** exponent


@given(st.integers(-(2**200), 2**200), st.integers(-300, 300))
def test_the_halves_hold_106_bits_of_any_number(mantissa: int, exponent: int) -> None:
    ctx.prec = 256
    exact = Fraction(mantissa) * Fraction(2) ** exponent
    high, low, power = reference._halves(lambda: arb(mantissa) * arb(2) ** exponent)
    if mantissa == 0:
        assert (high, low) == (0.0, 0.0)
        return
    assert 0.5 <= abs(high) < 1
    assert abs(_fraction(high, low, power) - exact) <= abs(exact) * Fraction(1, 2**105)


@given(st.floats(-50, 50))
def test_a_value_is_what_arb_says(x: float) -> None:
    record = find("gelu")
    found = reference.values(record, np.array([x]))
    ctx.prec = 400
    exact = record.exact(arb(x))
    got = (arb(found.high[0]) + arb(found.low[0])) * arb(2) ** int(found.exponent[0])
    assert abs(got - exact) <= abs(exact) * arb(2) ** -104


@pytest.mark.parametrize("name", [name for name in ELEMENTWISE if name not in OPERATIONS])
def test_limits_are_those_at_the_ends_of_the_line(name: str) -> None:
    record = find(name)
    found = reference.values(record, np.array([-np.inf, np.inf, np.nan]))
    low = {"leaky_relu": -np.inf, "prelu": -np.inf, "selu": -_SELU}
    low |= dict.fromkeys(("shifted_relu", "elu", "celu", "isrlu"), -1.0)
    low |= dict.fromkeys(("tanh", "erf", "softsign", "isru"), -1.0)
    high = {"relu6": 6.0} | dict.fromkeys(SATURATED, 1.0)
    assert found.value(0) == low.get(name, 0.0)
    assert found.value(1) == high.get(name, np.inf)
    assert np.isnan(found.high[2])
    slopes = reference.derivatives(record, np.array([-np.inf, np.inf]))
    steep = {"squared_relu": np.inf, "selu": 1.0507009873554805, "relu6": 0.0}
    assert slopes.value(1) == (steep | dict.fromkeys(SATURATED, 0.0)).get(name, 1.0)
    assert slopes.value(0) == {"leaky_relu": 0.01, "prelu": 0.25}.get(name, 0.0)


EDGES = [0.0, -0.0, 1.0, -1.0, -1.5, 5e-324, -5e-324, 800.0, 1e308, -1e308, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("name", OPERATIONS)
def test_primitives_have_no_value_and_infinite_ones_where_ieee_754_says(name: str) -> None:
    _as_float64(reference.values(find(name), np.array(EDGES)), OPERATIONS[name])


@pytest.mark.parametrize("name", SLOPES)
def test_slopes_of_primitives_do_so_too(name: str) -> None:
    _as_float64(reference.derivatives(find(name), np.array(EDGES)), SLOPES[name])


def _as_float64(found: Reference, operation: Callable[[Array], Array]) -> None:
    """The exact values as float64 are those of NumPy's operation, within an ulp or two."""
    with np.errstate(all="ignore"):
        expected = operation(np.array(EDGES))
    got = [found.value(index) for index in range(len(EDGES))]
    np.testing.assert_allclose(got, expected, rtol=5e-16, atol=5e-324)
    assert np.isnan(found.high).tolist() == np.isnan(expected).tolist()


def test_a_kink_has_the_slopes_of_both_sides() -> None:
    found = reference.derivatives(find("leaky_relu(alpha=0.25)"), np.array([-1.0, 0.0, 1.0]))
    assert found.lowest[1] == 0.25
    assert found.highest[1] == 1.0
    assert np.isnan(found.lowest[[0, 2]]).all()


def test_a_kink_away_from_0_has_the_slopes_of_both_sides() -> None:
    found = reference.derivatives(find("shifted_relu"), np.array([-1.0]))
    assert (found.lowest[0], found.highest[0]) == (0.0, 1.0)
    found = reference.derivatives(find("hard_swish"), np.array([-3.0, 3.0]))
    assert found.lowest.tolist() == [-0.5, 1.0]
    assert found.highest.tolist() == [0.0, 1.5]


def test_an_undecided_value_is_an_error() -> None:
    with pytest.raises(reference.Undecided):
        reference._halves(lambda: arb(0, 1e-3))


def test_parameters_are_exact_decimals() -> None:
    ctx.prec = 300
    alpha = reference.parameters_of(find("leaky_relu"))["alpha"]
    assert abs(alpha * 100 - 1) < arb(2) ** -290
