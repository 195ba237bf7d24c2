"""The timed loops: nothing but the call and its wait lies between two readings of the clock."""

from __future__ import annotations

import statistics
from functools import cached_property
from itertools import repeat
from resource import RUSAGE_SELF, getrusage  # by name: a module that is timed may replace them
from time import perf_counter, perf_counter_ns, process_time_ns
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..host import machine
from .steps import Action

if TYPE_CHECKING:
    from ...impls._adapter import Contract

_FLUSHED = (2**27, 2**29)
"""The fewest and the most bytes that are written to empty the caches.

A cloud's nominal last level may be larger, of which a guest gets a part.
"""
_TURNS = 7
_SHARE_LOST = 0.1
"""The share of a batch's time without the CPU from which on it is spoilt."""


class Batch(NamedTuple):
    """Nanoseconds of a batch and of CPU time meanwhile, context switches and page faults."""

    elapsed: int
    busy: int
    switches: int
    faults: int


class Clock:
    """A clock for steps on one device, which waits as the framework's adapter says.

    `last` is the result of the last timed call; None where work on a device is waited for together.
    """

    def __init__(self, adapter: Contract, device: str) -> None:
        self.last: Any = None
        self._adapter = adapter
        self._on_cpu = device == "cpu"
        self._on_device = adapter.device_elapsed if device != "cpu" else None
        self._flushed: np.ndarray[Any, np.dtype[np.uint8]] | None = None

    @cached_property
    def shortest(self) -> float:
        """Seconds from which on a batch hides the wait at its end: 100 idle ones. 0 on a CPU."""
        synchronize = self._adapter.synchronize()
        if not self._on_device or not synchronize:
            return 0.0
        synchronize()
        waits = []
        for _ in range(_TURNS):
            started = perf_counter()
            synchronize()
            waits.append(perf_counter() - started)
        return 100 * statistics.median(waits)

    def elapsed(self, step: Action, loops: int) -> int:
        """Nanoseconds of `loops` calls: each waited for on a CPU, all together on a device.

        Each result is given back before the next is computed, which takes time as well.
        """
        if self._on_device:
            return int(self._on_device(step, loops))
        wait = self._adapter.wait
        started = perf_counter_ns()
        self.last = None
        for _ in repeat(None, loops - 1):
            wait(step())
        last = step()
        wait(last)
        elapsed = perf_counter_ns() - started
        self.last = last
        return elapsed

    def batch(self, step: Action, loops: int) -> Batch:
        """Time one batch, and count what the system did meanwhile."""
        before, busy = getrusage(RUSAGE_SELF), process_time_ns()
        elapsed = self.elapsed(step, loops)
        busy, after = process_time_ns() - busy, getrusage(RUSAGE_SELF)
        switches, faults = after.ru_nivcsw - before.ru_nivcsw, after.ru_minflt - before.ru_minflt
        return Batch(elapsed, busy, switches, faults)

    def spoilt(self, batch: Batch) -> bool:
        """Return whether a batch was preempted for a tenth of its time.

        A context switch alone does not count: the threads of one framework displace each other.
        Work on a device is not affected by who has the CPU.
        """
        lost = batch.busy < (1 - _SHARE_LOST) * batch.elapsed
        return self._on_cpu and batch.switches > 0 and lost

    def had(self, batch: Batch) -> int:
        """The nanoseconds that a batch had: of one that is spoilt its CPU time."""
        return batch.busy if self.spoilt(batch) else batch.elapsed

    def cold(self, step: Action, loops: int) -> Batch:
        """Time one batch of calls that find nothing in any cache: it is emptied before each."""
        calls = []
        for _ in repeat(None, loops):
            self._flush()
            calls.append(self.batch(step, 1))
        return Batch(*map(sum, zip(*calls, strict=True)))

    def _flush(self) -> None:
        """Write to twice the memory that any cache holds, in a tenth of a second or so."""
        if self._flushed is None:
            largest = max(machine.cache_bytes().values(), default=0)
            least, most = _FLUSHED
            self._flushed = np.zeros(min(max(least, 2 * largest), most), dtype=np.uint8)
        self._flushed += 1

    def ratio(self, above: Action, below: Action, batch: float) -> float:
        """The median of the ratios of two steps' times, timed in turn for about `batch` seconds."""
        loops = [max(1, round(batch * 1e9 / self.elapsed(step, 1))) for step in (above, below)]
        ratios = []
        for _ in range(_TURNS):
            top, bottom = (
                self.elapsed(step, count) / count
                for step, count in zip((above, below), loops, strict=True)
            )
            ratios.append(top / bottom)
        return statistics.median(ratios)
