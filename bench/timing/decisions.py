"""When a case is decided: a screening of all, then fresh processes for the suspects.

The process is the unit. Each gives one value a case: the median of the log ratios of its blocks.
Student's interval of those values holds the ratio, and looks at it are paid for:

- Screening: after each of a few numbers of processes the interval of a case is looked at, at a
  level that holds for all looks together. Cases that are the same end there. What looks slower or
  faster is a suspect, and counts for nothing yet.
  What is left undecided is one too where its interval leaves out 1.
- Confirmation: suspects are measured again, in processes that screening never saw. The level is
  divided among the suspects, the looks and both sides, so that the chance of a false verdict of
  slower or faster anywhere in a gate is below `alarm`, however suspects were chosen. A suspect that
  is called leaves its share to the others (Holm, Scandinavian Journal of Statistics 6 (1979), 65).

The bound rests on the values of processes being nearly normal (Student 1908); they are medians of
many blocks. Holm's way of dividing the level needs no independence between cases.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .verdicts import DEAD_ZONE, Verdict, verdict

_LEAST = 1e-4
"""The least standard deviation of a process's log ratio: no clock tells more."""
_ENOUGH_CASES = 4
"""Cases from which on their spreads say something of each other's."""


@dataclass(frozen=True)
class Design:
    """How a gate decides: the dead zone, error rates, and the numbers of processes at its looks.

    `alarm` is the chance of any false verdict of slower or faster in a whole gate, `miss` the one
    that a case's screening interval does not hold its ratio.
    """

    zone: float = DEAD_ZONE
    alarm: float = 0.01
    miss: float = 0.01
    screening: tuple[int, ...] = (3, 5, 8)
    confirmation: tuple[int, ...] = (4, 6, 9, 12)

    @property
    def screening_level(self) -> float:
        """The error, both sides together, of one look at a case in screening."""
        return self.miss / len(self.screening)

    def confirmation_level(self, suspects: int) -> float:
        """The error, both sides together, of one look at one of so many uncalled suspects."""
        return self.alarm / len(self.confirmation) / max(suspects, 1)


@dataclass(frozen=True)
class Ratio:
    """The candidate's time over the base's, its interval, and from how many processes."""

    value: float
    low: float
    high: float
    processes: int

    @property
    def leans(self) -> bool:
        """Whether the interval lies on one side of 1."""
        return self.low > 1 or self.high < 1

    def verdict(self, zone: float) -> Verdict:
        """What the interval says."""
        return verdict(self.low, self.high, zone)


UNKNOWN = Ratio(math.nan, 0.0, math.inf, 0)
"""Of a case without values."""


@dataclass(frozen=True)
class Spread:
    """What the spreads of several cases say of each: a variance, and what it is worth.

    `worth` is in degrees of freedom: none where there are too few cases to learn from, as many as
    all cases have together where they are alike.
    """

    variance: float = 0.0
    worth: float = 0.0

    def interval(self, logs: Sequence[float], error: float) -> Ratio:
        """The ratio from one log ratio a process, with its interval at level 1 − `error`.

        Its variance is the case's own and the common one, weighed by what they are worth: the
        moderated t of Smyth, Statistical Applications in Genetics and Molecular Biology 3 (2004),
        article 3. Without an end for fewer than two processes.
        """
        count = len(logs)
        if count < 2:
            return Ratio(math.exp(logs[0]) if logs else math.nan, 0.0, math.inf, count)
        from scipy import stats

        freedom = count - 1
        own = float(np.var(logs, ddof=1))
        variance = (freedom * own + self.worth * self.variance) / (freedom + self.worth)
        variance = max(variance, _LEAST**2)
        half = float(stats.t.ppf(1 - error / 2, freedom + self.worth)) * math.sqrt(variance / count)
        mean = float(np.mean(logs))
        return Ratio(math.exp(mean), math.exp(mean - half), _exp(mean + half), count)


def common_spread(cases: Iterable[Sequence[float]]) -> Spread:
    """The spread that cases have in common, from the log ratios of each.

    By the moments of the logarithms of their variances, as in Smyth (2004), section 6.2.
    """
    from scipy.optimize import brentq
    from scipy.special import digamma, polygamma

    known = [list(logs) for logs in cases if len(logs) > 1 and np.var(logs) > 0]
    if len(known) < _ENOUGH_CASES:
        return Spread()
    half = np.array([(len(logs) - 1) / 2 for logs in known])
    variances = np.array([np.var(logs, ddof=1) for logs in known])
    centred = np.log(variances) - digamma(half) + np.log(half)
    excess = float(np.var(centred, ddof=1) - np.mean(polygamma(1, half)))
    most = float(2 * half.sum())
    if excess <= float(polygamma(1, most / 2)):
        return Spread(float(np.exp(np.mean(centred))), most)
    worth = 2 * float(brentq(lambda x: polygamma(1, x) - excess, 1e-3, most / 2))
    centre = float(np.mean(centred) + digamma(worth / 2) - math.log(worth / 2))
    return Spread(math.exp(centre), worth)


def _exp(power: float) -> float:
    return math.exp(power) if power < 700 else math.inf


def of_blocks(base: Iterable[float], candidate: Iterable[float]) -> float:
    """The log ratio of one process: the median over its blocks."""
    pairs = zip(base, candidate, strict=True)
    return float(np.median([math.log(above / below) for below, above in pairs]))
