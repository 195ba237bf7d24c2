"""Medians, ratios and lines with intervals, by a hierarchical bootstrap over processes and rounds.

A quantity is carried as *replicates*: an array of shape (1 + 1000,) whose first entry is the value
and whose others are the same quantity computed from resampled data. Arithmetic on such arrays keeps
both in step, so that a derived quantity (a slope, a difference, a ratio) has its interval as well.

Resampling draws processes with replacement, then rounds within them (Davison, Hinkley 1997,
Bootstrap Methods and their Application, 3.8). A run has few processes, so their draws are
smoothed (ibid., 3.4): multiplied by exp(spread·normal), with the spread between processes
pooled over cases of a kind (`spread_between`). The interval is the percentile interval.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from ..catalog.cases import Case
from .ratios import Estimate, student

Array = np.ndarray[Any, Any]
Samples = Mapping[int, Sequence[float]]
"""Rounds by process."""
Kind = tuple[str, str, str, int]

_RESAMPLES = 1000
_ERROR = 0.05
"""The probability that an interval misses its quantity."""
_MEDIAN_OF_CHI_SQUARED = {1: 0.4549, 2: 0.6931, 3: 0.7887, 4: 0.8392}
"""The median by degrees of freedom, over their number."""


def estimate(replicates: Array) -> Estimate:
    """The value and the 95 % percentile interval of replicates."""
    value = float(replicates[0])
    low, high = np.percentile(replicates[1:], [50 * _ERROR, 100 - 50 * _ERROR])
    return Estimate(value, min(float(low), value), max(float(high), value))


def replicates(samples: Samples, spread: float = 0.0, seed: int = 0) -> Array:
    """The median over processes of the medians over their rounds, as replicates.

    Quantities of the same processes share the draws of processes, so that effects of a process on
    all of them stay paired. `seed` gives the other draws.
    """
    arrays = [np.asarray(samples[process], dtype=np.float64) for process in sorted(samples)]
    random = np.random.default_rng(seed)
    medians = np.stack([_resampled(rounds, random) for rounds in arrays])
    smoothing = np.exp(spread * random.standard_normal((len(arrays), _RESAMPLES)))
    drawn = _drawn_processes(len(arrays))
    centres = np.median(medians[drawn, np.arange(_RESAMPLES)] * smoothing, axis=0)
    value = np.median([np.median(rounds) for rounds in arrays])
    return np.concatenate([[value], centres])


@cache
def _drawn_processes(count: int) -> Array:
    return np.random.default_rng(count).integers(0, count, (count, _RESAMPLES))


def _resampled(rounds: Array, random: np.random.Generator) -> Array:
    """Medians of rounds drawn with replacement, shape (resamples,)."""
    drawn = random.integers(0, len(rounds), (_RESAMPLES, len(rounds)))
    result: Array = np.median(rounds[drawn], axis=1)
    return result


def spread_between(cases: Iterable[Samples]) -> float:
    """The standard deviation of a process's log median, pooled over cases. 0 for single processes.

    It comes from the median of the cases' variances, which outliers do not move.
    """
    variances, freedom = [], 1
    for samples in cases:
        if len(samples) > 1:
            logs = [math.log(float(np.median(rounds))) for rounds in samples.values()]
            variances.append(float(np.var(logs, ddof=1)))
            freedom = len(samples) - 1
    if not variances:
        return 0.0
    usual = _MEDIAN_OF_CHI_SQUARED.get(freedom, 0.9)
    return math.sqrt(float(np.median(variances)) / usual)


def kind_of(case: Case) -> Kind:
    """The kind of a case: within a kind processes differ about equally."""
    return case.framework, case.device, case.mode, case.size


def spreads(samples: Mapping[Case, Samples]) -> dict[Kind, float]:
    """The spread between processes, pooled over the cases of a kind."""
    kinds: dict[Kind, list[Samples]] = {}
    for case, rounds in samples.items():
        kinds.setdefault(kind_of(case), []).append(rounds)
    return {kind: spread_between(cases) for kind, cases in kinds.items()}


def seed_of(case: Case) -> int:
    """A seed for a case, the same in every Python process."""
    return zlib.crc32(repr(case).encode())


def is_alone(samples: Samples) -> bool:
    """True for a single sample, which gives no interval."""
    return sum(map(len, samples.values())) == 1


def half_width(visits: Sequence[float]) -> float:
    """Half the 95 % Student interval of the mean of some values, as a share of the mean.

    It is infinite for fewer than two.
    """
    if len(visits) < 2:
        return math.inf
    values = np.asarray(visits, dtype=np.float64)
    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    return student(len(values) - 1, _ERROR) * error / float(values.mean())
