"""Comparisons of two stored runs: the cases that became slower or less exact between them.

Times are compared from two sides (`timing`), exactness directly (`exactness`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from ..catalog.asked import names_of
from ..host.environment import Circumstance
from ..host.errors import UsageError
from ..results.status import Status
from ..results.store import Run
from ..timing.verdicts import Verdict
from ..words import know
from . import circumstances, exactness, timing
from .exactness import Difference, Exactness
from .rows import Missing
from .timing import Times, Timing

REGRESSION, NOTHING, UNDECIDED = 1, 2, 3
"""Exit statuses."""


@dataclass(frozen=True)
class Comparison:
    """The comparison of two runs.

    `machines` says how their machines differ, if they do. `notes` are sentences on all other
    differences, `circumstances` those that may have chosen other code. Cases that the candidate has
    not tried count, unless only cases `common` to both runs were asked for.
    """

    base: str
    candidate: str
    zone: float
    machines: str
    notes: Sequence[str]
    times: Times
    exactness: Exactness
    common: bool = False
    circumstances: Sequence[Circumstance] = ()

    @property
    def broken(self) -> list[Missing]:
        """The cases that were measured in the base and failed in the candidate."""
        return [missing for missing in self._only_base if missing.failed]

    @property
    def gone(self) -> list[Missing]:
        """The cases that were measured in the base and that the candidate does not have."""
        return [missing for missing in self._only_base if missing.status is Status.UNSUPPORTED]

    @property
    def missing(self) -> list[Missing]:
        """The cases that were measured in the base and not tried in the candidate."""
        return [missing for missing in self._only_base if missing.status is None]

    @property
    def failing(self) -> list[Missing]:
        """The cases that fail in the candidate and were not measured in the base either."""
        return [*self.times.failing, *self.exactness.failing]

    @property
    def _only_base(self) -> list[Missing]:
        return [*self.times.only_base, *self.exactness.only_base]

    @property
    def regressed(self) -> bool:
        """Return whether anything is slower, less exact, fails or is gone, and not accepted."""
        differences = self.exactness.differences
        worse = any(change.sense == "worse" and not change.accepted for change in differences)
        lost = any(not missing.accepted for missing in self.gone)
        return worse or lost or bool(self.broken) or Verdict.SLOWER in self.times.verdicts

    @property
    def nothing(self) -> bool:
        """Return whether nothing at all could be compared."""
        timed = any(timing.compared for timing in self.times.timings)
        return not (timed or self.exactness.compared)

    @property
    def uncompared(self) -> bool:
        """Return whether something of the base could not be compared, or fails in both runs."""
        absent = not self.common and any(not missing.accepted for missing in self.missing)
        times = any(not timing.compared for timing in self.times.timings)
        return absent or times or bool(self.exactness.left_out or self.failing)

    def exit_status(self, strict: bool = False) -> int:
        """Return 1 for a regression, or where not everything could be compared; 2 where nothing
        could; 3 if `strict` and something is undecided; else 0."""
        if self.regressed:
            return REGRESSION
        if self.nothing:
            return NOTHING
        if self.uncompared:
            return REGRESSION
        return UNDECIDED if strict and Verdict.UNDECIDED in self.times.verdicts else 0


def compare(
    base: Run,
    candidate: Run,
    zone: float = timing.ZONE,
    across_machines: bool = False,
    accepted: Collection[str] = (),
    common: bool = False,
) -> Comparison:
    """Compare a candidate with its base; `zone` is the least change of a time to detect.

    `accepted` are the names of cases that are meant to be slower, less exact or gone.

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
    changes = circumstances.changes(base.facts, candidate.facts)
    times = _beside(timing.compare(base, candidate, zone, same_machine=not machines), changes)
    results = exactness.compare(base, candidate)
    notes = list(circumstances.notes(base.facts, candidate.facts))
    paths = str(base.path), str(candidate.path)
    comparison = Comparison(
        *paths,
        zone,
        machines,
        notes,
        replace(
            times,
            timings=_accepting(times.timings, accepted),
            only_base=_accepting(times.only_base, accepted),
        ),
        replace(
            results,
            differences=_accepting(results.differences, accepted),
            only_base=_accepting(results.only_base, accepted),
        ),
        common,
        changes,
    )
    if not (times.timings or results.compared or results.left_out or comparison.broken):
        raise UsageError(
            f"{base.path} and {candidate.path} have no case in common: "
            "measure the same cases in both"
        )
    return comparison


def _beside(times: Times, changes: Sequence[Circumstance]) -> Times:
    """The times, with what chose other code next to those that are slower or faster."""

    def besides(framework: object, verdict: Verdict) -> list[Circumstance]:
        called = verdict in (Verdict.SLOWER, Verdict.FASTER)
        return [change for change in changes if called and change.framework in ("", framework)]

    return replace(
        times,
        timings=[
            replace(timing, besides=besides(timing.case.framework, timing.verdict))
            for timing in times.timings
        ],
        groups=[
            replace(group, besides=besides(group.fields["framework"], group.verdict))
            for group in times.groups
        ],
    )


Acceptable = TypeVar("Acceptable", Timing, Difference, Missing)


def _accepting(parts: Iterable[Acceptable], names: Collection[str]) -> list[Acceptable]:
    """The parts of a comparison, with intended cases marked by name."""
    return [replace(part, accepted=not names_of(part.case).isdisjoint(names)) for part in parts]
