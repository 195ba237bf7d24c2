"""A run that adds to an earlier one or continues it, on the same machine and versions or not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path

from ..catalog.cases import Case
from ..host.errors import UsageError
from ..host.machine import Machine
from ..results import store
from ..results.facts import RunFacts, WorkerFacts
from ..results.samples import Missing, Paired, standing, trusted
from ..results.status import Status
from ..results.store import Stored

_CHANGING = ("load",)
"""The facts of a machine that may differ from one run to the next."""
_SETTINGS = ("seed", "size_classes", "batch", "blocks", "inputs")


@dataclass(frozen=True)
class Earlier:
    """A stored run to be added to or, if `resumed`, to be continued as it was asked for."""

    folder: Path
    facts: RunFacts
    stored: Stored
    resumed: bool

    def facts_with(self, facts: RunFacts) -> RunFacts:
        """The facts of both runs together, before the second one measures.

        Raises UsageError where the second would not measure under the same conditions as the first.
        """
        self._check_state()
        self._check("machine", _lasting(self.facts.machine), _lasting(facts.machine))
        for name in _SETTINGS:
            self._check(name.replace("_", " "), getattr(self.facts, name), getattr(facts, name))
        running = replace(
            self.facts,
            state="running",
            finished=None,
            request=facts.request,
            pythons=facts.pythons,
        )
        if self.resumed:
            was, now = self.facts.project.commit, facts.project.commit
            self._check("the commit of this project", was, now)
            return replace(running, resumed=[*self.facts.resumed, facts.started])
        return replace(
            running,
            added=[*self.facts.added, facts.command],
            most=max(self.facts.most, facts.most),
            budget=facts.budget,
        )

    def _check_state(self) -> None:
        if self.facts.state == "running":
            raise UsageError(f"{self.folder} is being written by another process: wait for it")
        ended = self.facts.state == "finished"
        if self.resumed and ended:
            raise UsageError(f"{self.folder} is finished: actbench run --into adds to it")
        if not self.resumed and not ended and self.facts.request:
            raise UsageError(
                f"{self.folder} is part of a run: end it first with actbench run --resume "
                f"{self.folder}"
            )

    def check_versions(self, label: str, worker: WorkerFacts) -> None:
        """Raise UsageError where a worker's versions or environment differ from the earlier run."""
        before = self.facts.workers.get(label)
        if not before or not Status.OK is before.status is worker.status:
            return
        was, now = ({**facts.versions, "Python": facts.python} for facts in (before, worker))
        if before.environment and worker.environment:
            was |= before.environment.parts
            now |= worker.environment.parts
        for name in sorted(was.keys() | now.keys()):
            self._check(f"{label}: {name}", was.get(name), now.get(name))

    def _check(self, what: str, was: object, now: object) -> None:
        if was != now:
            verb = "go on with" if self.resumed else "add to"
            raise UsageError(
                f"cannot {verb} {self.folder}: {what} was {was} and is {now}; measure a run of its "
                "own"
            )

    def is_done(self, case: Case, processes: int) -> bool:
        """Return whether a case has times; in a resumed run, times from `processes` processes or a
        failure.

        Failed cases are tried again where a run is added to.
        """
        if self.resumed:
            return case in self._failed or self._visits[case] >= processes
        return self._visits[case] > 0

    @cached_property
    def pairs(self) -> list[Paired]:
        """The times of the run, without those of refused cases."""
        return trusted(self.stored.samples)

    @property
    def processes(self) -> int:
        """The first free number of a process."""
        numbers = (getattr(sample, "process", -1) for sample in self.stored.samples)
        return 1 + max(numbers, default=-1)

    @cached_property
    def _visits(self) -> Counter[Case]:
        """The number of processes that timed each case."""
        timed = {(sample.case, sample.process) for sample in self.pairs}
        return Counter(case for case, _ in timed)

    @cached_property
    def _failed(self) -> frozenset[Case]:
        samples = standing(self.stored.samples)
        return frozenset(sample.case for sample in samples if isinstance(sample, Missing))


def _lasting(machine: Machine) -> dict[str, object]:
    names = (field.name for field in fields(machine) if field.name not in _CHANGING)
    return {name: _plain(getattr(machine, name)) for name in names}


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else value


def read(path: Path, resumed: bool = False) -> Earlier:
    """The run in a folder, to be added to or continued. Raises StoreError if it is malformed."""
    folder = store.locate(path)
    return Earlier(folder, store.read_facts(folder), store.stored(folder), resumed)
