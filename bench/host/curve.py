"""The time of a copy over its size, on the CPU that cases are timed on.

The copy changes the sign: memcpy bypasses the caches from a size on that depends on what the system
reports.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import limits
from .cpus import measuring_cpus

Array = np.ndarray[Any, np.dtype[np.float32]]

_SMALLEST, _LARGEST = 2**14, 2**30
_NOTHING = 2**11
"""The set whose copy is little more than a call; its time is subtracted from the others."""
_SHARE_OF_MEMORY = 8
_LOOPS, _CALL = 128, 4096
"""The calls of a batch on next to nothing; an element count that takes about as long as a call."""
_LARGE = 2**26
"""The bytes of a buffer so large that no cache holds it, whatever was called before."""
_IN_ALL = 0.7
"""The seconds of all measurements together."""
_BATCHES, _FEWEST = 12, 2
"""The batches of a size in a pass over all sizes, and the fewest passes."""


@dataclass(frozen=True)
class Copied:
    """A copy's ns per byte, for a working set of so many `bytes`: the input and the output."""

    bytes: int
    nanoseconds: float


def affordable() -> int:
    """The bytes that may be taken at a time: an eighth of the free memory, at most 1 GiB."""
    return min(limits.available_memory() // _SHARE_OF_MEMORY, _LARGEST)


def measured(largest: int) -> list[Copied]:
    """The curve up to so many bytes, as far as memory allows: two points per octave.

    Each point is the least time of several passes over all sizes, less that of a call on next to
    nothing: whatever else slows the machine in one pass is gone in another.
    """
    with _one_cpu():
        source, target = (np.ones(min(largest, affordable()) // 8, np.float32) for _ in range(2))
        sets, least = list(_sets(8 * source.size)), dict[int, float]()
        deadline, passes = time.perf_counter() + _IN_ALL, 0
        while passes < _FEWEST or time.perf_counter() < deadline:
            for size in (_NOTHING, *sets):
                taken = _least(source[: size // 8], target[: size // 8])
                least[size] = min(taken, least.get(size, taken))
            passes += 1
    call = least.pop(_NOTHING)
    return [
        Copied(size, max(seconds - call, 0.0) / (size - _NOTHING) * 1e9)
        for size, seconds in least.items()
    ]


def _least(source: Array, target: Array) -> float:
    """The least seconds of a copy over some batches, after a call that loads the set."""
    loops = max(1, _LOOPS // (1 + source.size // _CALL))
    if source.nbytes < _LARGE:
        _seconds(source, target, 1)
    return min(_seconds(source, target, loops) for _ in range(_BATCHES if loops > 1 else 1))


def _sets(largest: int) -> Iterator[int]:
    size = _SMALLEST
    while size <= largest:
        yield from (elements for elements in (size, size * 11 // 8) if elements <= largest)
        size *= 2


def _seconds(source: Array, target: Array, loops: int) -> float:
    """The CPU time of a copy: on a busy machine a long copy is never left undisturbed."""
    started = time.thread_time()
    for _ in range(loops):
        np.negative(source, out=target)
    return (time.thread_time() - started) / loops


@contextmanager
def _one_cpu() -> Iterator[None]:
    """Stay on the CPU that is measured on, where the system lets a thread choose it."""
    before = os.sched_getaffinity(0)
    with suppress(OSError):
        os.sched_setaffinity(0, measuring_cpus(1))
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, before)
