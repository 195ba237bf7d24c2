"""Sums and shares of parts."""

from __future__ import annotations

import pytest

from actbench.report.compare.parts import share
from actbench.report.read.evidence import Estimate


@pytest.mark.parametrize(
    ("part", "others", "expected"),
    [
        (Estimate(3, 2, 4), [Estimate(1, 0, 2)], (0.75, 0.5, 1.0)),
        (Estimate(3, 2, 4), [Estimate(1), Estimate(2)], (0.5, 0.4, 4 / 7)),
        (Estimate(0, 0, 0), [Estimate(0, 0, 0)], None),
    ],
)
def test_a_share_is_as_wide_as_all_intervals_allow(
    part: Estimate, others: list[Estimate], expected: tuple[float, ...] | None
) -> None:
    estimate = share(part, others)
    assert (estimate and (estimate.value, estimate.low, estimate.high)) == (
        pytest.approx(expected) if expected else None
    )
