"""The statistics of a ratio of times: one log ratio per process, Student's interval of them.

The process is the unit of replication: the memory layout differs between processes and stays the
same within one. Few processes say little of a case's variance, so that it is moderated by the
variances of the other cases of the same comparison.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from ..results.estimate import Estimate

_LEAST = 1e-4
"""The least standard deviation of a process's log ratio: no clock resolves more."""
_ENOUGH_CASES = 4
"""The least number of cases whose spreads are pooled."""
_LARGEST = math.log(1e300)
"""The largest logarithm of either sign: the exponential of a larger one overflows."""


@dataclass(frozen=True)
class Ratio:
    """The logarithm of a ratio, with its standard errors to either side.

    The sides are separate, because the interval of a median is lopsided. `freedom` are Student's
    degrees of freedom, 0 where the spread between processes is unknown.
    """

    log: float
    below: float
    above: float
    freedom: float

    @property
    def value(self) -> float:
        """The ratio itself."""
        return _exp(self.log)

    def over(self, unit: Ratio) -> Ratio:
        """The ratio relative to another one; errors of opposite sides are combined.

        Zou, Donner 2008, Construction of confidence limits about effect measures, Statistics in
        Medicine 27.
        """
        return Ratio(
            self.log - unit.log,
            math.hypot(self.below, unit.above),
            math.hypot(self.above, unit.below),
            min(self.freedom, unit.freedom),
        )

    def interval(self, error: float) -> Estimate:
        """The ratio with an interval that misses it with a probability of `error`."""
        if not self.freedom:
            return Estimate(self.value)
        low, high = self.ends(error)
        return Estimate(self.value, _exp(low), _exp(high))

    def ends(self, error: float) -> tuple[float, float]:
        """The ends of the logarithm's interval: infinite where the spread is unknown."""
        if not self.freedom:
            return -math.inf, math.inf
        quantile = student(self.freedom, error)
        return self.log - quantile * self.below, self.log + quantile * self.above


@cache
def student(freedom: float, error: float) -> float:
    """The quantile of Student's t that leaves `error` beyond both sides together."""
    from scipy import stats

    return float(stats.t.isf(error / 2, freedom))


def _exp(power: float) -> float:
    return power if math.isnan(power) else math.exp(max(-_LARGEST, min(power, _LARGEST)))


def of_blocks(base: Iterable[float], candidate: Iterable[float]) -> float:
    """The log ratio of one process: the median over its blocks."""
    pairs = zip(base, candidate, strict=True)
    return float(np.median([math.log(above / below) for below, above in pairs]))


@dataclass(frozen=True)
class Spread:
    """The common variance of several cases, and its worth.

    `worth` is in degrees of freedom: 0 for too few cases, and as many as all cases have together
    where they are alike.
    """

    variance: float = 0.0
    worth: float = 0.0

    def ratio(self, logs: Sequence[float]) -> Ratio:
        """The ratio from one log ratio per process.

        Its variance is the case's own and the common one, weighted by their degrees of freedom: the
        moderated t of Smyth, Statistical Applications in Genetics and Molecular Biology 3 (2004),
        article 3. Fewer than two processes have no interval.
        """
        count = len(logs)
        if count < 2:
            return Ratio(logs[0] if logs else math.nan, 0.0, 0.0, 0)
        freedom = count - 1
        own = float(np.var(logs, ddof=1))
        variance = (freedom * own + self.worth * self.variance) / (freedom + self.worth)
        error = math.sqrt(max(variance, _LEAST**2) / count)
        return Ratio(float(np.mean(logs)), error, error, freedom + self.worth)


def common_spread(cases: Iterable[Sequence[float]]) -> Spread:
    """The common spread of cases, from their log ratios.

    It follows from the moments of the logarithms of their variances, as in Smyth (2004), section
    6.2.
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


def median_of_dependent(ratios: Sequence[Ratio]) -> Ratio:
    """The median of ratios that may share their errors, which then do not average out."""
    log, below, above = (
        statistics.median(getattr(ratio, name) for ratio in ratios)
        for name in ("log", "below", "above")
    )
    return Ratio(log, below, above, min(ratio.freedom for ratio in ratios))
