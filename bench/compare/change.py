"""Changes from one run to another, as logarithms with an error to either side.

The sides are kept apart, since the interval of a median is lopsided, and put together each with its
opposite (Zou, Donner 2008, Construction of confidence limits about effect measures, Statistics in
Medicine 27).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

_OF_A_MEDIAN = math.sqrt(math.pi / 2)
"""The standard error of a median over that of the mean."""
_LARGEST = math.log(1e300)
"""Of an end of an interval: what is beyond overflows."""


@dataclass(frozen=True)
class Change:
    """The logarithm of candidate over base, with its standard errors to either side.

    `freedom` are Student's degrees of freedom: the processes of both runs less two. It is 0 where a
    run has one process, which tells nothing of how processes differ.
    """

    log: float
    below: float
    above: float
    freedom: int

    def over(self, unit: Change) -> Change:
        """The change relative to that of a unit."""
        return Change(
            self.log - unit.log,
            math.hypot(self.below, unit.above),
            math.hypot(self.above, unit.below),
            min(self.freedom, unit.freedom),
        )

    @property
    def ratio(self) -> float:
        """Candidate over base."""
        return math.exp(self.log)

    def interval(self, doubt: float) -> tuple[float, float]:
        """The ends of the ratio's interval that misses it with a probability of `doubt`."""
        quantile = _student(self.freedom, doubt)
        ends = (self.log - quantile * self.below, self.log + quantile * self.above)
        low, high = (math.exp(max(-_LARGEST, min(end, _LARGEST))) for end in ends)
        return low, high


@cache
def _student(freedom: int, doubt: float) -> float:
    from scipy import stats

    return float(stats.t.isf(doubt / 2, freedom))


def apart(changes: Sequence[Change]) -> Change:
    """The median of changes whose errors are each one's own."""
    number = len(changes)
    factor = (_OF_A_MEDIAN if number > 2 else 1) / number
    below = factor * math.hypot(*(each.below for each in changes))
    above = factor * math.hypot(*(each.above for each in changes))
    return Change(_median_log(changes), below, above, min(each.freedom for each in changes))


def together(changes: Sequence[Change]) -> Change:
    """The median of changes whose errors may all be the same one: they do not average out."""
    below = statistics.median(each.below for each in changes)
    above = statistics.median(each.above for each in changes)
    return Change(_median_log(changes), below, above, min(each.freedom for each in changes))


def _median_log(changes: Sequence[Change]) -> float:
    return statistics.median(each.log for each in changes)
