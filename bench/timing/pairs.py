"""Both arms of some cases timed in one process: visits, blocks, and the log ratio they give."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..catalog.cases import Case
from ..host.cpus import measuring_cpus
from ..worker.protocol import (
    ArmsFailed,
    Blocks,
    Compare,
    Pin,
)
from ..workers.process import Failed, Lost
from .processes import Epoch, key_of, of_both
from .ratios import of_blocks

_TIMEOUT = 300.0
_FEWEST = 24
"""Unspoilt blocks from which on a process has a value."""
_FEWEST_LONG = 6
"""The same where calls are so long that a visit has fewer."""
_NARROW = 0.002
"""The standard error of a process's log ratio at which its visits end."""
_MOST_VISITS = 6


@dataclass(frozen=True)
class Effort:
    """How long a case is timed in one process: visits of some blocks of two batches each.

    `visits` are those of the usual case: one that scatters gets those that another does not need.
    """

    visits: int = 4
    blocks: int = 32
    batch: float = 0.0005


@dataclass(frozen=True)
class Timed:
    """A case in one process: the median log ratio, its blocks and how many were spoilt.

    `nanoseconds` is a call of the base, the median over blocks.
    """

    log: float
    blocks: int
    spoilt: int
    nanoseconds: float


def measure(
    epoch: Epoch, cases: Sequence[Case], effort: Effort, order: str, done: Callable[[], None]
) -> dict[Case, Timed]:
    """Visit every case some times, shuffled by `order`. Without an entry: one that has no value."""
    dice = random.Random(order)
    alive = [case for case in cases if case in epoch.numbers and case not in epoch.failures]
    found: dict[Case, list[Blocks]] = {case: [] for case in alive}
    for key, worker in list(epoch.workers.items()):
        try:
            worker.ask(Pin(tuple(measuring_cpus(key.threads))), _TIMEOUT)
        except Failed as failed:
            stuck = (case for case in alive if key_of(case) == key)
            epoch.failures.update({case: of_both(failed.failure) for case in stuck})
    left = effort.visits * len(alive)
    for visit in range(max(_MOST_VISITS, effort.visits)):
        standing = list(filter(epoch.runs, alive))
        again = [c for c in standing if visit == 0 or _wants(found[c], effort, left > 0)]
        for case in dice.sample(again, len(again)):
            if epoch.runs(case):  # its process may have been lost meanwhile
                _visit(epoch, case, effort, found[case])
            left -= 1
            if visit == 0:
                done()
    return {case: _timed(found[case]) for case in alive if _are_enough(found[case], effort)}


def _are_enough(visits: Sequence[Blocks], effort: Effort) -> bool:
    """Whether a process has enough unspoilt blocks for a value; long calls need fewer."""
    long = any(len(visit.spoilt) < effort.blocks for visit in visits)
    return _kept(visits) >= (_FEWEST_LONG if long else _FEWEST)


def _wants(visits: Sequence[Blocks], effort: Effort, time_is_left: bool) -> bool:
    """Whether a case is to be visited again: it has too few blocks, or they scatter."""
    if not _are_enough(visits, effort):
        return len(visits) < _MOST_VISITS
    return time_is_left and _median_error(visits) > _NARROW


def _median_error(visits: Sequence[Blocks]) -> float:
    """The standard error of a process's median log ratio, from how its blocks scatter.

    Of a normal sample's median, with 1.48 times the median deviation for the standard deviation.
    """
    logs = np.log([other / one for one, other, _ in _blocks(visits)])
    scatter = 1.4826 * float(np.median(np.abs(logs - np.median(logs))))
    return math.sqrt(math.pi / 2 / len(logs)) * scatter


def _visit(epoch: Epoch, case: Case, effort: Effort, found: list[Blocks]) -> None:
    """Time a case once. Where its process dies of it, that is its failure alone."""
    key = key_of(case)
    request = Compare(epoch.numbers[case], effort.batch, effort.blocks, epoch.hogs)
    try:
        answer = epoch.workers[key].ask(request, _TIMEOUT)
    except Lost as lost:
        epoch.gone.add(key)
        epoch.failures[case] = epoch.blame(case) or of_both(lost.failure)
        return
    except Failed as failed:
        epoch.failures[case] = of_both(failed.failure)
        return
    if isinstance(answer, ArmsFailed):
        epoch.failures[case] = answer.failures
        epoch.gone.update({key} if answer.lost else ())
    else:
        found.append(answer)
        epoch.aside += answer.aside / 1e9


def _kept(visits: Sequence[Blocks]) -> int:
    return sum(not spoilt for visit in visits for spoilt in visit.spoilt)


def _blocks(visits: Sequence[Blocks]) -> list[tuple[float, float, float]]:
    """The unspoilt blocks: nanoseconds of both arms, and of a call of the base."""
    return [
        (one, other, one / visit.loops)
        for visit in visits
        for one, other, spoilt in zip(visit.base, visit.candidate, visit.spoilt, strict=True)
        if not spoilt
    ]


def _timed(visits: Sequence[Blocks]) -> Timed:
    base, candidate, calls = zip(*_blocks(visits), strict=True)
    blocks = sum(len(visit.spoilt) for visit in visits)
    middle = sorted(calls)[len(calls) // 2]
    return Timed(of_blocks(base, candidate), len(base), blocks - len(base), middle)
