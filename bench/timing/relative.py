"""Costs of cases over their units, from the samples of a run: one ratio with interval per case.

The samples of a run are times per process, which are resampled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ..catalog.cases import Case
from .bootstrap import Samples, estimate, is_alone, kind_of, replicates, seed_of, spreads
from .ratios import Estimate


def relative_costs(
    samples: Mapping[Case, Samples],
    unit_of: Callable[[Case], Case],
    seed: Callable[[Case], int] = seed_of,
) -> dict[Case, Estimate]:
    """The times of cases over their units', where one process measured both.

    A single sample of either leaves the error unknown. `seed` gives the seed of a case's interval.
    """
    units = {case: samples.get(unit_of(case), {}) for case in samples}
    beside = {case: unit for case, unit in units.items() if unit.keys() & samples[case].keys()}
    others = {case: unit for case, unit in beside.items() if unit_of(case) != case}
    spread = spreads({case: _quotients(samples[case], others.get(case, {})) for case in samples})
    costs = {}
    for case, unit in beside.items():
        cost = Estimate(1.0, 1.0, 1.0)
        if case in others:
            cost = over(samples[case], unit, spread[kind_of(case)], seed(case))
        alone = is_alone(samples[case]) or is_alone(unit)
        costs[case] = Estimate(cost.value) if alone else cost
    return costs


def _quotients(above: Samples, below: Samples) -> Samples:
    """A case's time over its unit's by process: effects on both cancel."""
    return {
        process: [float(np.median(rounds) / np.median(below[process]))]
        for process, rounds in above.items()
        if process in below
    }


def over(above: Samples, below: Samples, spread: float = 0.0, seed: int = 0) -> Estimate:
    """The ratio of two medians over the processes that measured both.

    `spread` is the ratio's between processes, which is less than that of either time where
    a process shifts both alike. Raises ValueError where no process measured both.
    """
    shared = above.keys() & below.keys()
    if not shared:
        raise ValueError("no process measured both")
    top, bottom = ({process: side[process] for process in shared} for side in (above, below))
    quotient = replicates(top, spread, seed) / replicates(bottom, seed=seed + 1)
    paired = np.median(
        [np.median(above[process]) / np.median(below[process]) for process in shared]
    )
    return estimate(np.concatenate([[paired], quotient[1:]]))
