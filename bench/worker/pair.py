"""Two versions of a framework's forms in one process, timed in turn on the same buffers.

Or one of the two, where the other needs a process of its own (`bench.timing.apart`).
"""

from __future__ import annotations

import os
import signal
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from . import trees
from .operations import Recompiled, Worker, confine
from .planted import planted

ARMS = ("base", "candidate")
_ORDERS = (ARMS, ARMS[::-1])
"""Of the blocks in turn, which makes ABBA of two: a drift is even in both arms."""
_SHARE_LOST = 0.1
"""A batch is spoilt if somebody else had the CPU for so much of it."""
_VISIT = 0.15
_FEWEST = 6
"""Seconds that one arm may take in a visit, where that leaves so many blocks."""
_READINGS = 25
_SETTLING = 0.0002
"""Seconds of calls after a hog was woken or stopped, which disturbs by itself, in either arm."""


class Pair:
    """The base and the candidate, or one of them; `describe` tells a module that does not load.

    Both use the same inputs, and results go where the allocator puts them: to the memory that the
    last one left.
    """

    def __init__(
        self, folders: dict[str, str], framework: str, own: str, device: str, threads: int
    ) -> None:
        """Load `impls.<framework>`, or the user's `own` function, from a folder an arm.

        In the order in which the folders are given: where code lies in memory may depend on it.
        """
        self._on_cpu = device == "cpu"
        self._arms: dict[str, Worker] = {}
        failed: dict[str, BaseException] = {}
        modules: dict[str, Any] = {}
        for arm, folder in folders.items():
            with _keeping(failed, arm):
                modules[arm] = _load(arm, folder, framework, own)
        for arm in filter(modules.get, ARMS):  # what can be set once a process, the base sets
            with _keeping(failed, arm):
                self._arms[arm] = Worker(modules[arm], device, threads)
        if not self._arms:
            _raise_missing(failed.values())
        self._down = {arm: _explained(error) for arm, error in failed.items()}
        if len(self._arms) == len(ARMS):
            self._arms["candidate"].share_memory(self._arms["base"])
        self._planted: dict[int, dict[str, Callable[[], Any]]] = {}
        self._aside = 0

    def describe(self) -> dict[str, Any]:
        """As a worker's, and `down`: which arms cannot be loaded, and why."""
        for worker in (self._arms[arm] for arm in ARMS if arm in self._arms):
            return {**worker.describe(), "down": self._down}
        return {"versions": {}, "pid": os.getpid(), "down": self._down}

    def pin(self, cpus: list[int]) -> dict[str, Any]:
        """Confine every thread of this process to the given CPUs."""
        return confine(cpus)

    def prepare(self, arm: str, number: int, **request: Any) -> dict[str, Any]:
        """Prepare a case in one arm, as `Worker.prepare`."""
        return self._arms[arm].prepare(number, **request)

    def plant(self, number: int, kind: str, share: float) -> dict[str, Any]:
        """Make the candidate of a prepared case slower by a share of its time, for a test.

        Both arms are wrapped alike, and then differ by that alone.
        """
        steps, worker = self._steps(number), self._first
        seconds = {"base": 0.0, "candidate": 0.0}
        plain = planted(next(iter(steps.values())), worker.wait, kind, 0.0)
        usual = statistics.median(worker.seconds(plain) for _ in range(_READINGS))
        seconds["candidate"] = share * usual
        self._planted[number] = {
            arm: planted(step, worker.wait, kind, seconds[arm]) for arm, step in steps.items()
        }
        return {"seconds": seconds["candidate"]}

    def compare(
        self, number: int, batch: float, blocks: int, hogs: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Time both arms of a prepared case in blocks of two batches of about `batch` seconds.

        Answers lists with an entry a block: nanoseconds of the batch of `base` and of `candidate`,
        and whether either was `spoilt`: preempted for a tenth of its time.
        `hogs` are processes (`pids`) that run in the time of one `arm` alone, for a test; `aside`
        has the nanoseconds that waking and stopping them took.
        Of long calls there are fewer blocks. Where an arm fails, or compiles something meanwhile,
        it answers the `failures` by arm.
        """
        steps, loops = self._steps(number), self.loops(number, batch)["loops"]
        count = min(blocks, max(_FEWEST, round(_VISIT / self._seconds(number, loops))))
        found: dict[str, list[Any]] = {"base": [], "candidate": [], "spoilt": []}
        self._aside = 0
        for block in range(count):
            spoilt = False
            for arm in _ORDERS[block % 2]:
                try:
                    with self._nothing_compiled(), self._hogs(hogs, arm, steps[arm]):
                        self._warm(steps[arm], loops)
                        elapsed, lost = self._batch(steps[arm], loops)
                except Exception as error:
                    return {"failures": self._failures(arm, error, steps, loops)}
                found[arm].append(elapsed)
                spoilt = spoilt or lost
            found["spoilt"].append(spoilt)
        return {"loops": loops, "aside": self._aside, **found}

    def _failures(
        self, arm: str, error: Exception, steps: dict[str, Callable[[], Any]], loops: int
    ) -> dict[str, Any]:
        """What an arm failed of, and the other one, which is tried, if it fails too."""
        found = {arm: _explained(error)}
        [other] = set(steps) - {arm}
        try:
            with self._nothing_compiled():
                self._warm(steps[other], loops)
                self._batch(steps[other], loops)
        except Exception as another:
            found[other] = _explained(another)
        return found

    def loops(self, number: int, batch: float) -> dict[str, int]:
        """The calls of a prepared case, whichever arm is slower, that fill `batch` seconds."""
        batch = max(batch, self._first.clock.shortest)
        return {"loops": max(1, round(batch / self._seconds(number, 1)))}

    def _seconds(self, number: int, loops: int) -> float:
        """What so many calls are thought to take, in the slower arm."""
        slower = max(worker.prepared_seconds(number) for worker in self._arms.values())
        return loops * max(slower, 1e-9)

    def turn(self, arm: str, number: int, loops: int, batches: int) -> dict[str, Any]:
        """Time some batches of one arm, after another process had the CPU.

        Answers lists with an entry a batch: its nanoseconds (`elapsed`), and whether it was
        `spoilt`. Raises Recompiled where something was compiled meanwhile.
        """
        step = self._steps(number)[arm]
        with self._nothing_compiled():
            self._warm(step, 2 * loops)
            taken = [self._batch(step, loops) for _ in range(batches)]
        return {"elapsed": [each for each, _ in taken], "spoilt": [lost for _, lost in taken]}

    def _warm(self, step: Callable[[], Any], loops: int) -> None:
        """An eighth of a batch, untimed: what ran last has left the caches to itself."""
        if loops > 1:
            self._first.clock.elapsed(step, max(1, loops // 8))

    def _batch(self, step: Callable[[], Any], loops: int) -> tuple[int, bool]:
        """The nanoseconds of a batch, and whether it was preempted for a tenth of them.

        What runs on a device does not mind who has the CPU.
        """
        taken = self._first.clock.batch(step, loops)
        lost = taken["busy"] < (1 - _SHARE_LOST) * taken["elapsed"]
        return taken["elapsed"], self._on_cpu and taken["switches"] > 0 and lost

    @contextmanager
    def _nothing_compiled(self) -> Iterator[None]:
        before = self._first.compilations()
        yield
        if self._first.compilations() != before:
            raise Recompiled("compiled again inside a timed region")

    @property
    def _first(self) -> Worker:
        return next(iter(self._arms.values()))

    def evaluate(self, arm: str, **request: Any) -> dict[str, Any]:
        """The outputs of one arm, as `Worker.evaluate`."""
        return self._arms[arm].evaluate(**request)

    def _steps(self, number: int) -> dict[str, Callable[[], Any]]:
        return self._planted.get(number) or {
            arm: worker.prepared_step(number) for arm, worker in self._arms.items()
        }

    @contextmanager
    def _hogs(
        self, hogs: dict[str, Any] | None, arm: str, step: Callable[[], Any]
    ) -> Iterator[None]:
        """Let some processes run meanwhile, if it is their arm's time; untimed until they do."""
        if not hogs:
            yield
            return
        pids = hogs["pids"] if hogs["arm"] == arm else ()
        with self._set_aside():
            _signal(pids, signal.SIGCONT)
            self._arms[arm].seconds(step, _SETTLING)
        try:
            yield
        finally:
            with self._set_aside():
                _signal(pids, signal.SIGSTOP)

    @contextmanager
    def _set_aside(self) -> Iterator[None]:
        """Count what this takes as the test's own time, not the comparison's."""
        started = time.perf_counter_ns()
        yield
        self._aside += time.perf_counter_ns() - started


def _signal(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        os.kill(pid, number)


def _load(arm: str, folder: str, framework: str, own: str) -> ModuleType | Any:
    if own:
        return trees.own(folder, own, framework)
    return trees.implementation(folder, f"impls_of_{arm}", framework)


def _raise_missing(failed: Iterable[BaseException]) -> None:
    """Where both arms miss the framework, or the device, it is no fault of either."""
    for error in failed:
        missing = isinstance(error, ModuleNotFoundError)
        if missing and not (error.name or "").startswith("impls_of_"):
            raise error
        if type(error).__name__ == "Unsupported":
            raise error


def _explained(error: BaseException) -> dict[str, Any]:
    from .__main__ import explain

    return explain(error)


@contextmanager
def _keeping(failed: dict[str, BaseException], arm: str) -> Iterator[None]:
    try:
        yield
    except (Exception, SystemExit) as error:
        failed[arm] = error
