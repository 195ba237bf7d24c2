"""Intervals: coverage, scale, the parts of a ratio, and the spread between processes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from actbench.bench.timing import bootstrap as statistics
from actbench.bench.timing.bootstrap import Samples

TIMES = st.floats(1, 1e9)
SAMPLES = st.dictionaries(st.integers(0, 5), st.lists(TIMES, min_size=1, max_size=9), min_size=1)
TRUTH = 100.0


def _simulated(
    random: np.random.Generator, processes: int, rounds: int, between: float, within: float
) -> Samples:
    """Times around the truth, with one random factor per process and one per round."""
    return {
        process: TRUTH
        * np.exp(between * random.standard_normal() + within * random.standard_normal(rounds))
        for process in range(processes)
    }


def _covered(processes: int, between: float, within: float, pooled: bool = True) -> float:
    """The share of 200 simulated runs whose interval holds the truth."""
    random = np.random.default_rng(0)
    kind = [_simulated(random, processes, 10, between, within) for _ in range(200)]
    spread = statistics.spread_between(kind) if pooled else 0.0
    estimates = [
        statistics.estimate(statistics.replicates(samples, spread, seed))
        for seed, samples in enumerate(kind)
    ]
    return float(np.mean([estimate.low <= TRUTH <= estimate.high for estimate in estimates]))


@pytest.mark.parametrize("processes", [2, 3, 8])
def test_the_interval_covers_the_truth_about_95_times_in_100(processes: int) -> None:
    """Process noise three times the rounds': what two or three processes show too little of."""
    assert _covered(processes, between=0.03, within=0.01) >= 0.91


def test_the_interval_of_two_processes_is_not_wider_than_it_must_be() -> None:
    assert _covered(2, between=0.03, within=0.01) <= 0.995


@pytest.mark.parametrize("processes", [2, 3])
def test_noise_of_rounds_alone_is_covered(processes: int) -> None:
    assert _covered(processes, between=0.0, within=0.02) >= 0.95


def test_two_processes_alone_do_not_know_how_processes_differ() -> None:
    """Without a spread pooled over cases a quarter of the truths are missed."""
    assert _covered(2, between=0.03, within=0.01, pooled=False) <= 0.75


def test_the_process_is_the_unit() -> None:
    """More rounds in the same two processes must not make the interval narrow."""
    random = np.random.default_rng(1)
    few = np.mean([_width(_simulated(random, 2, 5, 0.03, 0.01)) for _ in range(100)])
    many = np.mean([_width(_simulated(random, 2, 200, 0.03, 0.01)) for _ in range(100)])
    assert many > 0.7 * few


def _width(samples: Samples) -> float:
    estimate = statistics.estimate(statistics.replicates(samples, 0.03))
    return estimate.high - estimate.low


@given(SAMPLES, st.floats(0, 0.1))
def test_the_value_is_the_median_of_medians_and_lies_within(
    samples: dict[int, list[float]], spread: float
) -> None:
    estimate = statistics.estimate(statistics.replicates(samples, spread))
    assert estimate.value == np.median([np.median(rounds) for rounds in samples.values()])
    assert estimate.low <= estimate.value <= estimate.high


@given(SAMPLES, st.floats(0.1, 10), st.integers(0, 3))
def test_replicates_scale_with_their_samples(
    samples: dict[int, list[float]], factor: float, seed: int
) -> None:
    scaled = {process: [factor * time for time in rounds] for process, rounds in samples.items()}
    once, again = (statistics.replicates(values, 0.02, seed) for values in (samples, scaled))
    np.testing.assert_allclose(again, factor * once)


def test_what_a_process_does_to_all_cancels_in_a_difference() -> None:
    """Two quantities that a process shifts alike: their difference is sure, neither of them is."""
    shift = {0: 0.0, 1: 500.0, 2: -300.0}
    top = statistics.replicates({process: [2000 + by] for process, by in shift.items()}, seed=1)
    bottom = statistics.replicates({process: [1000 + by] for process, by in shift.items()}, seed=2)
    difference = statistics.estimate(top - bottom)
    assert (difference.low, difference.high) == (1000, 1000)
    assert statistics.estimate(top).half_width > 0.1


def test_the_pooled_spread_is_that_of_the_processes() -> None:
    random = np.random.default_rng(2)
    for processes in (2, 3, 6):
        kind = [_simulated(random, processes, 1, 0.05, 0.0) for _ in range(2000)]
        assert statistics.spread_between(kind) == pytest.approx(0.05, rel=0.1)


def test_one_wild_case_does_not_move_the_pooled_spread() -> None:
    calm = [{0: [100.0], 1: [101.0]} for _ in range(9)]
    alone = statistics.spread_between(calm)
    assert statistics.spread_between([*calm, {0: [1.0], 1: [1e6]}]) == pytest.approx(alone)


def test_single_processes_say_nothing_of_how_processes_differ() -> None:
    assert statistics.spread_between([{0: [1.0, 2.0]}, {3: [9.0]}]) == 0.0
    assert statistics.spread_between([]) == 0.0


@given(st.lists(st.floats(1, 1e6), min_size=2, max_size=20))
def test_the_half_width_is_that_of_students_interval(visits: list[float]) -> None:
    half = statistics.half_width(visits)
    if np.std(visits) <= 1e-9 * np.mean(visits):  # scipy gives NaN where nothing varies
        assert half == pytest.approx(0, abs=1e-6)
        return
    mean = float(np.mean(visits))
    _, high = stats.t.interval(0.95, len(visits) - 1, loc=mean, scale=stats.sem(visits))
    assert half == pytest.approx((high - mean) / mean, rel=1e-6)


@pytest.mark.parametrize("visits", [[], [100.0]])
def test_fewer_than_two_visits_have_no_width(visits: list[float]) -> None:
    assert statistics.half_width(visits) == math.inf
