"""Ratios: the coverage of intervals, the common spread of cases, and medians.

Everything is drawn from seeded generators, so that a test gives the same counts every time; bounds
are those that a fair draw keeps with a chance of more than 99.9 %.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import digamma, polygamma

from actbench.bench.results.estimate import UNKNOWN, Estimate
from actbench.bench.timing.ratios import (
    Ratio,
    Spread,
    common_spread,
    median_of_dependent,
    of_blocks,
)
from actbench.bench.timing.verdicts import verdict

_LOGS = st.lists(st.floats(-1, 1), min_size=2, max_size=12)


# --- the interval of a ratio ----------------------------------------------------------------------


@given(logs=_LOGS, error=st.floats(0.01, 0.5))
def test_without_others_the_interval_is_students(logs: list[float], error: float) -> None:
    estimate = Spread().ratio(logs).interval(error)
    least = 1e-4 / math.sqrt(len(logs))  # no clock resolves more
    mean, size = float(np.mean(logs)), max(float(stats.sem(logs)), least)
    half = float(stats.t.isf(error / 2, len(logs) - 1)) * size
    assert math.log(estimate.low) == pytest.approx(mean - half, rel=1e-9, abs=1e-9)
    assert math.log(estimate.high) == pytest.approx(mean + half, rel=1e-9, abs=1e-9)
    assert math.log(estimate.value) == pytest.approx(mean, abs=1e-12)


@given(logs=_LOGS, worth=st.floats(0, 100), variance=st.floats(0, 1))
def test_swapped_arms_have_the_inverse_interval(
    logs: list[float], worth: float, variance: float
) -> None:
    spread = Spread(variance, worth)
    one = spread.ratio(logs).interval(0.01)
    other = spread.ratio([-log for log in logs]).interval(0.01)
    assert other.value == pytest.approx(1 / one.value)
    assert math.log(other.high) == pytest.approx(-math.log(one.low), abs=1e-9)


@given(logs=_LOGS, errors=st.tuples(st.floats(1e-6, 0.5), st.floats(1e-6, 0.5)))
def test_a_smaller_error_is_a_wider_interval(logs: list[float], errors: tuple[float, ...]) -> None:
    narrow, wide = (Spread().ratio(logs).interval(error) for error in sorted(errors, reverse=True))
    assert wide.low <= narrow.low <= narrow.high <= wide.high


def test_too_few_values_have_no_interval() -> None:
    alone = Spread().ratio([0.1]).interval(0.01)
    assert alone == Estimate(math.exp(0.1), 0.0, math.inf)
    nothing = Spread().ratio([]).interval(0.01)
    assert math.isnan(nothing.value)
    for estimate in (alone, nothing, UNKNOWN):
        assert not estimate.known
        assert verdict(estimate.low, estimate.high) == "undecided"


def test_an_interval_beyond_all_numbers_ends_at_one() -> None:
    estimate = Spread().ratio([-1000.0, 500.0]).interval(0.01)
    assert (estimate.low, estimate.high) == (pytest.approx(1e-300), pytest.approx(1e300))
    assert estimate.known


_DRAWS: dict[str, Callable[[np.random.Generator, int], Any]] = {
    "normal": lambda dice, count: dice.normal(size=count),
    "heavy tails": lambda dice, count: dice.standard_t(3, size=count),
    "skewed": lambda dice, count: dice.lognormal(sigma=0.5, size=count) - math.exp(0.125),
}


@pytest.mark.parametrize(
    ("draw", "held"), [("normal", 0.95), ("heavy tails", 0.95), ("skewed", 0.91)]
)
def test_how_often_an_interval_holds_the_ratio(draw: str, held: float) -> None:
    """Coverage from 6 values: exact for normal ones, more for heavy tails, less for skewed ones."""
    dice, count = np.random.default_rng(1), 3000
    intervals = [Spread().ratio(_DRAWS[draw](dice, 6) / 50).interval(0.05) for _ in range(count)]
    share = sum(estimate.low <= 1 <= estimate.high for estimate in intervals) / count
    slack = 3.3 * math.sqrt(0.05 * 0.95 / count)
    assert share >= held - slack
    if draw == "normal":
        assert share <= held + slack


@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_a_common_spread_keeps_what_its_intervals_promise(spread: float) -> None:
    """Also where variances differ between cases, by a factor of e at one standard deviation."""
    dice, held, count = np.random.default_rng(2), 0, 0
    for _ in range(60):
        sizes = np.exp(spread * dice.normal(size=40)) / 50
        cases = [dice.normal(size=4) * size for size in sizes]
        common = common_spread(cases)
        intervals = [common.ratio(logs).interval(0.05) for logs in cases]
        held += sum(estimate.low <= 1 <= estimate.high for estimate in intervals)
        count += len(intervals)
    assert held / count == pytest.approx(0.95, abs=4 * math.sqrt(0.05 * 0.95 / count))


# --- the spread that cases have in common ---------------------------------------------------------


@pytest.mark.parametrize(("worth", "variance"), [(4.0, 1e-4), (10.0, 0.25), (30.0, 1e-6)])
def test_the_parameters_of_the_variances_are_given_back(worth: float, variance: float) -> None:
    """s² of a case is drawn as limma supposes: d₀s₀²/χ²(d₀), and its values around that."""
    dice = np.random.default_rng(3)
    truth = worth * variance / dice.chisquare(worth, size=4000)
    spread = common_spread(dice.normal(size=8) * math.sqrt(variance) for variance in truth)
    assert spread.variance == pytest.approx(variance, rel=0.1)
    assert spread.worth == pytest.approx(worth, rel=0.3)


def test_variances_that_are_alike_are_worth_all_together() -> None:
    cases = [np.array([-1.0, 0.0, 1.0]) * 0.01 + i for i in range(10)]
    spread = common_spread(cases)
    assert spread.worth == 20
    dice = np.random.default_rng(4)
    drawn = common_spread(dice.normal(size=6) * 0.01 for _ in range(2000))
    assert drawn.worth > 40
    assert drawn.variance == pytest.approx(1e-4, rel=0.1)


def test_the_moments_are_those_of_limma() -> None:
    """By numbers from the formulas of Smyth (2004), 6.2, written out for one degree of freedom.

    ψ(½) = −γ − 2 ln 2 and ψ′(½) = π²/2.
    """
    variances = np.exp(np.array([-9.0, -3.0, 0.0, 4.0, 9.0]))
    spread = common_spread([[0.0, math.sqrt(2 * variance)] for variance in variances])
    digamma_half = -np.euler_gamma - 2 * math.log(2)
    centred = np.log(variances) - digamma_half + math.log(0.5)
    excess = np.var(centred, ddof=1) - math.pi**2 / 2
    assert polygamma(1, spread.worth / 2) == pytest.approx(excess)
    shift = digamma(spread.worth / 2) - math.log(spread.worth / 2)
    assert math.log(spread.variance) == pytest.approx(centred.mean() + shift)


@given(st.lists(_LOGS, max_size=12), st.floats(-5, 5))
def test_a_spread_is_a_number_and_does_not_ask_where_cases_lie(
    cases: list[list[float]], shift: float
) -> None:
    spread = common_spread(cases)
    assert spread.worth >= 0
    assert math.isfinite(spread.variance)
    mirrored = common_spread([[-log for log in logs] for logs in cases])
    assert mirrored == spread
    most = sum(len(logs) - 1 for logs in cases)
    assert spread.worth <= most


@pytest.mark.parametrize("cases", [[], [[1.0]] * 9, [[1.0, 1.0]] * 9, [[0.0, 1.0]] * 3])
def test_too_few_cases_say_nothing_of_each_other(cases: list[list[float]]) -> None:
    assert common_spread(cases) == Spread(0.0, 0.0)


@given(st.lists(st.tuples(st.floats(1, 1e9), st.floats(1, 1e9)), min_size=1, max_size=30))
def test_a_process_has_the_median_of_its_blocks(blocks: list[tuple[float, float]]) -> None:
    base, candidate = zip(*blocks, strict=True)
    log = of_blocks(base, candidate)
    assert of_blocks(candidate, base) == pytest.approx(-log, abs=1e-12)
    ratios = sorted(math.log(b / a) for a, b in blocks)
    below, above = ratios[(len(ratios) - 1) // 2], ratios[len(ratios) // 2]
    assert log == pytest.approx((below + above) / 2)


# --- ratios with an error to either side ----------------------------------------------------------


@settings(deadline=None)
@given(log=st.floats(-1, 1), errors=st.tuples(st.floats(0, 0.1), st.floats(0, 0.1)))
def test_intervals_hold_the_estimate_and_widen(log: float, errors: tuple[float, float]) -> None:
    few, many = (Ratio(log, *errors, freedom) for freedom in (2, 30))
    for ratio in (few, many):
        usual, careful = ratio.interval(0.01), ratio.interval(0.0001)
        assert careful.low <= usual.low <= ratio.value <= usual.high <= careful.high
    assert few.interval(0.01).low <= many.interval(0.01).low


def test_the_interval_is_that_of_students_t() -> None:
    """t(0.995, 8 degrees) is 3.3554, from any table."""
    estimate = Ratio(0.0, 0.01, 0.02, 8).interval(0.01)
    assert math.log(estimate.low) == pytest.approx(-0.033554, rel=1e-4)
    assert math.log(estimate.high) == pytest.approx(0.067108, rel=1e-4)


def test_a_ratio_over_a_unit_meets_each_error_with_the_opposite_one() -> None:
    ratio = Ratio(0.5, 0.03, 0.04, 8).over(Ratio(0.2, 0.03, 0.04, 5))
    assert ratio == Ratio(pytest.approx(0.3), pytest.approx(0.05), pytest.approx(0.05), 5)


def test_errors_that_may_be_shared_do_not_average_out_in_a_median() -> None:
    ratios = [Ratio(log, 0.01, 0.02, 8) for log in (0.1, 0.2, 0.7)]
    assert median_of_dependent(ratios) == Ratio(0.2, 0.01, 0.02, 8)


def test_an_estimate_is_scaled_and_inverted_with_its_ends() -> None:
    estimate = Estimate(2.0, 1.0, 4.0)
    assert estimate.scaled(3) == Estimate(6.0, 3.0, 12.0)
    assert estimate.inverse(8) == Estimate(4.0, 2.0, 8.0)
    assert estimate.half_width == 0.75
    assert Estimate(0.0, -1.0, 1.0).half_width == math.inf
