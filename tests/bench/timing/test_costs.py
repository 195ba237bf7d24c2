"""Costs from pairs: one value per process, Student's interval of them, and when they suffice."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from actbench.bench.catalog.cases import Case
from actbench.bench.results.estimate import Estimate
from actbench.bench.results.rows import Ended, Sampling
from actbench.bench.results.samples import Paired
from actbench.bench.timing.costs import (
    Goal,
    Measured,
    differences,
    gathered,
    relative_costs,
    times,
)

RELU = Case("torch", "relu", "native", "eager", "forward", "cpu", "float32", 1000, 1)
GELU = replace(RELU, activation="gelu")
_NS = st.integers(10, 10**6)
_BLOCKS = st.lists(st.tuples(_NS, _NS), min_size=1, max_size=9)
_PROCESSES = st.lists(_BLOCKS, min_size=2, max_size=6)
Block = tuple[int, int]


def _pair(
    case: Case,
    process: int,
    blocks: Sequence[Block],
    spoilt: Iterable[int] = (),
    unit: str = "native",
) -> Paired:
    """A visit whose blocks take so many ns per call of the case and of its unit."""
    own, units = zip(*blocks, strict=True)
    dropped = tuple(place in set(spoilt) for place in range(len(blocks)))
    elapsed, unit_elapsed = (tuple(10 * ns for ns in own), tuple(20 * ns for ns in units))
    return Paired(case, process, unit, 10, 20, elapsed, unit_elapsed, dropped, (30,) * len(blocks))


def _measured(processes: Iterable[Sequence[Block]], case: Case = GELU) -> Measured:
    pairs = [_pair(case, number, blocks) for number, blocks in enumerate(processes)]
    return gathered(pairs)[case]


def _log(blocks: Sequence[Block]) -> float:
    return float(np.median([math.log(own / unit) for own, unit in blocks]))


def _student(values: Sequence[float]) -> tuple[float, float, float]:
    """The mean and the ends of its 95 % interval; no clock resolves more than 1e-4."""
    mean, least = float(np.mean(values)), 1e-4 / math.sqrt(len(values))
    half = float(stats.t.ppf(0.975, len(values) - 1)) * max(float(stats.sem(values)), least)
    return mean, mean - half, mean + half


def _logs(estimate: Estimate) -> tuple[float, float, float]:
    return math.log(estimate.value), math.log(estimate.low), math.log(estimate.high)


# --- one value per process ------------------------------------------------------------------------


@given(_PROCESSES)
def test_a_cost_is_students_interval_over_processes(processes: list[list[Block]]) -> None:
    cost = relative_costs({GELU: _measured(processes)})[GELU]
    ends = _student([_log(blocks) for blocks in processes])
    within = [max(-math.log(1e300), min(end, math.log(1e300))) for end in ends]
    assert _logs(cost) == pytest.approx(within, rel=1e-6, abs=1e-9)


@given(_PROCESSES)
def test_a_time_is_students_interval_over_processes(processes: list[list[Block]]) -> None:
    time = times({GELU: _measured(processes)})[GELU]
    medians = [math.log(np.median([own for own, _ in blocks])) for blocks in processes]
    within = [max(-math.log(1e300), min(end, math.log(1e300))) for end in _student(medians)]
    assert _logs(time) == pytest.approx(within, rel=1e-6, abs=1e-9)


@given(_PROCESSES)
def test_a_swapped_pair_has_the_inverse_cost(processes: list[list[Block]]) -> None:
    swapped = [[(unit, own) for own, unit in blocks] for blocks in processes]
    cost, inverse = (
        _logs(relative_costs({GELU: _measured(pairs)})[GELU]) for pairs in (processes, swapped)
    )
    assert inverse == pytest.approx((-cost[0], -cost[2], -cost[1]), rel=1e-9, abs=1e-9)


@given(_PROCESSES)
def test_the_cost_of_a_unit_is_one_exactly(processes: list[list[Block]]) -> None:
    """Whatever noise there is between its two batches: they are the same."""
    measured = _measured(processes, RELU)
    assert measured.is_unit
    assert relative_costs({RELU: measured}) == {RELU: Estimate(1.0, 1.0, 1.0)}


@given(_PROCESSES, st.integers(2, 1000))
def test_a_process_that_is_slow_throughout_has_the_same_cost(
    processes: list[list[Block]], factor: int
) -> None:
    first, *rest = processes
    slow = [[(factor * own, factor * unit) for own, unit in first], *rest]
    cost, of_slow = (
        _logs(relative_costs({GELU: _measured(pairs)})[GELU]) for pairs in (processes, slow)
    )
    assert of_slow == pytest.approx(cost, rel=1e-6, abs=1e-9)


@given(st.lists(st.tuples(_NS, _NS, st.booleans()), min_size=1, max_size=16))
def test_spoilt_blocks_are_dropped_where_four_others_remain(
    blocks: list[tuple[int, int, bool]],
) -> None:
    spoilt = [place for place, block in enumerate(blocks) if block[2]]
    pairs = [(own, unit) for own, unit, _ in blocks]
    measured = gathered([_pair(GELU, 0, pairs, spoilt)])[GELU]
    clean = [pair for place, pair in enumerate(pairs) if place not in spoilt]
    kept = clean if len(clean) >= 4 else pairs
    assert measured.logs == [pytest.approx(_log(kept))]
    assert measured.times == {0: pytest.approx(np.median([own for own, _ in kept]))}
    assert measured.sampling(Ended.BUDGET) == Sampling(
        1, len(kept), len(pairs) - len(kept), Ended.BUDGET
    )
    assert measured.faults == 3


@given(_BLOCKS, _BLOCKS)
def test_of_two_visits_of_a_process_the_one_with_the_faster_unit_counts(
    first: list[Block], second: list[Block]
) -> None:
    """Or the first, where they are alike."""
    visits = [_pair(GELU, 0, blocks) for blocks in (first, second)]
    calmest = min(visits, key=lambda visit: np.quantile(visit.unit_elapsed, 0.25))
    assert gathered(visits) == gathered([calmest])


def test_one_process_leaves_the_error_open() -> None:
    measured = {GELU: _measured([[(300, 100)] * 8])}
    assert not relative_costs(measured)[GELU].known
    assert relative_costs(measured)[GELU].value == pytest.approx(3)
    assert not times(measured)[GELU].known


# --- units ----------------------------------------------------------------------------------------


def test_without_a_unit_there_is_a_time_and_no_cost() -> None:
    pairs = [_pair(GELU, process, [(300, 300)], unit="") for process in (0, 1)]
    measured = gathered(pairs)
    assert relative_costs(measured) == {}
    assert times(measured)[GELU].value == pytest.approx(300)
    assert not measured[GELU].is_unit


def test_a_process_in_which_the_unit_failed_has_a_time_alone() -> None:
    """There the case was timed against itself, which is no cost of 1."""
    with_unit = [_pair(GELU, process, [(300, 100)]) for process in (0, 1)]
    measured = gathered([*with_unit, _pair(GELU, 2, [(600, 600)], unit="")])
    cost = relative_costs(measured)[GELU]
    assert cost == relative_costs(gathered(with_unit))[GELU]
    assert list(measured[GELU].times.values()) == [300, 300, 600]
    assert measured[GELU].sampling(Ended.NARROW).processes == 3


# --- what the cases of a kind share ---------------------------------------------------------------


def _kind(spreads: Sequence[float], **changes: object) -> dict[Case, Measured]:
    """Cases of a kind whose two processes differ by so much."""
    cases = [replace(GELU, form=f"form{place}", **changes) for place in range(len(spreads))]  # type: ignore[arg-type]
    return {
        case: _measured([[(1000, 1000)], [(round(1000 * math.exp(spread)), 1000)]], case)
        for case, spread in zip(cases, spreads, strict=True)
    }


def test_a_case_whose_two_processes_agree_by_chance_is_as_wide_as_the_others() -> None:
    alone = relative_costs(_kind([0.002]))
    among = relative_costs(_kind([0.002, 0.02, 0.02, 0.03, 0.03, 0.02]))
    (case,) = alone
    others = [cost.half_width for other, cost in among.items() if other != case]
    assert among[case].half_width > 0.5 * min(others)
    assert max(others) < relative_costs(_kind([0.03]))[case].half_width, "and they are narrower"


@pytest.mark.parametrize(
    "change", [{"framework": "jax"}, {"device": "cuda"}, {"mode": "compiled"}, {"size": 64}]
)
def test_other_kinds_say_nothing_of_a_kind(change: dict[str, object]) -> None:
    own = _kind([0.002, 0.02, 0.02, 0.03, 0.03, 0.02])
    others = _kind([0.5, 0.6, 0.7, 0.8, 0.9], **change)
    together, apart = relative_costs({**own, **others}), relative_costs(own)
    assert {case: together[case] for case in own} == apart


# --- quantities that may be negative --------------------------------------------------------------


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8), st.floats(1, 1e3))
def test_a_difference_has_students_interval(values: list[float], scale: float) -> None:
    estimate = differences({GELU: values}, {GELU: scale})[GELU]
    mean, low, high = (scale * end for end in _student([value / scale for value in values]))
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx(
        (mean, low, high), rel=1e-6, abs=1e-9
    )


# --- the end of sampling --------------------------------------------------------------------------

GOAL = Goal(precision=0.03, most=4)


def _around(value: float, share: float) -> Estimate:
    return Estimate(value, value * (1 - share), value * (1 + share))


@given(cost=st.floats(0, 1), time=st.floats(0, 1), value=st.floats(0.01, 1e9))
def test_the_distance_is_of_the_cost_or_of_the_time_whichever_is_farther(
    cost: float, time: float, value: float
) -> None:
    """A cost is to be known to ±3 %, a time to ±10 %."""
    distance = GOAL.distance(_around(value, cost), _around(value, time))
    assert distance == pytest.approx(max(cost / 0.03, time / 0.1), rel=1e-6, abs=1e-9)


def test_without_a_cost_the_time_decides() -> None:
    assert GOAL.distance(None, _around(500, 0.05)) == pytest.approx(0.5)
    assert GOAL.distance(None, Estimate(500)) == math.inf


def test_a_loose_goal_is_as_loose_for_times() -> None:
    assert Goal(0.2, 4).distance(None, _around(500, 0.2)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("processes", "share", "ended"),
    [
        (1, 0.0, Ended.ONE_SAMPLE),
        (2, 0.02, Ended.NARROW),
        (4, 0.02, Ended.NARROW),
        (2, 0.04, Ended.BUDGET),
        (3, 0.04, Ended.BUDGET),
        (4, 0.04, Ended.DIFFER),
    ],
)
def test_sampling_says_why_it_ended(processes: int, share: float, ended: Ended) -> None:
    measured = _measured([[(300, 100)]] * processes)
    assert GOAL.ended(measured, _around(3, share), _around(300, 0.0)) is ended
