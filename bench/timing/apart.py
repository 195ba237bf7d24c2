"""Two versions in separate processes, for different interpreters or environments.

The two processes take turns on the same CPU. Their code and data lie at different places in memory,
which alone makes byte-identical code up to 16 % faster or slower. Data are laid out at random
(`bench.worker.layout`), which turns this into a spread between pairs of processes; the spread is
wider than that of shared processes, so that more pairs are measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import cast

from ..host.environment import Environment
from ..worker.protocol import (
    ARMS,
    Answer,
    Arm,
    ArmsFailed,
    Blocks,
    Compare,
    InArm,
    Loops,
    Request,
    Started,
    TakeTurn,
    Turn,
)
from ..workers.process import Failed, Lost, WorkerProcess

_BATCHES = 4
"""The batches per turn: they take a few milliseconds, in which traces of the other process fade."""


class Apart:
    """One process per arm, with the interface of a process that holds both."""

    def __init__(
        self,
        start: Callable[[Arm], WorkerProcess],
        arms: Iterable[Arm],
        installations: bool = True,
    ) -> None:
        """Start the arms' processes in the order of `arms`.

        Raises Failed where neither starts, or, with two `installations`, where the base lacks the
        framework or the device: there is nothing to compare with.
        """
        self._arms: dict[Arm, WorkerProcess] = {}
        lost: dict[Arm, Failed] = {}
        for arm in arms:
            try:
                self._arms[arm] = start(arm)
            except Failed as failed:
                if installations and arm == "base" and not isinstance(failed, Lost):
                    self.kill()
                    reason = f"the {arm}: {failed.failure.reason}"
                    raise Failed(replace(failed.failure, reason=reason)) from None
                lost[arm] = failed
        if not self._arms:
            raise next(iter(lost.values()))
        self._lost = {arm: failed.failure for arm, failed in lost.items()}

    @property
    def facts(self) -> Started:
        """The facts of one process, with the arms that cannot be loaded in either."""
        started = [worker.facts for worker in self._arms.values()]
        down = {arm: failure for facts in started for arm, failure in facts.down.items()}
        return replace(started[0], down=down | self._lost)

    @property
    def versions(self) -> dict[Arm, Mapping[str, str]]:
        """The versions by arm, including that of the interpreter."""
        return {
            arm: {**worker.facts.versions, "python": worker.facts.python}
            for arm, worker in self._arms.items()
        }

    @property
    def environments(self) -> dict[Arm, Environment]:
        """The environment that chose the code of each arm, as far as it is known."""
        known = {arm: worker.facts.environment for arm, worker in self._arms.items()}
        return {arm: environment for arm, environment in known.items() if environment}

    @property
    def alive(self) -> bool:
        """Return whether both processes run."""
        return all(worker.alive for worker in self._arms.values())

    def kill(self) -> None:
        """End both processes."""
        for worker in self._arms.values():
            worker.kill()

    def ask(self, request: Request[Answer], timeout: float) -> Answer:
        """Have both processes take turns to `Compare`; otherwise ask the process of an arm, or
        both.

        The answer is then that of the last one. Raises like `WorkerProcess.ask`.
        """
        if isinstance(request, Compare):
            return cast(Answer, self._compare(request, timeout))
        arms = (request.arm,) if isinstance(request, InArm) else tuple(self._arms)
        return [self._arms[arm].ask(request, timeout) for arm in arms][-1]

    def _compare(self, request: Compare, timeout: float) -> Blocks | ArmsFailed:
        """Compare like `Pair.compare`: blocks of one batch per arm, from neighbouring turns.

        The order is ABBA, so that a drift affects both arms alike. Hogs are not woken here.
        """
        wanted = Loops(request.number, request.batch)
        loops = min(worker.ask(wanted, timeout) for worker in self._arms.values())
        elapsed: dict[Arm, list[int]] = {"base": [], "candidate": []}
        spoilt: list[bool] = []
        for turn in range(-(-request.blocks // _BATCHES)):
            taken: dict[Arm, Turn] = {}
            failed: dict[Arm, Failed] = {}
            for arm in ARMS[::-1] if turn % 2 else ARMS:
                try:
                    batches = TakeTurn(arm, request.number, loops, _BATCHES)
                    taken[arm] = self._arms[arm].ask(batches, timeout)
                except Failed as error:
                    failed[arm] = error
            if failed:
                failures = {arm: error.failure for arm, error in failed.items()}
                lost = any(isinstance(error, Lost) for error in failed.values())
                return ArmsFailed(failures, lost)
            for arm in ARMS:
                elapsed[arm] += taken[arm].elapsed
            spoilt += map(any, zip(*(taken[arm].spoilt for arm in ARMS), strict=True))
        return Blocks(loops, tuple(elapsed["base"]), tuple(elapsed["candidate"]), tuple(spoilt))
