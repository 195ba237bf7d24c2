"""Both arms of some cases timed in one process: visits, blocks, and their log ratio."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..catalog.cases import Case
from ..host.cpus import measuring_cpus
from ..worker.protocol import ARMS, Arm, ArmsFailed, Blocks, Compare, Confirm, Failure, InArm, Pin
from ..workers.process import Failed, Lost
from .processes import Epoch, key_of, of_both
from .ratios import of_blocks

_TIMEOUT = 300.0
_FEWEST = 24
"""The least number of unspoilt blocks that give a process a value."""
_FEWEST_LONG = 6
"""The least number of unspoilt blocks for calls so long that a visit has fewer blocks."""
_NARROW = 0.002
"""The standard error of a process's log ratio at which its visits end."""
_MOST_VISITS = 6


@dataclass(frozen=True)
class Effort:
    """The effort for a case in one process: visits of some blocks, which are pairs of batches.

    `visits` are those of a usual case: a case with scatter gets those that others do not need.
    """

    visits: int = 4
    blocks: int = 32
    batch: float = 0.0005


@dataclass(frozen=True)
class Timed:
    """A case in one process: the median log ratio, its blocks and the number of spoilt ones.

    `nanoseconds` is the time of a call of the base, the median over blocks.
    """

    log: float
    blocks: int
    spoilt: int
    nanoseconds: float


def measure(
    epoch: Epoch, cases: Sequence[Case], effort: Effort, order: str, done: Callable[[], None]
) -> dict[Case, Timed]:
    """Visit every case some times, shuffled by `order`. A case without a value has no entry."""
    dice = random.Random(order)
    alive = [case for case in cases if case in epoch.numbers and case not in epoch.failures]
    visits: dict[Case, list[Blocks]] = {case: [] for case in alive}
    for key, worker in list(epoch.workers.items()):
        try:
            worker.ask(Pin(tuple(measuring_cpus(key.threads))), _TIMEOUT)
        except Failed as failed:
            stuck = (case for case in alive if key_of(case) == key)
            epoch.failures.update({case: of_both(failed.failure) for case in stuck})
    left = effort.visits * len(alive)
    for visit in range(max(_MOST_VISITS, effort.visits)):
        again = [
            case
            for case in filter(epoch.runs, alive)
            if visit == 0 or _wants(visits[case], effort, left > 0)
        ]
        for case in dice.sample(again, len(again)):
            if epoch.runs(case):  # its process may have been lost meanwhile
                _visit(epoch, case, effort, visits[case])
            left -= 1
            if visit == 0:
                done()
    for case in filter(epoch.runs, alive):
        _confirm(epoch, case)
    return {
        case: _timed(of_case, effort)
        for case, of_case in visits.items()
        if of_case and case not in epoch.failures
    }


def _are_enough(visits: Sequence[Blocks], effort: Effort) -> bool:
    """Return whether a process has enough unspoilt blocks; long calls need fewer."""
    long = any(len(visit.spoilt) < effort.blocks for visit in visits)
    return _kept(visits) >= (_FEWEST_LONG if long else _FEWEST)


def _wants(visits: Sequence[Blocks], effort: Effort, time_is_left: bool) -> bool:
    """Return whether a case needs another visit: it has too few blocks, or they scatter."""
    if not _are_enough(visits, effort):
        return len(visits) < _MOST_VISITS
    return time_is_left and _median_error(visits) > _NARROW


def _median_error(visits: Sequence[Blocks]) -> float:
    """The standard error of a process's median log ratio, from the scatter of its blocks.

    It is that of the median of a normal sample whose standard deviation is 1.48 times the median
    deviation.
    """
    logs = np.log([candidate / base for base, candidate, _ in _blocks(visits, clean=True)])
    scatter = 1.4826 * float(np.median(np.abs(logs - np.median(logs))))
    return math.sqrt(math.pi / 2 / len(logs)) * scatter


def _visit(epoch: Epoch, case: Case, effort: Effort, visits: list[Blocks]) -> None:
    """Time a case once. If it kills its process, only this case fails."""
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
        visits.append(answer)
        epoch.aside += answer.aside / 1e9


def _confirm(epoch: Epoch, case: Case) -> None:
    """Check both arms of a case that was timed: an arm that does not do its work has no value."""
    failures: dict[Arm, Failure] = {}
    for arm in ARMS:
        try:
            epoch.workers[key_of(case)].ask(InArm(arm, Confirm(epoch.numbers[case])), _TIMEOUT)
        except Failed as failed:
            failures[arm] = failed.failure
            if isinstance(failed, Lost):
                epoch.gone.add(key_of(case))
                break
    if failures:
        epoch.failures[case] = failures


def _kept(visits: Sequence[Blocks]) -> int:
    return sum(not spoilt for visit in visits for spoilt in visit.spoilt)


def _blocks(visits: Sequence[Blocks], clean: bool) -> list[tuple[float, float, float]]:
    """The unspoilt blocks, or all of them: nanoseconds of both arms, and of a call of the base."""
    return [
        (base, candidate, base / visit.loops)
        for visit in visits
        for base, candidate, spoilt in zip(visit.base, visit.candidate, visit.spoilt, strict=True)
        if not (clean and spoilt)
    ]


def _timed(visits: Sequence[Blocks], effort: Effort) -> Timed:
    """The value of a process: from the unspoilt blocks, or from all where those are too few.

    Their CPU time is used, so that other programs may take the CPU at any time.
    """
    blocks_kept = _blocks(visits, clean=_are_enough(visits, effort))
    base, candidate, calls = zip(*blocks_kept, strict=True)
    blocks = sum(len(visit.spoilt) for visit in visits)
    middle = sorted(calls)[len(calls) // 2]
    return Timed(of_blocks(base, candidate), len(base), blocks - len(base), middle)
