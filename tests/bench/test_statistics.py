"""The bootstrap: coverage, scale, and what a ratio is made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import statistics


def _simulated(random: np.random.Generator, processes: int, rounds: int) -> dict[int, list[float]]:
    """Times around 100 with a shift of its own in each process."""
    return {
        p: list(100 + 3 * random.standard_normal() + random.standard_normal(rounds))
        for p in range(processes)
    }


def test_the_interval_covers_the_truth_most_of_the_time() -> None:
    """Percentile intervals of few processes are a little narrow: 8 of them reach about 90 %."""
    random = np.random.default_rng(0)
    estimates = [statistics.median(_simulated(random, 8, 10), seed) for seed in range(300)]
    covered = np.mean([each.low <= 100 <= each.high for each in estimates])
    assert 0.85 <= covered <= 0.99


def test_the_process_is_the_unit() -> None:
    """More rounds in the same two processes must not make the interval narrow."""
    random = np.random.default_rng(1)
    few = np.mean([_width(random, 2, 5) for _ in range(100)])
    many = np.mean([_width(random, 2, 500) for _ in range(100)])
    assert many > 0.7 * few


def _width(random: np.random.Generator, processes: int, rounds: int) -> float:
    estimate = statistics.median(_simulated(random, processes, rounds))
    return estimate.high - estimate.low


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=8), st.floats(0.1, 10))
def test_a_ratio_of_the_same_shape_is_its_factor(rounds: list[float], factor: float) -> None:
    below = {0: rounds, 1: rounds[::-1]}
    above = {process: [factor * time for time in times] for process, times in below.items()}
    assert statistics.ratio(above, below).value == pytest.approx(factor)


@given(st.dictionaries(st.integers(0, 5), st.lists(st.floats(1, 1e9), min_size=1), min_size=1))
def test_the_value_lies_within_its_interval(samples: dict[int, list[float]]) -> None:
    estimate = statistics.median(samples)
    assert estimate.low <= estimate.value <= estimate.high


def test_a_ratio_uses_only_processes_that_measured_both() -> None:
    assert statistics.ratio({0: [2.0], 1: [90.0]}, {0: [1.0], 2: [5.0]}).value == 2.0
    with pytest.raises(ValueError, match="no process"):
        statistics.ratio({0: [1.0]}, {1: [1.0]})
