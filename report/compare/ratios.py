"""Ratios of times: verdicts of their intervals, counted over settings and in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum

from ..read.evidence import Estimate
from ..words import listing, number

CLOSE = 0.05
"""Times that differ by no more than this share count as the same."""
NamedRatio = tuple[str, Estimate]
"""The words for a ratio's setting, and the ratio."""


class Verdict(Enum):
    """The verdict of a ratio's interval, as a clause and in a few words."""

    LONGER = "takes longer than {other}", "longer"
    LESS = "takes less time than {other}", "less"
    SAME = f"takes the same time as {{other}}, within {CLOSE:.0%},", f"the same within {CLOSE:.0%}"
    OPEN = "is not distinguished from {other}", "not distinguished"
    BARE = "stands beside {other} without an interval", "without an interval"

    def of(self, other: str) -> str:
        """The clause that compares with `other`."""
        return self.value[0].replace("{other}", other)

    @property
    def brief(self) -> str:
        """The verdict in a few words."""
        return self.value[1]


def verdict(estimate: Estimate) -> Verdict:
    """The verdict of a ratio's interval."""
    if estimate.low is None or estimate.high is None:
        return Verdict.BARE
    if estimate.low >= 1 - CLOSE and estimate.high <= 1 + CLOSE:
        return Verdict.SAME
    if estimate.low <= 1 <= estimate.high:
        return Verdict.OPEN
    return Verdict.LONGER if estimate.low > 1 else Verdict.LESS


def tally(subject: str, other: str, ratios: Sequence[NamedRatio]) -> str:
    """Count how often one thing takes longer than another, with the span and the settings.

    `gelu takes longer than relu in 5 of 7 settings (1.2–3.4×: JAX eager …); takes less time …`
    """
    clauses = []
    for shown in Verdict:
        agreeing = [(who, estimate) for who, estimate in ratios if verdict(estimate) is shown]
        if agreeing:
            names = listing([who for who, _ in agreeing if who and len(agreeing) < len(ratios)])
            reach = ": ".join(filter(None, (span(estimate for _, estimate in agreeing), names)))
            noun = "setting" if len(ratios) == 1 else "settings"
            clauses.append(
                f"{shown.of(other)} in {len(agreeing)} of {len(ratios)} {noun} ({reach})"
            )
    return f"{subject} {'; '.join(clauses)}"


def span(ratios: Iterable[Estimate]) -> str:
    """The range from the lowest interval end to the highest; of values where there are none."""
    estimates = list(ratios)
    lows = [estimate.value if estimate.low is None else estimate.low for estimate in estimates]
    highs = [estimate.value if estimate.high is None else estimate.high for estimate in estimates]
    return f"{number(min(lows))}–{number(max(highs))}×"


def interval(estimate: Estimate) -> str:
    """The interval's ends: `3.52–3.90`; or `no interval`."""
    if estimate.low is None or estimate.high is None:
        return "no interval"
    return f"{number(estimate.low)}{' to ' if estimate.low < 0 else '–'}{number(estimate.high)}"


def times(estimate: Estimate) -> str:
    """A ratio with its interval: `3.71× (3.52–3.90)`."""
    return f"{number(estimate.value)}× ({interval(estimate)})"
