"""Values: ratios of cases with the errors of both, and ranges in words."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.results.estimate import Estimate
from actbench.report.compare.values import Value, brief, quotient, ratio, ratios, reach
from actbench.report.read.evidence import Evidence, Timed

CASE = Case("torch", "gelu", "native", "eager", "forward", "cpu", "float32", 65536, 1)


def timed(time: Estimate, cost: Estimate | None = None, **where: str) -> Timed:
    estimates = {"time_per_call": time, **({"relative_cost": cost} if cost else {})}
    return Timed("run", replace(CASE, **where), "exp", False, True, estimates)


def test_a_ratio_has_the_errors_of_both() -> None:
    """Against simulated pairs of log-normal figures, of which 95 % must lie inside."""
    dice = np.random.default_rng(1)
    top, bottom = Estimate(6, 5, 7.2), Estimate(2, 1.9, 2.1)
    over = quotient(top, bottom)
    assert over
    assert over.low is not None
    assert over.high is not None
    spreads = [math.log(e.high / e.low) / 2 / 1.96 for e in (top, bottom) if e.low and e.high]
    logs = math.log(3) + dice.normal(0, spreads[0], 40_000) - dice.normal(0, spreads[1], 40_000)
    inside = np.mean((np.exp(logs) > over.low) & (np.exp(logs) < over.high))
    assert inside == pytest.approx(0.95, abs=0.006)
    assert over.value == 3


def test_a_ratio_to_what_may_be_0_is_none() -> None:
    assert quotient(Estimate(6, 4, 8), Estimate(2)) == Estimate(3.0)
    assert quotient(Estimate(6, 4, 8), Estimate(2, 0, 4)) is None
    assert quotient(Estimate(6, -1, 8), Estimate(2, 1, 4)) is None
    assert quotient(Estimate(6), Estimate(-2)) is None


def test_over_the_same_unit_a_ratio_is_that_of_the_costs() -> None:
    relu = timed(Estimate(100, 99, 101), Estimate(1.0, 1.0, 1.0), activation="relu")
    gelu = timed(Estimate(200, 150, 250), Estimate(2.0, 1.99, 2.01))
    over = ratio(gelu, relu)
    assert over
    assert (over.value, over.low, over.high) == pytest.approx((2.0, 1.99, 2.01))
    compiled = timed(Estimate(50, 49, 51), Estimate(9.0, 8.9, 9.1), mode="compiled")
    across = ratio(compiled, gelu)
    assert across
    assert across.value == 0.25


def test_pairs_differ_in_the_named_fields_alone() -> None:
    one = Estimate(1.0, 1.0, 1.0)
    cases = [
        timed(one),
        timed(one, mode="compiled"),
        timed(one, mode="compiled", activation="elu"),
    ]
    evidence = Evidence({}, cases, [], [], [], [])
    [value] = ratios(evidence, lambda case: case.case.mode == "compiled", mode="eager")
    assert value.case == replace(CASE, mode="compiled")


@pytest.mark.parametrize(
    ("low", "high", "steady"), [(0.8, 1.2, True), (1.5, 2.6, False), (0.76, 1.24, True)]
)
def test_what_is_known(low: float, high: float, steady: bool) -> None:
    value = Value("run", CASE, "exp", Estimate((low + high) / 2, low, high))
    assert value.steady is steady
    assert not Value("run", CASE, "exp", Estimate(1.0)).steady


def test_ranges_in_words() -> None:
    assert reach([0.5, 6.71, 1.2]) == "0.50–6.7"
    assert reach([1.04, 1.01]) == "1.0"
    figures = (0.0123, 0.996, 9.96, 123.0, 45_678.0)
    assert [brief(value) for value in figures] == ["0.012", "1.0", "10", "120", "46,000"]
