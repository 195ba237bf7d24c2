"""The remaining time of a run: estimated from its cases, then from how long they took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..catalog.cases import Case
from ..catalog.frameworks import frameworks
from ..host import cache
from ..host.cpus import available_cpus
from .preparing import compiles

_START = 6.0
"""The seconds to start a process of each framework."""
_VISIT, _PREPARED, _CHECKED = 0.02, 0.03, 0.2
"""The seconds for a case: to be timed in a process, to be prepared there, to be checked once."""
_COMPILED = 0.5
"""The seconds to compile a case that no earlier run has left in the compile cache."""
_PHASES = ("start", "prepare", "measure")


@dataclass
class Outlook:
    """The phases of a run, with the seconds that they took or are expected to take.

    `budget` is the seconds for further processes at its end; `checked` says whether results are
    checked.
    """

    cases: Sequence[Case]
    processes: int
    budget: float
    checked: bool
    taken: dict[tuple[str, int], float] = field(default_factory=dict)

    def took(self, phase: str, number: int, seconds: float) -> None:
        """Record the seconds of a phase of the process with a number."""
        if phase in _PHASES:
            self.taken[phase, number] = self.taken.get((phase, number), 0.0) + seconds

    def left(self) -> float:
        """The approximate seconds until the end."""
        phases = [(phase, number) for number in range(self.processes) for phase in _PHASES]
        beyond = max((number for _, number in self.taken), default=0) - self.processes + 1
        spent = sum(s for (_, number), s in self.taken.items() if number >= self.processes)
        coming = sum(self._expected(*key) for key in phases if key not in self.taken)
        return coming + (max(self.budget - spent, 0.0) if beyond >= 0 else self.budget / 2)

    def _expected(self, phase: str, number: int) -> float:
        alike = [
            seconds
            for (other, earlier), seconds in self.taken.items()
            if other == phase and (earlier > 0 or phase != "prepare")
        ]
        return alike[-1] if alike else self._guess(phase, number)

    def _guess(self, phase: str, number: int) -> float:
        count = len(self.cases)
        if phase == "start":
            return _START
        if phase == "measure":
            return _VISIT * count
        seconds = _PREPARED * count
        if number == 0:
            seconds += _COMPILED * len(self._cold()) + _CHECKED * count * self.checked
        return seconds / min(len(available_cpus()), 2)

    def _cold(self) -> list[Case]:
        """The cases that a compiler has to build for the first time here."""
        warm = {case.framework: self._is_warm(case.framework) for case in self.cases}
        return [case for case in self.cases if compiles(case) and not warm[case.framework]]

    def _is_warm(self, framework: str) -> bool:
        return any(cache.folder(frameworks()[framework].module).iterdir())
