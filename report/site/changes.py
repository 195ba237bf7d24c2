"""Changes of level in a series of runs, and the conditions for claiming one.

A change is claimed at a run where the intervals of the m runs before it and of the m runs from it
on do not overlap, none with any; of several such runs in a row, at the one where they lie farthest
apart. m is so large that chance makes such a split in at most 5 % of sites that nothing has changed
on, even with meaningless intervals: in 2m exchangeable values the first m lie all below or all
above the others with probability 2 / C(2m, m), the most extreme case of Mann and Whitney's U (1947,
doi:10.1214/aoms/1177730491). n runs hold n − 2m + 1 such windows, and that many times the number of
series is Bonferroni's bound.

Runs are exchangeable if nothing drifts. A noisy week of a machine is no chance in this sense.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from ...bench.results.estimate import Estimate

FALSE_CLAIMS = 0.05
"""The share of sites without a change on which chance may make a claim."""
Ends = tuple[float, float]


@dataclass(frozen=True)
class Change:
    """A change at the point `at` of a series.

    `before` and `after` are the ends of all intervals of the `beside` points on either side.
    """

    at: int
    beside: int
    before: Ends
    after: Ends

    @property
    def rose(self) -> bool:
        """Return whether the level is higher from there on."""
        return self.after[0] > self.before[1]

    @property
    def gap(self) -> float:
        """The ratio between the nearest ends of both sides; above 1 where they do not overlap."""
        return max(self.after[0] / self.before[1], self.before[0] / self.after[1])


def least_beside(runs: int, series: int) -> int | None:
    """The runs needed on either side of a change, with so many runs and series; None: too few.

    >>> least_beside(12, 21), least_beside(11, 21)
    (6, None)
    """
    for beside in range(1, runs // 2 + 1):
        windows = runs - 2 * beside + 1
        if series * windows * 2 / math.comb(2 * beside, beside) <= FALSE_CLAIMS:
            return beside
    return None


def runs_needed(series: int) -> int:
    """The least number of runs at which a change can be claimed, for so many series."""
    return next(runs for runs in count(2) if least_beside(runs, series) is not None)


def changes(estimates: Sequence[Estimate], series: int) -> list[Change]:
    """The changes in one of so many series of positive values, in the order of its runs.

    Every estimate must have an interval above 0.
    """
    beside = least_beside(len(estimates), series)
    if beside is None:
        return []
    ends = [(estimate.low, estimate.high) for estimate in estimates]
    windows = [
        Change(at, beside, _hull(ends[at - beside : at]), _hull(ends[at : at + beside]))
        for at in range(beside, len(ends) - beside + 1)
    ]
    apart = [window for window in windows if window.gap > 1]
    return [
        window
        for window in apart
        if all(window.gap >= near.gap for near in apart if abs(near.at - window.at) < beside)
    ]


def _hull(ends: Sequence[Ends]) -> Ends:
    return min(low for low, _ in ends), max(high for _, high in ends)
