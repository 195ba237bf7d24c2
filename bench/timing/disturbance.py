"""Visits that something else slowed down, as the unit of cost shows.

A load on the other virtual CPU of a core, even another guest's, makes calls take up to twice as
long, short and long ones unevenly, for milliseconds or for minutes. No counter of a guest shows it.
But the unit is timed in every visit: where it is slow, so is the case.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..catalog.cases import Case
from ..results.facts import Rate
from ..results.samples import Paired
from .costs import pace, unit_case, unit_times

_SLOWER = 1.25
"""The time of a unit over its least one from which on a visit counts as disturbed.

Undisturbed processes differ by less: byte-identical code by up to 16 %, through its place in
memory.
"""


class Paces:
    """The least time of each unit that was seen so far, in ns."""

    def __init__(self, samples: Iterable[Paired] = ()) -> None:
        self._least: dict[Case, float] = {}
        for sample in samples:
            self.see(sample)

    def see(self, sample: Paired) -> None:
        """Record a visit."""
        if sample.unit:
            unit = unit_case(sample.case, sample.unit)
            time = pace(unit_times(sample))
            self._least[unit] = min(time, self._least.get(unit, time))

    def disturbed(self, sample: Paired) -> bool:
        """The share of disturbed visits, counting the calmest one per case and process."""
        unit = unit_case(sample.case, sample.unit)
        least = self._least.get(unit)
        return least is not None and pace(unit_times(sample)) > _SLOWER * least


def disturbed(samples: Sequence[Paired]) -> Rate:
    """The share of disturbed visits, of a case in a process the calmest."""
    paces = Paces(samples)
    calmest: dict[tuple[Case, int], bool] = {}
    for sample in samples:
        key = sample.case, sample.process
        calmest[key] = calmest.get(key, True) and paces.disturbed(sample)
    return Rate.counted(sum(calmest.values()), len(calmest))
