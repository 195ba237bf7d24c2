"""Costs over a unit: the parts of a ratio, the processes that count, cases without an interval."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.bench.catalog.cases import Case
from actbench.bench.timing import bootstrap as statistics
from actbench.bench.timing.bootstrap import Samples
from actbench.bench.timing.ratios import Estimate
from actbench.bench.timing.relative import over, relative_costs

TIMES = st.floats(1, 1e9)
TRUTH = 100.0
UNIT = Case("numpy", "relu", "max", "eager", "forward", "cpu", "float32", 64, 1)
GELU = replace(UNIT, activation="gelu", form="textbook")


@given(st.lists(TIMES, min_size=1, max_size=8), st.floats(0.1, 10))
def test_a_ratio_of_the_same_shape_is_its_factor(rounds: list[float], factor: float) -> None:
    below = {0: rounds, 1: rounds[::-1]}
    above = {process: [factor * time for time in times] for process, times in below.items()}
    assert over(above, below).value == pytest.approx(factor)


def test_a_ratio_is_paired_within_processes() -> None:
    """Process 1 is ten times slower in both: the ratio is 3 there as well, and surely so."""
    cost = over({0: [300.0], 1: [3000.0]}, {0: [100.0], 1: [1000.0]})
    assert (cost.value, cost.low, cost.high) == (pytest.approx(3),) * 3
    unlike = over({0: [3.0], 1: [40.0], 2: [50.0]}, {0: [1.0], 1: [10.0], 2: [10.0]})
    assert unlike.value == 4, "the median of 3, 4 and 5, not that of the times"


def test_the_interval_of_a_ratio_covers_the_truth_and_no_shift_of_both() -> None:
    """Processes that differ by 30 %, in which two cases differ by 1 % from their ratio."""
    random = np.random.default_rng(3)
    pairs = [_shifted_alike(random) for _ in range(200)]
    spread = statistics.spread_between(
        {process: [float(top[process][0] / bottom[process][0])] for process in top}
        for top, bottom in pairs
    )
    costs = [over(*pair, spread, seed) for seed, pair in enumerate(pairs)]
    assert np.mean([cost.low <= 2 <= cost.high for cost in costs]) >= 0.91
    assert np.median([cost.half_width for cost in costs]) < 0.03


def _shifted_alike(random: np.random.Generator) -> tuple[Samples, Samples]:
    shifts = np.exp(0.3 * random.standard_normal(2))
    own = np.exp(0.01 * random.standard_normal(2))
    top = {process: [2 * TRUTH * shifts[process] * own[process]] for process in range(2)}
    return top, {process: [TRUTH * shift] for process, shift in enumerate(shifts)}


def test_a_ratio_uses_only_processes_that_measured_both() -> None:
    assert over({0: [2.0], 1: [90.0]}, {0: [1.0], 2: [5.0]}).value == 2.0
    with pytest.raises(ValueError, match="no process"):
        over({0: [1.0]}, {1: [1.0]})


def test_a_unit_costs_one_and_another_case_its_ratio() -> None:
    samples = {UNIT: {0: [10.0, 11.0], 1: [10.0]}, GELU: {0: [40.0, 44.0], 1: [40.0]}}
    costs = relative_costs(samples, lambda case: UNIT)
    assert costs[UNIT] == Estimate(1.0, 1.0, 1.0)
    assert costs[GELU].value == pytest.approx(4)
    assert costs[GELU].low <= costs[GELU].value <= costs[GELU].high
    assert costs[GELU].known


def test_what_no_process_measured_beside_its_unit_has_no_cost() -> None:
    assert relative_costs({GELU: {0: [1.0, 2.0]}}, lambda case: UNIT) == {}
    apart = {UNIT: {0: [1.0, 2.0]}, GELU: {1: [1.0, 2.0]}}
    assert relative_costs(apart, lambda case: UNIT).keys() == {UNIT}


@pytest.mark.parametrize("lone", [UNIT, GELU])
def test_a_single_sample_of_either_leaves_the_error_unknown(lone: Case) -> None:
    samples = {UNIT: {0: [10.0, 10.0]}, GELU: {0: [40.0, 40.0]}}
    samples[lone] = {0: samples[lone][0][:1]}
    cost = relative_costs(samples, lambda case: UNIT)[GELU]
    assert cost.value == pytest.approx(4)
    assert not cost.known


def test_how_ratios_scatter_is_pooled_over_cases_of_a_kind() -> None:
    """Alone, two processes that happen to agree would promise too much."""
    random = np.random.default_rng(4)
    others = [replace(GELU, form=f"form {number}") for number in range(20)]
    samples = {UNIT: {0: [10.0, 10.0], 1: [10.0, 10.0]}, GELU: {0: [40.0] * 2, 1: [40.0] * 2}}
    alone = relative_costs(samples, lambda case: UNIT)[GELU]
    for case in others:
        samples[case] = {
            process: [float(40 * np.exp(random.normal(0, 0.05)))] * 2 for process in (0, 1)
        }
    pooled = relative_costs(samples, lambda case: UNIT)[GELU]
    assert alone.half_width < 0.001
    assert pooled.half_width > 0.03
