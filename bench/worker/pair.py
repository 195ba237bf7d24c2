"""Two versions of a framework's forms in one process, timed in turn on the same buffers.

Or one of the two, where the other needs a process of its own (`bench.timing.apart`).
"""

from __future__ import annotations

import os
import platform
import signal
import statistics
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ..catalog import plugins
from . import trees
from .clock import Batch
from .operations import Recompiled, Worker
from .planted import planted
from .protocol import (
    ARMS,
    Answer,
    Arm,
    ArmsFailed,
    Blocks,
    Compare,
    Failure,
    Hogs,
    InArm,
    Loops,
    Operations,
    Plant,
    Start,
    Started,
    TakeTurn,
    Turn,
)
from .serving import failure_of, missing
from .steps import Action
from .turns import fitting, in_turn, warm

_VISIT = 0.15
_FEWEST = 6
"""The seconds that one arm may take in a visit, if that leaves so many blocks."""
READINGS = 25
"""Readings of a call's time, of which the median is what a plant is a share of."""
_SETTLING = 0.0002
"""Seconds of calls after a hog was woken or stopped, which disturbs by itself, in either arm."""


class Pair:
    """The base and the candidate, or one of them; `describe` says which could not be loaded.

    Both use the same inputs, and results go where the allocator puts them: to the memory that the
    last one left.
    """

    def __init__(self, start: Start) -> None:
        """Load `impls.<framework>` from a folder per arm, or the user's `own` function from one.

        In the order in which the folders are given: where code lies in memory may depend on it.
        """
        self._arms: dict[Arm, Worker] = {}
        failed: dict[Arm, BaseException] = {}
        modules: dict[Arm, Any] = {}
        for arm, folder in start.folders.items():
            with _keeping(failed, arm):
                modules[arm] = _load(arm, folder, start)
        for arm in filter(modules.get, ARMS):  # what can be set once per process, the base sets
            with _keeping(failed, arm):
                self._arms[arm] = Worker(modules[arm], start.device, start.threads)
        if not self._arms:
            _raise_missing(failed.values())
        self._down = {arm: missing(start.framework, error) for arm, error in failed.items()}
        if len(self._arms) == len(ARMS):
            self._arms["candidate"].steps.share_memory(self._arms["base"].steps)
        self._planted: dict[int, dict[Arm, Action]] = {}
        self._aside = 0

    @property
    def operations(self) -> Operations:
        """The function that answers each request."""
        return {
            InArm: self.in_arm,
            Plant: self.plant,
            Compare: self.compare,
            Loops: self.loops,
            TakeTurn: self.turn,
        }

    def describe(self) -> Started:
        """Describe the process as a worker does, with the arms that cannot be loaded."""
        for worker in (self._arms[arm] for arm in ARMS if arm in self._arms):
            return replace(worker.describe(), down=self._down)
        return Started({}, platform.python_version(), os.getpid(), down=self._down)

    def in_arm(self, request: InArm[Answer]) -> Answer:
        """The answer of the worker of one arm."""
        asked = request.request
        answer: Answer = self._arms[request.arm].operations[type(asked)](asked)
        return answer

    def plant(self, request: Plant) -> float:
        """The seconds by which a call of the candidate takes longer."""
        number, kind = request.number, request.slowdown.kind
        steps, wait = self._steps(number), self._first.adapter.wait
        plain = planted(next(iter(steps.values())), wait, kind, 0.0)
        usual = statistics.median(self._first.seconds(plain) for _ in range(READINGS))
        longer = request.slowdown.share * usual
        self._planted[number] = {
            arm: planted(step, wait, kind, longer if arm == "candidate" else 0.0)
            for arm, step in steps.items()
        }
        return longer

    def compare(self, request: Compare) -> Blocks | ArmsFailed:
        """Blocks of both arms; the arms that fail, where one does, or compiles meanwhile."""
        steps = self._steps(request.number)
        loops = self.loops(Loops(request.number, request.batch))
        seconds = self._seconds(request.number, loops)
        count = fitting(request.blocks, seconds, _VISIT, _FEWEST)
        self._aside = 0
        timed: list[Arm] = []

        def batch(arm: Arm) -> Batch:
            timed.append(arm)
            with self._nothing_compiled(), self._hogs(request.hogs, arm, steps[arm]):
                return self._batch(steps[arm], loops)

        try:
            blocks = list(in_turn(ARMS, count, batch))
        except Exception as error:
            return ArmsFailed(self._failures(timed[-1], error, steps, loops))
        base, candidate = (
            tuple(self._first.clock.had(block[arm]) for block in blocks) for arm in ARMS
        )
        spoilt = tuple(any(map(self._first.clock.spoilt, block.values())) for block in blocks)
        return Blocks(loops, base, candidate, spoilt, self._aside)

    def _failures(
        self, arm: Arm, error: Exception, steps: Mapping[Arm, Action], loops: int
    ) -> dict[Arm, Failure]:
        """The failure of an arm, and of the other one, which is tried, if it fails too."""
        failures = {arm: failure_of(error)}
        [other] = set(steps) - {arm}
        try:
            with self._nothing_compiled():
                self._batch(steps[other], loops)
        except Exception as another:
            failures[other] = failure_of(another)
        return failures

    def loops(self, request: Loops) -> int:
        """The calls that fill a batch."""
        batch = max(request.batch, self._first.clock.shortest)
        return max(1, round(batch / self._seconds(request.number, 1)))

    def _seconds(self, number: int, loops: int) -> float:
        """The time that so many calls are thought to take, in the slower arm."""
        slower = max(worker.ready[number].seconds for worker in self._arms.values())
        return loops * max(slower, 1e-9)

    def turn(self, request: TakeTurn) -> Turn:
        """Time batches of one arm. Raises Recompiled where something was compiled meanwhile."""
        step, loops = self._steps(request.number)[request.arm], request.loops
        ready, taken = self._arms[request.arm].ready[request.number], []
        with self._nothing_compiled():
            warm(self._first.clock, step, 2 * loops)
            for _ in range(request.batches):
                ready.perturb()
                taken.append(self._batch(step, loops))
        spoilt = tuple(map(self._first.clock.spoilt, taken))
        return Turn(tuple(map(self._first.clock.had, taken)), spoilt)

    def _batch(self, step: Action, loops: int) -> Batch:
        warm(self._first.clock, step, loops)
        return self._first.clock.batch(step, loops)

    @contextmanager
    def _nothing_compiled(self) -> Iterator[None]:
        before = self._first.adapter.compilations()
        yield
        if self._first.adapter.compilations() != before:
            raise Recompiled("compiled again inside a timed region")

    @property
    def _first(self) -> Worker:
        return next(iter(self._arms.values()))

    def _steps(self, number: int) -> dict[Arm, Action]:
        return self._planted.get(number) or {
            arm: worker.ready[number].action for arm, worker in self._arms.items()
        }

    @contextmanager
    def _hogs(self, hogs: Hogs | None, arm: Arm, step: Action) -> Iterator[None]:
        """Let some processes run meanwhile, if it is their arm's time; untimed until they do."""
        if not hogs:
            yield
            return
        pids = hogs.pids if hogs.arm == arm else ()
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


def _load(arm: Arm, folder: str, start: Start) -> Any:
    if start.own:
        return trees.own(folder, start.own, start.framework, start.gradient, start.dims)
    module = trees.implementation(folder, f"impls_of_{arm}", start.framework)
    return plugins.beside(module, start.plugins, start.framework, folder)


def _raise_missing(failed: Iterable[BaseException]) -> None:
    """Blame neither arm where both miss the framework, or the device."""
    for error in failed:
        if isinstance(error, ModuleNotFoundError):
            if not (error.name or "").startswith("impls_of_"):
                raise error
        elif type(error).__name__ == "Unsupported":
            raise error


@contextmanager
def _keeping(failed: dict[Arm, BaseException], arm: Arm) -> Iterator[None]:
    try:
        yield
    except (Exception, SystemExit) as error:
        failed[arm] = error
