"""Rows that two runs have in common, and cases that one of them lacks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..catalog.cases import Case
from ..results import words
from ..results.rows import Row
from ..results.status import Status
from ..results.store import Run

Key = Callable[[Row], Hashable]
SameCase = Callable[[Case], Hashable]


@dataclass(frozen=True)
class Missing:
    """A case that a run lacks: its status and the reason there, None where it was not tried.

    `accepted` says that this is intended.
    """

    case: Case
    status: Status | None
    reason: str = ""
    accepted: bool = False

    @property
    def failed(self) -> bool:
        """Return whether it was tried and failed; being unsupported is no failure."""
        return self.status not in (None, Status.UNSUPPORTED)


@dataclass(frozen=True)
class Pairs:
    """Matching rows of the base and the candidate, and cases without a partner.

    `failing` are those that fail in the candidate and are not measured in the base either.
    """

    both: Sequence[tuple[Row, Row]]
    only_base: Sequence[Missing]
    only_candidate: Sequence[Missing]
    failing: Sequence[Missing]


def rows_of(run: Run, metrics: Collection[str]) -> list[Row]:
    """The rows of some metrics."""
    return [row for row in run.records if row.metric in metrics]


def pairs(base: Sequence[Row], candidate: Sequence[Row], key: Key, same: SameCase) -> Pairs:
    """Match rows that are `ok` in both runs, by `key`. `same` identifies the case of a row."""
    before, after = ({key(row): row for row in rows if row.ok} for rows in (base, candidate))
    return Pairs(
        [(row, after[name]) for name, row in before.items() if name in after],
        list(_missing([before[name] for name in before if name not in after], candidate, same)),
        list(_missing([after[name] for name in after if name not in before], base, same)),
        _failing(candidate, {same(row.case) for row in before.values()}, same),
    )


def _failing(
    candidate: Sequence[Row], measured: Collection[Hashable], same: SameCase
) -> list[Missing]:
    """The cases that fail in the candidate, once each, without those `measured` before."""
    failing: dict[Hashable, Missing] = {}
    for row in candidate:
        missing = _missing_of(row)
        if not row.ok and missing.failed and same(row.case) not in measured:
            failing.setdefault(same(row.case), missing)
    return list(failing.values())


def _missing_of(row: Row) -> Missing:
    return Missing(row.case, row.status, words.about(row))


def _missing(alone: Sequence[Row], others: Sequence[Row], same: SameCase) -> Iterator[Missing]:
    """The cases of rows without a partner, once each, with what the other run reports of them.

    A case that lacks only one metric in the other run is not missing, unless that metric failed
    there: another version may have other metrics.
    """
    present = {same(row.case) for row in others if row.ok}
    failed = {(same(row.case), row.metric): row for row in others if not row.ok}
    anything = {case: row for (case, _), row in failed.items()}
    seen = set()
    for row in alone:
        case = same(row.case)
        beside = None if case in present else anything.get(case)
        answer = failed.get((case, row.metric)) or beside
        if case not in seen and (answer or case not in present):
            seen.add(case)
            yield replace(_missing_of(answer), case=row.case) if answer else Missing(row.case, None)
