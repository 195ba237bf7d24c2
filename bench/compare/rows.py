"""What two runs have in common, row by row, and what one of them lacks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass

from ..catalog.cases import Case
from ..results import words
from ..results.rows import Row
from ..results.status import Status
from ..results.store import Run

_BROKEN = (Status.ERROR, Status.TIMEOUT, Status.OOM, Status.REFUSED)

Key = Callable[[Row], Hashable]
SameCase = Callable[[Case], Hashable]


@dataclass(frozen=True)
class Missing:
    """A case of one run that the other has not; `reason` is what the other says of it, if it does.

    `broken` is one that was tried there and came to nothing, not one that cannot be.
    """

    case: Case
    reason: str
    broken: bool


@dataclass(frozen=True)
class Pairs:
    """Rows of the base and the candidate that are of the same thing, and what has no partner."""

    both: Sequence[tuple[Row, Row]]
    only_base: Sequence[Missing]
    only_candidate: Sequence[Missing]


def rows_of(run: Run, metrics: Collection[str]) -> list[Row]:
    """The rows of some metrics."""
    return [row for row in run.records if row.metric in metrics]


def pairs(base: Sequence[Row], candidate: Sequence[Row], key: Key, same: SameCase) -> Pairs:
    """Rows that are `ok` in both runs. `key` says what a row is of, `same` of which case."""
    before, after = ({key(row): row for row in rows if row.ok} for rows in (base, candidate))
    return Pairs(
        [(before[of], after[of]) for of in before if of in after],
        list(_missing([row for of, row in before.items() if of not in after], candidate, same)),
        list(_missing([row for of, row in after.items() if of not in before], base, same)),
    )


def _missing(alone: Sequence[Row], others: Sequence[Row], same: SameCase) -> Iterator[Missing]:
    """The cases of rows without a partner, each once, with what the other run says of them.

    A case that the other run has but for one metric is not missing, unless that metric failed
    there: another version may know other metrics.
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
            reason = f"{answer.status}: {words.about(answer)}" if answer else ""
            yield Missing(row.case, reason, answer is not None and answer.status in _BROKEN)
