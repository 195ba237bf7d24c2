"""Verdicts of a ratio's interval."""

from __future__ import annotations

from enum import Enum

from ...bench.results.estimate import Estimate

CLOSE = 0.05
"""The share by which times may differ and still count as the same."""

QUOTABLE = 0.15
"""The half-width, as a share, beyond which no sentence quotes the value."""


class Verdict(Enum):
    """The verdict of a ratio's interval."""

    LONGER = "longer"
    LESS = "less"
    SAME = "the same"
    OPEN = "not distinguished"
    BARE = "without an interval"


def decided(ratio: Estimate) -> bool:
    """Return whether the interval shows both direction and size: a sentence may rest on it."""
    precise = ratio.half_width <= QUOTABLE
    return precise and verdict(ratio) in (Verdict.LONGER, Verdict.LESS, Verdict.SAME)


def verdict(estimate: Estimate) -> Verdict:
    """The verdict of a ratio's interval."""
    if not estimate.known:
        return Verdict.BARE
    if estimate.low >= 1 - CLOSE and estimate.high <= 1 + CLOSE:
        return Verdict.SAME
    if estimate.low <= 1 <= estimate.high:
        return Verdict.OPEN
    return Verdict.LONGER if estimate.low > 1 else Verdict.LESS
