"""Two versions of a framework's forms in one process, timed in turn on the same buffers."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from . import trees
from .operations import Recompiled, Worker
from .planted import planted

ARMS = ("base", "candidate")
_ORDERS = (ARMS, ARMS[::-1])
"""Of the blocks in turn, which makes ABBA of two: a drift is even in both arms."""
_SHARE_LOST = 0.1
"""A batch is spoilt if somebody else had the CPU for so much of it."""
_READINGS = 25
_SETTLING = 0.0002
"""Seconds of calls after a hog was woken or stopped, which disturbs by itself, in either arm."""


class Pair:
    """The base and the candidate; a module that cannot be loaded is told in `describe`.

    Both use the same inputs, and results go where the allocator puts them: to the memory that the
    last one left.
    """

    def __init__(
        self, folders: dict[str, str], framework: str, own: str, device: str, threads: int
    ) -> None:
        """Load `impls.<framework>`, or the user's `own` function, from a folder an arm.

        In the order in which the folders are given: where code lies in memory may depend on it.
        """
        self._arms: dict[str, Worker] = {}
        failed: dict[str, Exception] = {}
        for arm, folder in folders.items():
            try:
                self._arms[arm] = Worker(_load(arm, folder, framework, own), device, threads)
            except Exception as error:
                failed[arm] = error
        if not self._arms:
            _raise_missing(failed.values())
        self._down = {arm: _explained(error) for arm, error in failed.items()}
        if not self._down:
            self._arms["candidate"].share_inputs(self._arms["base"])
        self._planted: dict[int, dict[str, Callable[[], Any]]] = {}

    def describe(self) -> dict[str, Any]:
        """As a worker's, and `down`: which arms cannot be loaded, and why."""
        for worker in (self._arms[arm] for arm in ARMS if arm in self._arms):
            return {**worker.describe(), "down": self._down}
        return {"versions": {}, "pid": os.getpid(), "down": self._down}

    def pin(self, cpus: list[int]) -> dict[str, Any]:
        """Confine every thread of this process to the given CPUs."""
        for thread in os.listdir("/proc/self/task"):
            os.sched_setaffinity(int(thread), cpus)
        return {}

    def prepare(self, arm: str, number: int, **request: Any) -> dict[str, Any]:
        """Prepare a case in one arm, as `Worker.prepare`."""
        return self._arms[arm].prepare(number, **request)

    def plant(self, number: int, kind: str, share: float) -> dict[str, Any]:
        """Make the candidate of a prepared case slower by a share of its time, for a test.

        Both arms are wrapped alike, and then differ by that alone.
        """
        steps = {arm: self._steps(number)[arm] for arm in ARMS}
        worker = self._arms["base"]
        seconds = {"base": 0.0, "candidate": 0.0}
        plain = planted(steps["base"], worker.wait, kind, 0.0)
        seconds["candidate"] = share * min(worker.seconds(plain) for _ in range(_READINGS))
        self._planted[number] = {
            arm: planted(steps[arm], worker.wait, kind, seconds[arm]) for arm in ARMS
        }
        return {"seconds": seconds["candidate"]}

    def compare(
        self, number: int, batch: float, blocks: int, hogs: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Time both arms of a prepared case in blocks of two batches of about `batch` seconds.

        Answers lists with an entry a block: nanoseconds of the batch of `base` and of `candidate`,
        and whether either was `spoilt`: preempted for a tenth of its time.
        `hogs` are processes (`pids`) that run in the time of one `arm` alone, for a test.
        Raises Recompiled where something was compiled meanwhile.
        """
        steps, worker = self._steps(number), self._arms["base"]
        seconds = max(self._arms[arm].prepared_seconds(number) for arm in ARMS)
        loops = max(1, round(max(batch, worker.clock.shortest) / max(seconds, 1e-9)))
        compilations = worker.compilations()
        found: dict[str, list[Any]] = {"base": [], "candidate": [], "spoilt": []}
        for block in range(blocks):
            spoilt = False
            for arm in _ORDERS[block % 2]:
                with self._hogs(hogs, arm, steps[arm]):
                    if loops > 1:  # what ran last has left the caches to itself
                        worker.clock.elapsed(steps[arm], max(1, loops // 8))
                    taken = worker.clock.batch(steps[arm], loops)
                found[arm].append(taken["elapsed"])
                lost = taken["busy"] < (1 - _SHARE_LOST) * taken["elapsed"]
                spoilt = spoilt or (taken["switches"] > 0 and lost)
            found["spoilt"].append(spoilt)
        if worker.compilations() != compilations:
            raise Recompiled("compiled again inside a timed region")
        return {"loops": loops, **found}

    def evaluate(self, arm: str, **request: Any) -> dict[str, Any]:
        """The outputs of one arm, as `Worker.evaluate`."""
        return self._arms[arm].evaluate(**request)

    def _steps(self, number: int) -> dict[str, Callable[[], Any]]:
        return self._planted.get(number) or {
            arm: self._arms[arm].prepared_step(number) for arm in ARMS
        }

    @contextmanager
    def _hogs(
        self, hogs: dict[str, Any] | None, arm: str, step: Callable[[], Any]
    ) -> Iterator[None]:
        """Let some processes run meanwhile, if it is their arm's time; untimed until they do."""
        pids = hogs["pids"] if hogs and hogs["arm"] == arm else ()
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        if hogs:
            self._arms[arm].seconds(step, _SETTLING)
        yield
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)


def _load(arm: str, folder: str, framework: str, own: str) -> ModuleType | Any:
    if own:
        return trees.own(folder, own, framework)
    return trees.implementation(folder, f"impls_of_{arm}", framework)


def _raise_missing(failed: Iterable[Exception]) -> None:
    """Where both arms miss the framework, or the device, it is no fault of either."""
    for error in failed:
        missing = isinstance(error, ModuleNotFoundError)
        if missing and not (error.name or "").startswith("impls_of_"):
            raise error
        if type(error).__name__ == "Unsupported":
            raise error


def _explained(error: Exception) -> dict[str, Any]:
    from .__main__ import explain

    return explain(error)
