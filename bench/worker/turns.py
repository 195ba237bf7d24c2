"""Blocks of batches taken in turn: the one way in which two steps are compared.

Two steps in one process, batches of half a millisecond a few milliseconds apart: whatever slows the
process or the machine down hits both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from .clock import Batch, Clock
from .steps import Action

Name = TypeVar("Name")


def in_turn(
    arms: Sequence[Name], blocks: int, batch: Callable[[Name], Batch]
) -> Iterator[dict[Name, Batch]]:
    """Blocks of one batch per arm, in the order ABBA of two: a drift is even in both arms."""
    for block in range(blocks):
        yield {arm: batch(arm) for arm in (arms[::-1] if block % 2 else arms)}


def warm(clock: Clock, step: Action, loops: int) -> None:
    """Call a step for an eighth of a batch, untimed: what ran last has left the caches to itself.

    Calls as long as a batch do not need it.
    """
    if loops > 1:
        clock.elapsed(step, max(1, loops // 8))


def fitting(blocks: int, seconds: float, visit: float, fewest: int) -> int:
    """The even number of blocks of so many seconds that fit a visit, at most those wanted."""
    fit = round(visit / max(seconds, 1e-9))
    return min(blocks, max(fewest, fit - fit % 2))
