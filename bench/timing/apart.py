"""Two versions in a process each, where one cannot hold both: another interpreter or environment.

The two processes take turns on the same CPU. Where code and data lie in memory differs between
them, which alone makes byte-identical code up to 16 % faster or slower. Data are laid out by chance
(`bench.worker.layout`), so that this is a spread from one pair of processes to the next: wider than
that of a shared process, and more pairs are measured.

Two installations of one version still differ by up to 6 % in every process alike: measured for
calls of a microsecond between copies of NumPy, and changed by reading their files from the disk
again, so that it is at least partly where the system keeps them. No number of processes averages
that out. So between two interpreters the dead zone is wide enough never to call it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..catalog.frameworks import frameworks
from ..host.errors import UsageError
from ..workers.process import Failed, Lost, WorkerProcess
from .decisions import Design

_ARMS = ("base", "candidate")
_SCREENING = (6, 10, 14)
_CONFIRMATION = (8, 12, 16)
_LEAST_ZONE = 0.2
"""The least dead zone between two installations; half of it, 9.5 %, is never called."""
_INSTALLATIONS = (
    "Two installations of one version differ by up to 6% in every process alike, so the dead zone "
    f"is at least {_LEAST_ZONE:.0%}."
)
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


def design(shared: Design, installations: bool) -> Design:
    """The design of a gate whose arms have a process each: the same errors, more processes.

    Between two `installations` of the frameworks with a dead zone of at least a fifth.
    """
    zone = max(shared.zone, _LEAST_ZONE) if installations else shared.zone
    return replace(shared, zone=zone, screening=_SCREENING, confirmation=_CONFIRMATION)


def interpreter(path: str) -> str:
    """The absolute path of the base's interpreter.

    Raises UsageError where there is no such program.
    """
    found = shutil.which(path)
    if not found:
        raise UsageError(f"--base-python: no program {path}: name the Python of an environment")
    return os.path.abspath(found)  # a link stays one: an environment is found by where it lies


def notes(
    apart: Iterable[str], versions: Mapping[str, Mapping[str, str]], installations: bool
) -> list[str]:
    """What there is to say of frameworks whose arms had a process each."""
    named = sorted(apart)
    if not named:
        return []
    titles = ", ".join(frameworks()[name].title for name in named)
    return [
        *filter(None, (_versions(name, versions) for name in named)),
        f"{titles}: each version ran in processes of its own, in which memory is laid out "
        "differently: intervals are wider than in a shared process, so up to "
        f"{_SCREENING[-1]} pairs of processes are taken, and up to {_CONFIRMATION[-1]} "
        "more for a suspect.",
        *([_INSTALLATIONS] if installations else ()),
    ]


def _versions(name: str, versions: Mapping[str, Mapping[str, str]]) -> str:
    """A sentence on the versions of both arms: the framework's, then what else differs."""
    base, candidate = (_of(name, arm, versions) for arm in _ARMS)
    if not base or not candidate:
        return ""
    parts = [part for part in {**candidate, **base} if candidate.get(part) != base.get(part)]
    others = [f"{part} {_against(part, base, candidate)}" for part in parts if part != name]
    own = f"{frameworks()[name].title} {_against(name, base, candidate)}"
    return f"{', '.join((own, *others))}."


def _of(name: str, arm: str, versions: Mapping[str, Mapping[str, str]]) -> Mapping[str, str]:
    """The versions of a framework in an arm, whatever the device and the threads."""
    found = (
        each
        for label, each in versions.items()
        if label.endswith(f" ({arm})") and re.split("[ /]", label)[0] == name
    )
    return next(found, {})


def _against(part: str, base: Mapping[str, str], candidate: Mapping[str, str]) -> str:
    old, new = base.get(part, "none"), candidate.get(part, "none")
    return f"{new} in both" if old == new else f"{new} against {old}"
