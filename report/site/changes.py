"""Changes of level in a series of runs, and the conditions for claiming one.

A change is claimed at a run where all of three hold:

- `ruptures` puts a change of the mean of the logarithms there: PELT (Killick, Fearnhead and Eckley,
  2012, doi:10.1080/01621459.2012.737745), at 3 ln n times the variance per change (Zhang and
  Siegmund, 2007, doi:10.1111/j.1541-0420.2006.00662.x).
- The intervals of the m runs before it and of the m runs from it on do not overlap, none with any.
- m is so large that chance makes such a split in at most 5 % of sites that nothing has changed on,
  even with meaningless intervals: in 2m exchangeable values the first m lie all below or all
  above the others with probability 2 / C(2m, m), the most extreme case of Mann and Whitney's U
  (1947, doi:10.1214/aoms/1177730491). n runs hold n − 2m + 1 such windows, and that many times the
  number of series is Bonferroni's bound.

Runs are exchangeable if nothing drifts. A noisy week of a machine is no chance in this sense.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from ..read.evidence import Estimate

FALSE_CLAIMS = 0.05
"""The share of sites without a change on which chance may make a claim of one."""
_NORMAL = 1.96
_MEDIAN = 0.6745
"""The median of a standard normal variable's absolute value."""


@dataclass(frozen=True)
class Change:
    """A change at the point `at` of a series.

    `before` and `after` are the ends of all intervals of the `beside` points on either side.
    """

    at: int
    beside: int
    before: tuple[float, float]
    after: tuple[float, float]

    @property
    def rose(self) -> bool:
        """True if the level is higher from there on."""
        return self.after[0] > self.before[1]


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
    """The least number of runs of a series at which a change can be claimed, of so many series."""
    return next(runs for runs in count(2) if least_beside(runs, series) is not None)


def changes(estimates: Sequence[Estimate], series: int) -> list[Change]:
    """The changes in one of so many series of positive values, in the order of its runs.

    Every estimate must have an interval above 0.
    """
    beside = least_beside(len(estimates), series)
    if beside is None:
        return []
    ends = [(estimate.low or 0.0, estimate.high or 0.0) for estimate in estimates]
    candidates = [
        Change(at, beside, _hull(ends[at - beside : at]), _hull(ends[at : at + beside]))
        for at in _breaks(estimates, beside)
    ]
    return [change for change in candidates if _apart(change.before, change.after)]


def _hull(ends: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return min(low for low, _ in ends), max(high for _, high in ends)


def _apart(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[1] < other[0] or other[1] < one[0]


def _breaks(estimates: Sequence[Estimate], beside: int) -> list[int]:
    """The points where PELT splits the logarithms into pieces of at least `beside` points."""
    from ruptures import Pelt

    logs = np.log([estimate.value for estimate in estimates])
    scaled = (logs / _scatter(logs, estimates)).reshape(-1, 1)
    pelt = Pelt(model="l2", min_size=beside, jump=1).fit(scaled)
    return [int(at) for at in pelt.predict(pen=3 * math.log(len(logs)))[:-1]]


def _scatter(logs: np.ndarray, estimates: Sequence[Estimate]) -> float:
    """The standard deviation from run to run: of steps, which a change of level does not widen.

    At least as large as the intervals imply.
    """
    steps = float(np.median(np.abs(np.diff(logs)))) / _MEDIAN / math.sqrt(2)
    widths = [
        math.log((estimate.high or 1.0) / (estimate.low or 1.0)) / 2 for estimate in estimates
    ]
    return max(steps, float(np.median(widths)) / _NORMAL, 1e-9)
