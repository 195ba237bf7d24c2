"""Two versions in a process each, where one cannot hold both: another interpreter or environment.

The two processes take turns on the same CPU. Where code and data lie in memory differs between
them, which alone makes byte-identical code up to 16 % faster or slower. Data are laid out by chance
(`bench.worker.layout`), so that this is a spread from one pair of processes to the next: wider than
that of a shared process, and more pairs are measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..workers.process import Failed, Lost, WorkerProcess

_ARMS = ("base", "candidate")
_BATCHES = 4
"""Batches of a turn: a few milliseconds, in which what the other process left is soon gone."""


class Apart:
    """A process an arm. Asked like a process that holds both."""

    def __init__(
        self,
        start: Callable[[str], WorkerProcess],
        arms: Iterable[str],
        installations: bool = True,
    ) -> None:
        """Start the arms' processes in the order of `arms`.

        Raises Failed where neither starts, or, between two `installations`, where one of them has
        no framework or no device.
        """
        self._arms: dict[str, WorkerProcess] = {}
        self._lost: dict[str, Failed] = {}
        for arm in arms:
            try:
                self._arms[arm] = start(arm)
            except Failed as failure:
                if installations and not isinstance(failure, Lost):
                    self.kill()
                    raise Failed(failure.status, f"the {arm}: {failure.detail}") from None
                self._lost[arm] = failure
        if not self._arms:
            raise next(iter(self._lost.values()))

    @property
    def facts(self) -> dict[str, Any]:
        """Which arms cannot be loaded, and why (`down`)."""
        found = [worker.facts["down"] for worker in self._arms.values()]
        lost = {arm: _told(failure) for arm, failure in self._lost.items()}
        return {"down": {arm: why for down in found for arm, why in down.items()} | lost}

    @property
    def versions(self) -> dict[str, dict[str, str]]:
        """Those of each arm, the interpreter's among them."""
        facts = {arm: worker.facts for arm, worker in self._arms.items()}
        return {
            arm: {**each["versions"], "python": each.get("python", "")}
            for arm, each in facts.items()
        }

    @property
    def alive(self) -> bool:
        """Whether both processes still run."""
        return all(worker.alive for worker in self._arms.values())

    def kill(self) -> None:
        """End both processes."""
        for worker in self._arms.values():
            worker.kill()

    def ask(self, operation: str, timeout: float, **values: Any) -> dict[str, Any]:
        """Have both take turns to `compare`; else ask the process of the `arm`, or both alike.

        The answer is then that of the last one. Raises as `WorkerProcess.ask`.
        """
        if operation == "compare":
            return self._compare(timeout, **values)
        answer: dict[str, Any] = {}
        for arm in (values["arm"],) if "arm" in values else self._arms:
            answer = self._arms[arm].ask(operation, timeout, **values)
        return answer

    def _compare(
        self, timeout: float, number: int, batch: float, blocks: int, hogs: object = None
    ) -> dict[str, Any]:
        """As `Pair.compare`: blocks of a batch of each arm, from neighbouring turns.

        In the order ABBA, which makes a drift even in both arms. There are no `hogs` here. `lost`
        says that a process is gone.
        """
        loops = min(
            worker.ask("loops", timeout, number=number, batch=batch)["loops"]
            for worker in self._arms.values()
        )
        found: dict[str, list[Any]] = {"base": [], "candidate": [], "spoilt": []}
        for turn in range(-(-blocks // _BATCHES)):
            taken, failed = {}, {}
            for arm in _ARMS[::-1] if turn % 2 else _ARMS:
                values = {"arm": arm, "number": number, "loops": loops, "batches": _BATCHES}
                try:
                    taken[arm] = self._arms[arm].ask("turn", timeout, **values)
                except Failed as failure:
                    failed[arm] = failure
            if failed:
                lost = any(isinstance(failure, Lost) for failure in failed.values())
                failures = {arm: _told(failure) for arm, failure in failed.items()}
                return {"failures": failures, "lost": lost}
            for arm in _ARMS:
                found[arm] += taken[arm]["elapsed"]
            spoilt = zip(*(taken[arm]["spoilt"] for arm in _ARMS), strict=True)
            found["spoilt"] += map(any, spoilt)
        return {"loops": loops, **found}


def _told(failure: Failed) -> dict[str, str]:
    """A failure as a worker tells it."""
    return {"status": failure.status, "detail": failure.detail}
