"""Cases prepared side by side, one worker per framework, by as many processes as there are CPUs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Lock

from ..catalog.cases import Case
from ..catalog.frameworks import frameworks
from ..host.cpus import available_cpus
from ..workers.supervised import SupervisedWorker, Workers

Prepare = Callable[[SupervisedWorker, Case], None]
_WORTH = 8
"""The least number of cases left to compile for which another process is started."""


class Preparing:
    """The preparation of the cases of several workers.

    Cases that compile come first. Where fewer workers are busy than there are CPUs, a second
    process of a framework compiles from the other end, so that the first finds those in the compile
    cache.
    """

    def __init__(
        self,
        workers: Workers,
        cases: Mapping[SupervisedWorker, Sequence[Case]],
        prepare: Prepare,
    ) -> None:
        """Plan to prepare `cases`; `workers` ends the second processes that this starts."""
        self._workers, self._prepare, self._lock = workers, prepare, Lock()
        self._busy = set(cases)
        self._helped: set[SupervisedWorker] = set()
        self._compiling = {worker: list(filter(compiles, own)) for worker, own in cases.items()}
        self._others = {
            worker: [case for case in own if not compiles(case)] for worker, own in cases.items()
        }

    def work(self, worker: SupervisedWorker, done: Callable[[], None]) -> None:
        """Prepare the cases of a worker."""
        left = self._compiling.get(worker, [])
        for case in [*left, *self._others.get(worker, ())]:
            with self._lock:
                if case in left:
                    left.remove(case)
            self._prepare(worker, case)
            done()

    def help(self, worker: SupervisedWorker) -> None:
        """Compile what another worker has left, once this one is done."""
        with self._lock:
            self._busy.discard(worker)
            wanting = [
                other
                for other in self._busy - self._helped
                if len(self._compiling[other]) >= _WORTH and not other.closed
            ]
            if not wanting or len(self._busy) >= len(available_cpus()):
                return
            other = max(wanting, key=lambda worker: len(self._compiling[worker]))
            self._helped.add(other)
            beside = other.beside()
            beside.include(self._compiling[other])
        self._workers.add([beside])
        try:
            beside.start()
            while (case := self._last_of(other)) and not other.closed:
                self._prepare(beside, case)
        finally:
            beside.close()

    def _last_of(self, worker: SupervisedWorker) -> Case | None:
        """Take the last case that nobody is compiling."""
        with self._lock:
            left = self._compiling[worker]
            return left.pop() if left else None


def compiles(case: Case) -> bool:
    """Return whether the code of a case is compiled in its process."""
    return case.mode in frameworks()[case.framework].compiles
