"""Medians with intervals by a hierarchical bootstrap over processes and their rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_RESAMPLES = 1000
_LEVEL = 95.0


@dataclass(frozen=True)
class Estimate:
    """A value with the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def scaled(self, factor: float) -> Estimate:
        """The estimate of a positive multiple."""
        return Estimate(self.value * factor, self.low * factor, self.high * factor)

    def inverse(self, factor: float) -> Estimate:
        """The estimate of `factor` over the quantity."""
        return Estimate(factor / self.value, factor / self.high, factor / self.low)


def median(samples: Mapping[int, Sequence[float]], seed: int = 0) -> Estimate:
    """The median over processes of each process's median over its rounds.

    `samples` maps a process to its rounds. Resampling draws processes with replacement, then
    rounds within each (Davison, Hinkley 1997, Bootstrap Methods and their Application, 3.8); the
    interval is the percentile interval.
    """
    random = np.random.default_rng(seed)
    arrays = [np.asarray(rounds, dtype=np.float64) for rounds in samples.values()]
    medians = np.stack([_resampled(rounds, random) for rounds in arrays])
    value = float(np.median([np.median(rounds) for rounds in arrays]))
    return _estimate(value, medians, random)


def ratio(
    above: Mapping[int, Sequence[float]], below: Mapping[int, Sequence[float]], seed: int = 0
) -> Estimate:
    """The median over processes of the ratio of two medians taken in the same process.

    Both map a process to its rounds; processes that only one of them has are left out.
    Raises ValueError if none is left.
    """
    random = np.random.default_rng(seed)
    shared = [process for process in above if process in below]
    if not shared:
        raise ValueError("no process measured both")
    pairs = [(np.asarray(above[p], float), np.asarray(below[p], float)) for p in shared]
    ratios = np.stack([_resampled(a, random) / _resampled(b, random) for a, b in pairs])
    value = float(np.median([np.median(a) / np.median(b) for a, b in pairs]))
    return _estimate(value, ratios, random)


def _resampled(rounds: Array, random: np.random.Generator) -> Array:
    """Medians of rounds drawn with replacement, shape (resamples,)."""
    drawn = random.integers(0, len(rounds), (_RESAMPLES, len(rounds)))
    result: Array = np.median(rounds[drawn], axis=1)
    return result


def _estimate(value: float, by_process: Array, random: np.random.Generator) -> Estimate:
    """The interval over processes drawn again; `by_process` has shape (processes, resamples)."""
    processes = len(by_process)
    drawn = random.integers(0, processes, (processes, _RESAMPLES))
    centres = np.median(by_process[drawn, np.arange(_RESAMPLES)], axis=0)
    low, high = np.percentile(centres, [(100 - _LEVEL) / 2, (100 + _LEVEL) / 2])
    return Estimate(value, min(float(low), value), max(float(high), value))
