"""A run that adds to an earlier one: on the same machine, with the same versions, or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from ..catalog.cases import Case
from ..host.errors import UsageError
from ..host.machine import Machine
from ..results.facts import RunFacts, WorkerFacts
from ..results.samples import Agreement, Missing, Paired, Sample
from ..results.status import Status
from ..results.store import compress, load, read_samples

_CHANGING = ("load",)
"""Facts of a machine that may differ from one run to the next."""


@dataclass(frozen=True)
class Earlier:
    """A stored run to be added to."""

    folder: Path
    facts: RunFacts
    samples: tuple[Sample, ...]

    def facts_with(self, facts: RunFacts) -> RunFacts:
        """The facts of both runs, before the second measures.

        Raises UsageError where the second would not measure what the first did.
        """
        self._check("machine", _lasting(self.facts.machine), _lasting(facts.machine))
        for name in ("seed", "size_classes", "batch", "blocks"):
            self._check(name.replace("_", " "), getattr(self.facts, name), getattr(facts, name))
        return replace(
            self.facts,
            state="running",
            finished=None,
            added=[*self.facts.added, facts.command],
            most=max(self.facts.most, facts.most),
            budget=facts.budget,
        )

    def check_versions(self, label: str, worker: WorkerFacts) -> None:
        """Raise UsageError where a worker has other versions than the earlier run had."""
        before = self.facts.workers.get(label)
        if before and Status.OK is before.status is worker.status:
            was, now = ({**facts.versions, "Python": facts.python} for facts in (before, worker))
            for name in sorted(was.keys() | now.keys()):
                self._check(f"{label}: {name}", was.get(name), now.get(name))

    def _check(self, what: str, was: object, now: object) -> None:
        if was != now:
            raise UsageError(
                f"cannot add to {self.folder}: {what} was {was} and is {now}; measure a run of its "
                "own"
            )

    @property
    def tried(self) -> frozenset[Case]:
        """The cases that have times, or a reason why they have none."""
        tried = (sample.case for sample in self.samples if isinstance(sample, Paired | Missing))
        return frozenset(tried)

    @property
    def checked(self) -> frozenset[Case]:
        """The cases whose results were checked, without their sizes."""
        return frozenset(
            replace(sample.case, size=0) for sample in self.samples if isinstance(sample, Agreement)
        )

    @property
    def units(self) -> Mapping[Case, str]:
        """The form of relu that is the unit of each timed case."""
        return {sample.case: sample.unit for sample in self.samples if isinstance(sample, Paired)}

    @property
    def processes(self) -> int:
        """A number beyond those of its processes."""
        numbers = (getattr(sample, "process", -1) for sample in self.samples)
        return 1 + max(numbers, default=-1)

    @property
    def beside(self) -> Path:
        """The folder in which both runs are put together."""
        return self.folder.with_name(f"{self.folder.name}.adding")

    def replace(self) -> None:
        """Put both runs in place of the earlier one, compressed if that was."""
        if (self.folder / "rows.jsonl.gz").exists():
            compress(self.beside)
        for path in sorted(self.beside.iterdir()):
            path.replace(self.folder / path.name)
        self.discard()

    def discard(self) -> None:
        """Remove what was put beside the earlier run."""
        shutil.rmtree(self.beside, ignore_errors=True)


def _lasting(machine: Machine) -> dict[str, object]:
    names = (field.name for field in fields(machine) if field.name not in _CHANGING)
    return {name: _plain(getattr(machine, name)) for name in names}


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else value


def read(path: Path) -> Earlier:
    """The run of a folder, to be added to. Raises StoreError if it cannot be read."""
    run = load(path)
    return Earlier(run.path, run.facts, tuple(read_samples(run.path)))
