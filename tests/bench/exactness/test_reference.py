"""Exact values: their halves, limits, kinks, and the refusal to guess."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given
from hypothesis import strategies as st

from actbench.bench.catalog import inputs
from actbench.bench.catalog.activations import CATALOG, find, find_reference
from actbench.bench.catalog.dtypes import DTYPES
from actbench.bench.exactness import reference
from actbench.bench.exactness.reference import Reference

Array = np.ndarray[Any, Any]
SATURATED = ("sigmoid", "hard_sigmoid", "tanh", "erf", "softsign", "isru", "hardtanh")
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
    found = reference.exact_values(record, "forward", np.array([x]))
    ctx.prec = 400
    exact = record.exact(arb(x))
    got = (arb(found.high[0]) + arb(found.low[0])) * arb(2) ** int(found.exponent[0])
    assert abs(got - exact) <= abs(exact) * arb(2) ** -104


@pytest.mark.parametrize("name", [name for name in ELEMENTWISE if name not in OPERATIONS])
def test_limits_are_those_at_the_ends_of_the_line(name: str) -> None:
    record = find(name)
    found = reference.exact_values(record, "forward", np.array([-np.inf, np.inf, np.nan]))
    low = {"leaky_relu": -np.inf, "prelu": -np.inf, "logsigmoid": -np.inf, "selu": -_SELU}
    low |= dict.fromkeys(("shifted_relu", "elu", "celu", "isrlu"), -1.0)
    low |= dict.fromkeys(("tanh", "erf", "softsign", "isru", "hardtanh"), -1.0)
    high = {"relu6": 6.0, "logsigmoid": 0.0} | dict.fromkeys(SATURATED, 1.0)
    assert found.value(0) == low.get(name, 0.0)
    assert found.value(1) == high.get(name, np.inf)
    assert np.isnan(found.high[2])
    slopes = reference.exact_values(record, "backward", np.array([-np.inf, np.inf]))
    steep = {"squared_relu": np.inf, "selu": 1.0507009873554805, "relu6": 0.0, "logsigmoid": 0.0}
    assert slopes.value(1) == (steep | dict.fromkeys(SATURATED, 0.0)).get(name, 1.0)
    flat = {"leaky_relu": 0.01, "prelu": 0.25, "logsigmoid": 1.0}
    assert slopes.value(0) == flat.get(name, 0.0)


EDGES = [0.0, -0.0, 1.0, -1.0, -1.5, 5e-324, -5e-324, 800.0, 1e308, -1e308, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("name", OPERATIONS)
def test_primitives_have_no_value_and_infinite_ones_where_ieee_754_says(name: str) -> None:
    _as_float64(reference.exact_values(find(name), "forward", np.array(EDGES)), OPERATIONS[name])


@pytest.mark.parametrize("name", SLOPES)
def test_slopes_of_primitives_do_so_too(name: str) -> None:
    _as_float64(reference.exact_values(find(name), "backward", np.array(EDGES)), SLOPES[name])


def _as_float64(found: Reference, operation: Callable[[Array], Array]) -> None:
    """The exact values as float64 are those of NumPy's operation, within an ulp or two."""
    with np.errstate(all="ignore"):
        expected = operation(np.array(EDGES))
    got = [found.value(index) for index in range(len(EDGES))]
    np.testing.assert_allclose(got, expected, rtol=5e-16, atol=5e-324)
    assert np.isnan(found.high).tolist() == np.isnan(expected).tolist()


def test_a_kink_has_the_slopes_of_both_sides() -> None:
    found = reference.exact_values(
        find("leaky_relu(alpha=0.25)"), "backward", np.array([-1.0, 0.0, 1.0])
    )
    assert found.lowest[1] == 0.25
    assert found.highest[1] == 1.0
    assert np.isnan(found.lowest[[0, 2]]).all()


def test_a_kink_away_from_0_has_the_slopes_of_both_sides() -> None:
    found = reference.exact_values(find("shifted_relu"), "backward", np.array([-1.0]))
    assert (found.lowest[0], found.highest[0]) == (0.0, 1.0)
    found = reference.exact_values(find("hard_swish"), "backward", np.array([-3.0, 3.0]))
    assert found.lowest.tolist() == [-0.5, 1.0]
    assert found.highest.tolist() == [0.0, 1.5]


def test_an_undecided_value_is_an_error() -> None:
    with pytest.raises(reference.Undecided):
        reference._halves(lambda: arb(0, 1e-3))


def test_parameters_are_exact_decimals() -> None:
    ctx.prec = 300
    alpha = reference.parameters_of(find("leaky_relu"))["alpha"]
    assert abs(alpha * 100 - 1) < arb(2) ** -290


# --- rounded to a format --------------------------------------------------------------------------

RATIONAL: dict[str, Callable[[Fraction], Fraction]] = {
    "leaky_relu": lambda x: x if x > 0 else x / 100,
    "leaky_relu(alpha=0.1)": lambda x: x if x > 0 else x / 10,
    "hard_sigmoid": lambda x: min(max(x + 3, Fraction(0)), Fraction(6)) / 6,
    "hard_swish": lambda x: x * min(max(x + 3, Fraction(0)), Fraction(6)) / 6,
    "softsign": lambda x: x / (1 + abs(x)),
    "squared_relu": lambda x: max(x, Fraction(0)) ** 2,
    "shifted_relu(alpha=0.3)": lambda x: max(x, Fraction(-3, 10)),
    "add": lambda x: x + Fraction(1, 2),
    "multiply": lambda x: x * Fraction(3, 2),
    "divide": lambda x: 1 / x,
}
RATIONAL_SLOPES: dict[str, Callable[[Fraction], Fraction]] = {
    "softsign": lambda x: 1 / (1 + abs(x)) ** 2,
    "hard_swish": lambda x: Fraction(x >= 3) if abs(x) >= 3 else (2 * x + 3) / 6,
    "divide": lambda x: -1 / x**2,
    "leaky_relu": lambda x: Fraction(1) if x > 0 else Fraction(1, 100),
}


def _rounded(value: Fraction, dtype: str) -> float:
    """To nearest, ties to even, by comparing a number with its two neighbours."""
    fmt = DTYPES[dtype]
    least = Fraction(2) ** (fmt.emin - fmt.precision + 1)
    unit = least
    while abs(value) >= unit * 2**fmt.precision:
        unit *= 2
    below = abs(value) // unit * unit
    up, down = below + unit - abs(value), abs(value) - below
    upper = up < down or (up == down and (below / unit) % 2 == 1)
    size = below + unit if upper else below
    if size >= Fraction(2) ** (fmt.emax + 1):
        return math.copysign(math.inf, value)
    return float(size) if value > 0 else -float(size)


@pytest.mark.parametrize("label", RATIONAL)
def test_rational_functions_round_as_fractions_do(label: str) -> None:
    """At random bit patterns, and so at random binades, of three formats."""
    _round_alike(label, "forward", RATIONAL[label])


@pytest.mark.parametrize("label", RATIONAL_SLOPES)
def test_rational_slopes_round_as_fractions_do(label: str) -> None:
    _round_alike(label, "backward", RATIONAL_SLOPES[label])


def _round_alike(label: str, direction: str, function: Callable[[Fraction], Fraction]) -> None:
    activation = find(label)
    random = np.random.default_rng(len(label))
    for dtype in ("float16", "bfloat16", "float32"):
        highest = 2 ** (8 * DTYPES[dtype].itemsize)
        bits = random.integers(0, highest, 400).astype(DTYPES[dtype].bits)
        x = inputs.from_bits(np.unique(bits), dtype)
        for each in x[np.isfinite(x) & (x != 0)]:
            expected = _rounded(function(Fraction(each)), dtype)
            got = reference.rounded(activation, direction, float(each), dtype)
            assert got == expected, float(each).hex()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_sum_and_a_product_of_float64_round_as_the_processor_does(x: float) -> None:
    """IEEE 754 rounds these itself."""
    assert reference.rounded(find("add"), "forward", x, "float64") == x + 0.5
    assert reference.rounded(find("multiply"), "forward", x, "float64") == x * 1.5
    if x > 0:
        assert reference.rounded(find("sqrt"), "forward", x, "float64") == math.sqrt(x)
        assert reference.rounded(find("divide"), "forward", x, "float64") == 1 / x


@pytest.mark.parametrize(
    ("x", "even"),
    [
        (1 + 2.0**-23, 1.5 + 2.0**-22),
        (1 + 3 * 2.0**-23, 1.5 + 4 * 2.0**-23),
        (2.0**-149, 2.0**-148),
    ],
)
def test_a_tie_goes_to_the_even_neighbour(x: float, even: float) -> None:
    """1.5x of an odd number of units lies half-way between two."""
    assert reference.rounded(find("multiply"), "forward", x, "float32") == even
    assert reference.rounded(find("multiply"), "forward", -x, "float32") == -even


def test_a_tie_of_a_decimal_parameter_is_one_though_no_ball_shows_it() -> None:
    """A tenth of five units of 2⁻¹⁴⁹ is half the least number; that of fifteen lies above one."""
    activation = find("leaky_relu(alpha=0.1)")
    for dtype, least in (("float32", 2.0**-149), ("float16", 2.0**-24), ("float64", 2.0**-1074)):
        for units, rounded in ((5, 0), (15, 2), (25, 2), (35, 4)):
            got = reference.rounded(activation, "forward", -units * least, dtype)
            assert got == -rounded * least


@given(st.fractions(min_value=Fraction(1, 2**1100)), st.integers(-1200, 1200))
def test_the_binade_of_a_fraction_is_below_it_and_its_double_above(size: Fraction, by: int) -> None:
    size *= Fraction(2) ** by
    assert (
        Fraction(2) ** reference._binade(size)
        <= size
        < Fraction(2) ** (reference._binade(size) + 1)
    )


def test_roots_of_squares_are_exact_and_their_neighbours_are_not_ties() -> None:
    for root in (3.0, 2.0**-60, 4093.0, 1 + 2.0**-11):
        assert reference.rounded(find("sqrt"), "forward", root * root, "float32") == root
    # √(1 + 2⁻²²) is 1 + 2⁻²³ − 2⁻⁴⁷ and so on: just below a number, not above.
    assert reference.rounded(find("sqrt"), "forward", 1 + 2.0**-22, "float32") == 1 + 2.0**-23


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_gelu_of_subnormals_is_decided_next_to_ties(dtype: str) -> None:
    """x Φ(x) is x/2 + x²/√(2π) + …: of odd numbers of units just above a tie, of either sign."""
    fmt = DTYPES[dtype]
    least = 2.0 ** (fmt.emin - fmt.precision + 1)
    for units in (1, 3, 5, 101):
        above = reference.rounded(find("gelu"), "forward", units * least, dtype)
        below = reference.rounded(find("gelu"), "forward", -units * least, dtype)
        assert above == (units + 1) // 2 * least
        assert below == -(units // 2) * least


def test_overflow_is_where_the_largest_number_is_half_an_ulp_away() -> None:
    largest, beyond = 65504.0, 65536.0
    assert reference.rounded(find("add"), "forward", largest, "float16") == largest
    assert reference.rounded(find("add"), "forward", 65519.0, "float16") == largest
    for sign in (1, -1):
        tie = sign * 65520.0 / 1.5
        assert reference.rounded(find("multiply"), "forward", tie, "float16") == sign * math.inf
        assert (
            reference.rounded(find("copy"), "forward", sign * beyond, "float16") == sign * math.inf
        )
    assert reference.rounded(find("exp"), "forward", 1e308, "float64") == math.inf
    assert reference.rounded(find("exp"), "forward", -1e308, "float64") == 0


def test_outside_its_domain_a_function_rounds_to_nan_and_at_a_pole_to_infinity() -> None:
    assert math.isnan(reference.rounded(find("sqrt"), "forward", -1.0, "float32"))
    assert math.isnan(reference.rounded(find("log1p"), "forward", -2.0, "float32"))
    assert reference.rounded(find("log1p"), "forward", -1.0, "float32") == -math.inf


def test_what_can_never_be_rounded_is_an_error() -> None:
    """A ball whose width stays, around a tie: no precision helps, and nothing is guessed."""
    middle = 1 + 2.0**-24
    wide = replace(find("copy"), exact=lambda x: arb(middle) + arb(0, 2.0**-40))
    with pytest.raises(reference.Undecided, match=r"copy, forward, at 0x1\.0"):
        reference.rounded(wide, "forward", 1.0, "float32")
    beside = replace(find("copy"), exact=lambda x: arb(middle + 2.0**-39) + arb(0, 2.0**-40))
    assert reference.rounded(beside, "forward", 1.0, "float32") == 1 + 2.0**-23


def test_at_infinity_the_limit_is_rounded() -> None:
    limits = {"sigmoid": (0.0, 1.0), "selu": (-1.7580993408473768, math.inf), "relu6": (0.0, 6.0)}
    for label, expected in limits.items():
        for x, limit in zip((-math.inf, math.inf), expected, strict=True):
            nearest = float(np.float32(limit))
            assert reference.rounded(find(label), "forward", x, "float32") == nearest
    assert math.isnan(reference.rounded(find("sqrt"), "forward", -math.inf, "float32"))


def test_whole_powers_of_two_are_exact_and_so_ties_are_decided() -> None:
    """Half the least number is a tie, which no ball of a transcendental function shows."""
    exp2 = find_reference("exp2")
    for dtype, least in (("float16", -24), ("float32", -149), ("float64", -1074)):
        for power in (least, least + 1, -3, 0, 9):
            assert reference.rounded(exp2, "forward", power, dtype) == 2.0**power
        assert reference.rounded(exp2, "forward", least - 1, dtype) == 0
        assert reference.rounded(exp2, "forward", least - 0.5, dtype) == 2.0**least
    assert reference.rounded(exp2, "forward", 16.0, "float16") == math.inf


def test_functions_that_are_references_alone_have_the_values_of_numpy() -> None:
    log, exp2, erfc = (find_reference(name) for name in ("log", "exp2", "erfc"))
    _as_float64(reference.exact_values(log, "forward", np.array(EDGES)), np.log)
    _as_float64(reference.exact_values(log, "backward", np.array(EDGES)), lambda x: 1 / x)
    _as_float64(reference.exact_values(exp2, "forward", np.array(EDGES)), np.exp2)
    _as_float64(reference.exact_values(erfc, "forward", np.array(EDGES)), np.vectorize(math.erfc))
