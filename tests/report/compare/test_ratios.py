"""Ratios: what their intervals show."""

from __future__ import annotations

import pytest

from actbench.bench.results.estimate import Estimate
from actbench.report.compare.ratios import Verdict, decided, verdict


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.95, 1.05, Verdict.SAME),
        (1.01, 1.04, Verdict.SAME),
        (0.94, 1.05, Verdict.OPEN),
        (0.96, 1.06, Verdict.OPEN),
        (1.0, 1.2, Verdict.OPEN),
        (1.01, 1.06, Verdict.LONGER),
        (0.90, 0.99, Verdict.LESS),
        (None, None, Verdict.BARE),
    ],
)
def test_a_difference_disappears_only_where_the_interval_says_so(
    low: float | None, high: float | None, expected: Verdict
) -> None:
    assert verdict(Estimate.of(1.0, low, high)) is expected
    assert decided(Estimate.of(1.0, low, high)) is (expected not in (Verdict.OPEN, Verdict.BARE))


@pytest.mark.parametrize(("low", "high", "quoted"), [(1.7, 2.29, True), (1.7, 2.31, False)])
def test_a_value_is_quoted_only_where_it_is_known_to_15_per_cent(
    low: float, high: float, quoted: bool
) -> None:
    assert verdict(Estimate(2.0, low, high)) is Verdict.LONGER
    assert decided(Estimate(2.0, low, high)) is quoted
