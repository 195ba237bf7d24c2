"""Ratios: what their intervals show, and the words for many of them."""

from __future__ import annotations

import pytest

from actbench.report.compare.ratios import Verdict, interval, span, tally, times, verdict
from actbench.report.read.evidence import Estimate


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
    assert verdict(Estimate(1.0, low, high)) is expected


def test_each_verdict_is_counted_with_its_ends_and_settings() -> None:
    ratios = [
        ("A eager", Estimate(2.0, 1.5, 2.5)),
        ("B eager", Estimate(4.0, 3.0, 5.0)),
        ("C eager", Estimate(1.0, 0.9, 1.2)),
        ("D eager", Estimate(0.5)),
        ("E eager", Estimate(1.0, 0.98, 1.03)),
        ("F eager", Estimate(0.5, 0.4, 0.6)),
    ]
    assert tally("silu", "relu", ratios) == (
        "silu takes longer than relu in 2 of 6 settings (1.50–5.00×: A eager and B eager); "
        "takes less time than relu in 1 of 6 settings (0.400–0.600×: F eager); "
        "takes the same time as relu, within 5%, in 1 of 6 settings (0.980–1.03×: E eager); "
        "is not distinguished from relu in 1 of 6 settings (0.900–1.20×: C eager); "
        "stands beside relu without an interval in 1 of 6 settings (0.500–0.500×: D eager)"
    )
    alone = tally("silu", "relu", ratios[:1])
    assert alone == "silu takes longer than relu in 1 of 1 setting (1.50–2.50×)"


def test_estimates_in_words() -> None:
    assert times(Estimate(3.714, 3.523, 3.9)) == "3.71× (3.52–3.90)"
    assert interval(Estimate(1.0)) == "no interval"
    assert interval(Estimate(1.0, -1.0, 2.0)) == "-1.00 to 2.00"
    assert span([Estimate(2, 1, 3), Estimate(5.0)]) == "1.00–5.00×"
