"""Two stored runs compared: what became slower or less exact between them.

Times are compared relative to the primitives of the same run (`timing`), exactness as it is
(`exactness`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..host.errors import UsageError
from ..results.store import Run, RunFacts
from ..timing.verdicts import DEAD_ZONE, Verdict
from ..words import title
from . import exactness, timing
from .exactness import Exactness
from .rows import Missing
from .timing import Times

REGRESSION, UNDECIDED = 1, 3
"""Exit statuses."""
_MACHINE = ("cpu", "cores", "caches", "architecture", "gpus")
"""What makes two machines different ones, so that their times are not of the same thing."""
_SURROUNDINGS = ("system", "libc", "governor", "virtual")
_SETTINGS = ("seed", "batch", "batches", "inputs")


@dataclass(frozen=True)
class Comparison:
    """All that two runs say of each other. `machines` says how their machines differ, if they do.

    `notes` are sentences on what else differs between the runs.
    """

    base: str
    candidate: str
    zone: float
    machines: str
    notes: Sequence[str]
    times: Times
    exactness: Exactness

    @property
    def broken(self) -> list[Missing]:
        """What was measured in the base and failed in the candidate."""
        alone = [*self.times.only_base, *self.exactness.only_base]
        return [each for each in alone if each.broken]

    @property
    def regressed(self) -> bool:
        """Whether anything is slower or less exact, or fails.

        A whole framework that took longer counts on the same machine alone: elsewhere it says
        what the machines are.
        """
        worse = any(each.sense == "worse" for each in self.exactness.differences)
        return worse or bool(self.broken) or "slower" in self._verdicts()

    def exit_status(self, strict: bool = False) -> int:
        """1 for a regression; 3 where `strict` and something or all is undecided; else 0."""
        if self.regressed:
            return REGRESSION
        nothing = not (self.times.timings or self.exactness.compared)
        return UNDECIDED if strict and (nothing or "undecided" in self._verdicts()) else 0

    def _verdicts(self) -> set[Verdict]:
        wholes = [] if self.machines else self.times.units
        answers = [each.answer for each in self.times.timings]
        answers += [each.answer for each in (*self.times.parts, *wholes)]
        return {answer.verdict for answer in answers}


def compare(
    base: Run, candidate: Run, zone: float = DEAD_ZONE, across_machines: bool = False
) -> Comparison:
    """Compare a candidate with its base; `zone` is the least change of a time that is to be found.

    Raises UsageError for runs of different machines, unless that is allowed, and for runs that have
    nothing in common; StoreError for rows that no run writes.
    """
    machines = _machines(base.facts, candidate.facts)
    if machines and not across_machines:
        raise UsageError(
            f"the runs are of different machines ({machines}), whose times are not of the same "
            "thing: add --across-machines to compare what can be compared all the same"
        )
    times = timing.compare(base, candidate, zone)
    results = exactness.compare(base, candidate)
    notes = list(_notes(base.facts, candidate.facts))
    paths = str(base.path), str(candidate.path)
    found = Comparison(*paths, zone, machines, notes, times, results)
    if not (times.timings or results.compared or results.left_out or found.broken):
        raise UsageError(
            f"{base.path} and {candidate.path} have no case in common: "
            "measure the same cases in both"
        )
    return found


def _machines(base: RunFacts, candidate: RunFacts) -> str:
    """How the machines of two runs differ; empty if they do not."""
    return _against(base.machine, candidate.machine, _MACHINE)


def _against(base: dict[str, Any], candidate: dict[str, Any], names: Sequence[str]) -> str:
    pairs = [(name, base.get(name), candidate.get(name)) for name in names]
    return "; ".join(
        f"{name.replace('_', ' ')} {_written(mine)} against {_written(other)}"
        for name, mine, other in pairs
        if mine != other
    )


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {each}" for key, each in value.items()) or "not told"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "not told" if value is None else str(value)


def _notes(base: RunFacts, candidate: RunFacts) -> Iterator[str]:
    for word, facts in (("base", base), ("candidate", candidate)):
        if facts.state != "finished":
            yield f"The {word} is not whole: its state is {facts.state}."
    if told := _against(base.project, candidate.project, ("commit", "changes")):
        yield f"This project: {told}."
    for name in dict.fromkeys([*_labels(base), *_labels(candidate)]):
        if told := _workers(base, candidate, name):
            yield f"{title(name)}: {told}."
    if told := _against(base.machine, candidate.machine, _SURROUNDINGS):
        yield f"Around them: {told}."
    if told := _against(vars(base), vars(candidate), _SETTINGS):
        yield f"How it was measured: {told}."


def _labels(facts: RunFacts) -> list[str]:
    return [label.partition("/")[0] for label in facts.workers]


def _workers(base: RunFacts, candidate: RunFacts, framework: str) -> str:
    """How the versions of a framework and its Python differ between runs that both have it."""
    mine, others = (_versions(facts, framework) for facts in (base, candidate))
    shared = list(dict.fromkeys([*mine, *others])) if mine and others else []
    return _against(mine, others, shared)


def _versions(facts: RunFacts, framework: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for label, worker in facts.workers.items():
        if label.partition("/")[0] == framework and worker.get("status") == "ok":
            python = {"Python": worker["python"]} if "python" in worker else {}
            found = {**worker.get("versions", {}), **python, **found}
    return found
