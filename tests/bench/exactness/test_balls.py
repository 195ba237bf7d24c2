"""Balls of float64: whatever is computed on them holds the value that Fraction or Arb knows."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from actbench.bench.catalog import formulas as exact
from actbench.bench.catalog import inputs
from actbench.bench.catalog.activations import REFERENCES, find_reference
from actbench.bench.exactness import double, reference
from actbench.bench.exactness.balls import BOUNDS, Balls, Where, balls

Array = np.ndarray[Any, Any]

_OTHERS = (
    *("leaky_relu(alpha=0.1)", "shifted_relu(alpha=0.1)", "elu(alpha=0.7)", "celu(alpha=0.3)"),
    *("celu(alpha=50)", "softplus(k=3)", "softplus(k=0.1)", "softplus(k=1e300)", "isrlu(alpha=3)"),
    *("squareplus(b=0)", "squareplus(b=0.25)", "isru(alpha=1e-6)", "isru(alpha=1000)"),
)
LABELS = [
    *(
        record.with_parameters(**changed).label
        for record in REFERENCES.values()
        if not record.rowwise
        for changed in ({}, *record.variants)
    ),
    *_OTHERS,
]
_ROOM = 1 + Fraction(1, 2**45)
"""A radius is a sum in float64 itself: what that loses is covered by whoever uses it."""


def _value(function: Callable[[arb], arb], x: float) -> arb | None:
    ctx.prec = 300
    try:
        return function(arb(x))
    except exact.NoValue:
        return None


def _settled(ball: Balls) -> np.ndarray:
    return np.asarray(np.isfinite(ball.mid) & np.isfinite(ball.rad))


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("label", LABELS)
def test_every_function_lies_in_its_ball(label: str, direction: str) -> None:
    """In every binade of float32, and far outside of it."""
    function = reference.function_of(find_reference(label), direction)
    x = inputs.from_bits(inputs.stratified("float32", 1, seed=len(label)), "float32")
    x = np.concatenate([x[np.isfinite(x)][::2], [1e300, -1e300, 1e-300, -1e-300, 5e-324]])
    found = double._evaluate(function, x)
    mid, rad = (np.broadcast_to(each, x.shape) for each in (found.mid, found.rad))
    settled = np.isfinite(mid) & np.isfinite(rad)
    for at in np.flatnonzero(settled):
        value = _value(function, float(x[at]))
        assert value is not None, x[at]
        room = arb(float(rad[at])) * (1 + arb(2) ** -45)
        assert abs(value - arb(float(mid[at]))) <= room, float(x[at]).hex()


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("label", LABELS)
def test_nearly_all_balls_are_narrow_where_functions_bend(label: str, direction: str) -> None:
    """Else all would be sound and of no use: a million times narrower than an ulp of float32."""
    function = reference.function_of(find_reference(label), direction)
    x = np.linspace(0.01, 20, 997) * (1 if label in ("log", "sqrt") else -1) ** np.arange(997)
    x = x[[_value(function, float(each)) is not None for each in x]]
    found = double._evaluate(function, x)
    mid, rad = (np.broadcast_to(each, x.shape) for each in (found.mid, found.rad))
    with np.errstate(all="ignore"):
        narrow = (rad <= np.abs(mid) * 2.0**-40) | (rad + np.abs(mid) < 2.0**-900)
    assert narrow.mean() > (0.98 if "k=1e300" not in label else 0.95)


# --- arithmetic -----------------------------------------------------------------------------------

_numbers = st.one_of(
    st.floats(-100, 100), st.floats(-1e-300, 1e-300), st.floats(-1e100, 1e100), st.integers(-9, 9)
)
_widths = st.one_of(st.just(0.0), st.floats(0, 1e-3), st.floats(0, 10))
_operators = st.sampled_from([operator.add, operator.sub, operator.mul, operator.truediv])


@st.composite
def _ball(draw: st.DrawFn) -> tuple[Balls, Fraction]:
    """A ball and a number in it."""
    mid, width = float(draw(_numbers)), draw(_widths)
    place = Fraction(draw(st.integers(-64, 64)), 64)
    inside = Fraction(mid) + place * Fraction(width)
    return Balls(np.array([mid]), np.array([width]) if width else 0.0), inside


@given(_ball(), st.lists(st.tuples(_operators, _ball(), st.booleans()), max_size=6))
def test_expressions_of_balls_hold_those_of_the_numbers_inside(
    first: tuple[Balls, Fraction], steps: list[tuple[Any, tuple[Balls, Fraction], bool]]
) -> None:
    ball, number = first
    for step, (other, inside), swapped in steps:
        one, two = (
            ((other, inside), (ball, number)) if swapped else ((ball, number), (other, inside))
        )
        if step is operator.truediv and two[1] == 0:
            continue
        with np.errstate(all="ignore"):
            ball, number = step(one[0], two[0]), step(one[1], two[1])
    if _settled(ball).all():
        width = Fraction(float(np.broadcast_to(ball.rad, 1)[0]))
        assert abs(number - Fraction(float(ball.mid[0]))) <= width * _ROOM


@given(_ball(), st.integers(1, 4))
def test_powers_and_sizes_hold_those_of_the_numbers_inside(
    each: tuple[Balls, Fraction], power: int
) -> None:
    ball, number = each
    with np.errstate(all="ignore"):
        _holds(ball**power, number**power)
        _holds(abs(ball), abs(number))
        _holds(-ball, -number)


def _holds(ball: Balls, number: Fraction) -> None:
    if _settled(ball).all():
        width = Fraction(float(np.broadcast_to(ball.rad, 1)[0]))
        assert abs(number - Fraction(float(ball.mid[0]))) <= width * _ROOM


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    **{name: operator.methodcaller(name) for name in BOUNDS if name != "exp2"},
    "exp2": lambda x: x.exp2() if isinstance(x, Balls) else arb(2) ** x,
    "sqrt": lambda x: x.sqrt(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_wide_balls_hold_those_of_the_numbers_inside(name: str) -> None:
    """Slopes, and what is said of the far tails: at both ends of balls of every width."""
    ctx.prec = 300
    random = np.random.default_rng(1)
    sizes = np.exp(random.uniform(math.log(1e-9), math.log(4000), 3000))
    mid = np.concatenate(
        [random.uniform(-30, 30, 3000), sizes, -sizes, random.uniform(0.5, 1.5, 9)]
    )
    width = 2.0 ** -random.uniform(-3, 30, mid.size) * np.where(
        random.random(mid.size) < 0.5, mid, 1
    )
    width = np.abs(width)
    with np.errstate(all="ignore"):
        ball = FUNCTIONS[name](Balls(mid, width))
    settled = np.flatnonzero(_settled(ball))
    assert len(settled) > mid.size / 8
    for at in settled:
        for end in (-1, 1):
            number = arb(mid[at]) + end * arb(width[at])
            if _outside(name, number):
                continue
            room = arb(float(ball.rad[at])) * (1 + arb(2) ** -45)
            value = FUNCTIONS[name](number)
            assert abs(value - arb(float(ball.mid[at]))) <= room, (mid[at], width[at])


def _outside(name: str, number: arb) -> bool:
    return bool((name == "log1p" and number <= -1) or (name in ("log", "sqrt") and number <= 0))


@given(st.floats(1e-300, 1e300), st.sampled_from([2.0**-60, 2.0**-20, 0.5, 1 - 2.0**-20]))
def test_a_root_holds_those_of_the_ends(mid: float, share: float) -> None:
    """By Fraction alone: the square of what is held lies beyond the ends of the argument."""
    ball = Balls(np.array([mid]), np.array([mid * share])).sqrt()
    low = Fraction(float(ball.mid[0])) - Fraction(float(ball.rad[0])) * _ROOM
    high = Fraction(float(ball.mid[0])) + Fraction(float(ball.rad[0])) * _ROOM
    width = Fraction(mid * share)
    assert low <= 0 or low**2 <= Fraction(mid) - width
    assert high**2 >= Fraction(mid) + width


# --- the stated bounds ----------------------------------------------------------------------------


def _spread(low: float, high: float, count: int) -> Array:
    """Numbers between, as many in each binade."""
    return np.exp(np.random.default_rng(count).uniform(math.log(low), math.log(high), count))


def _even(low: float, high: float, count: int) -> Array:
    return np.random.default_rng(count).uniform(low, high, count)


_BOTH = np.concatenate([_spread(1e-300, 1, 3000), -_spread(1e-300, 1, 3001)])
RANGES = {
    "exp": (np.exp, np.concatenate([_even(-690, 709, 14_000), _BOTH])),
    "exp2": (np.exp2, np.concatenate([_even(-1000, 1023, 14_000), _BOTH])),
    "expm1": (np.expm1, np.concatenate([_even(-60, 709, 7000), _even(-2, 2, 7000), _BOTH])),
    "log": (
        np.log,
        np.concatenate(
            [
                _spread(1e-300, 1e300, 9000),
                1 + _spread(1e-15, 1, 6000),
                1 - _spread(1e-15, 0.9, 6001),
            ]
        ),
    ),
    "log1p": (
        np.log1p,
        np.concatenate([_spread(1e-300, 1e300, 9000), -1 + _spread(1e-15, 0.9, 5000), _BOTH]),
    ),
    "tanh": (np.tanh, np.concatenate([_even(-25, 25, 14_000), _BOTH])),
    "erf": (special.erf, np.concatenate([_even(-7, 7, 14_000), _BOTH[np.abs(_BOTH) > 1e-290]])),
    "erfc": (
        special.erfc,
        np.concatenate([_even(-7, 7, 4000), _even(0.4, 2, 4000), _even(1, 26.3, 9000), _BOTH]),
    ),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_a_function_of_float64_keeps_half_of_its_stated_bound(name: str) -> None:
    ctx.prec = 150
    function, x = RANGES[name]
    worst, at = 0.0, math.nan
    for place, got in zip(x, function(x), strict=True):
        value = FUNCTIONS[name](arb(float(place)))
        error = float(abs(arb(float(got)) / value - 1))
        worst, at = max((worst, at), (error, float(place)))
    assert worst <= BOUNDS[name] / 2, float(at).hex()


# --- conditions -----------------------------------------------------------------------------------

COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq]


@pytest.mark.parametrize("compare", COMPARISONS)
@given(_ball(), _ball())
def test_a_condition_that_is_not_open_is_that_of_every_number_inside(
    compare: Callable[[Any, Any], Any], one: tuple[Balls, Fraction], other: tuple[Balls, Fraction]
) -> None:
    found = compare(one[0], other[0])
    if found.open is None or not found.open.any():
        assert bool(found.holds.all()) == compare(one[1], other[1])


@pytest.mark.parametrize("compare", COMPARISONS)
@pytest.mark.parametrize(("mid", "rad"), [(1.0, 0.5), (1.5, 0.4)])
def test_of_overlapping_balls_both_branches_are_held(
    compare: Callable[[Any, Any], Any], mid: float, rad: float
) -> None:
    ball = Balls(np.array([mid]), np.array([rad]))
    for found in (compare(ball, 1.25), compare(1.25, ball), compare(ball, ball)):
        assert found.open.tolist() == [True]
        chosen = exact.where(found, Balls(np.array([3.0]), np.array([0.25])), -1)
        for inside in (-1.0, 2.75, 3.25):
            assert abs(chosen.mid - inside) <= chosen.rad


@pytest.mark.parametrize("compare", COMPARISONS)
@pytest.mark.parametrize(("mid", "rad"), [(math.nan, 0.0), (math.nan, math.nan), (3.0, math.inf)])
def test_of_a_ball_that_is_nowhere_nothing_follows(
    compare: Callable[[Any, Any], Any], mid: float, rad: float
) -> None:
    ball = Balls(np.array([mid]), np.array([rad]))
    for found in (compare(ball, 1.25), compare(1.25, ball), compare(ball, ball)):
        assert found.open.tolist() == [True]
        chosen = exact.where(found, 1, 0)
        assert not _settled(chosen).any()
        assert chosen.rad.tolist() == [math.inf]


def test_exact_numbers_leave_nothing_open() -> None:
    x = Balls(np.array([-1.0, 0.0, 2.0]))
    chosen = exact.where(exact.between(x, -1, 2), x, 7)
    assert chosen.mid.tolist() == [7.0, 0.0, 7.0]
    assert chosen.exact
    either = exact.where((x < 0) | (x > 1), lambda: -x, x)
    assert either.mid.tolist() == [1.0, 0.0, -2.0]


def test_of_two_conditions_one_that_is_open_leaves_both_open() -> None:
    x = Balls(np.array([0.0, 1.0, 5.0]), np.full(3, 1e-3))
    found = exact.between(x, 0, 1)
    assert found.open is not None
    assert found.open.tolist() == [True, True, False]
    assert ((x > 4) | (x < 0)).open.tolist() == [True, False, False]


def test_a_condition_on_many_has_no_one_answer() -> None:
    """A Python `if` on it would take one branch for all."""
    with pytest.raises(TypeError, match="no one answer"):
        bool(Balls(np.array([-1.0, 1.0])) > 0)
    with pytest.raises(TypeError, match="no one answer"):
        bool(Where(np.array([True]), None))


def test_a_branch_without_a_value_is_nan_where_it_is_taken() -> None:
    x = Balls(np.array([-1.0, 1.0]))
    found = exact.where(x < 0, exact.no_value, x)
    assert np.isnan(found.mid).tolist() == [True, False]


# --- numbers as balls -----------------------------------------------------------------------------


@given(st.fractions(), st.integers(-2000, 2000))
def test_a_ball_of_arb_lies_in_its_ball_of_float64(number: Fraction, shift: int) -> None:
    ctx.prec = 160
    ball = arb(number.numerator) / number.denominator * arb(2) ** shift
    found = balls(ball)
    if math.isfinite(found.mid):
        outside = abs(ball - arb(found.mid)) - arb(found.rad)
        assert not outside > 0
        assert found.rad <= abs(found.mid) * 2.0**-52 + 2.0**-1073


def test_infinities_and_no_number_are_not_settled() -> None:
    for value in (exact.FAR, -exact.FAR, arb.pos_inf(), arb.neg_inf(), arb.nan()):
        assert not _settled(balls(value))
    assert balls(-exact.FAR).mid == -math.inf
    assert math.isnan(balls(arb.nan()).mid)
