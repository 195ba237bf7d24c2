"""Two stored runs compared: cases that became slower or less exact between them.

Times are compared from two sides (`timing`), exactness as it is (`exactness`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..host.errors import UsageError
from ..results.store import Run
from ..words import know
from . import circumstances, exactness, timing
from .exactness import Exactness
from .rows import Missing
from .timing import Times

REGRESSION, UNDECIDED = 1, 3
"""Exit statuses."""


@dataclass(frozen=True)
class Comparison:
    """The comparison of two runs. `machines` says how their machines differ, if they do.

    `notes` are sentences on all other differences.
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
        """The cases that were measured in the base and failed in the candidate."""
        alone = [*self.times.only_base, *self.exactness.only_base]
        return [missing for missing in alone if missing.broken]

    @property
    def regressed(self) -> bool:
        """True where anything is slower, less exact, or fails."""
        worse = any(difference.sense == "worse" for difference in self.exactness.differences)
        return worse or bool(self.broken) or "slower" in self.times.verdicts

    def exit_status(self, strict: bool = False) -> int:
        """Return 1 for a regression; 3 if `strict` and something is undecided; else 0."""
        if self.regressed:
            return REGRESSION
        nothing = not (self.times.timings or self.exactness.compared)
        return UNDECIDED if strict and (nothing or "undecided" in self.times.verdicts) else 0


def compare(
    base: Run, candidate: Run, zone: float = timing.ZONE, across_machines: bool = False
) -> Comparison:
    """Compare a candidate with its base; `zone` is the least change of a time to detect.

    Raises UsageError for runs of different machines, unless that is allowed, and for runs that have
    nothing in common; StoreError for rows that no run writes.
    """
    know({**base.facts.titles, **candidate.facts.titles})
    machines = circumstances.machines(base.facts, candidate.facts)
    if machines and not across_machines:
        raise UsageError(
            f"the runs are of different machines ({machines}), whose times cannot be compared: "
            "add --across-machines to compare the rest"
        )
    times = timing.compare(base, candidate, zone, same_machine=not machines)
    results = exactness.compare(base, candidate)
    notes = list(circumstances.notes(base.facts, candidate.facts))
    paths = str(base.path), str(candidate.path)
    comparison = Comparison(*paths, zone, machines, notes, times, results)
    if not (times.timings or results.compared or results.left_out or comparison.broken):
        raise UsageError(
            f"{base.path} and {candidate.path} have no case in common: "
            "measure the same cases in both"
        )
    return comparison
