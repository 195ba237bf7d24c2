"""The exactness of two runs: its figures repeat exactly, so they are compared directly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from ..catalog.cases import Case
from ..catalog.dtypes import DTYPES
from ..results.answers import like
from ..results.metrics import METRICS, Better, Group, metrics_of
from ..results.rows import RECORD, Row
from ..results.store import Run
from . import rows

Sense = Literal["worse", "better", "changed"]

_SENSES: Mapping[Better, int] = {Better.LESS: 1, Better.MORE: -1, Better.NEITHER: 0}


@dataclass(frozen=True)
class Difference:
    """A figure of a case that changed; `shown` is the row whose details show it.

    `accepted` says that the change is intended.
    """

    case: Case
    metric: str
    base: float
    candidate: float
    sense: Sense
    shown: Annotated[Row, like(RECORD)]
    accepted: bool = False

    @property
    def weight(self) -> tuple[float, ...]:
        """A sort key of differences, the gravest first."""
        return METRICS[self.metric].gravity, -abs(self.candidate - self.base) / (
            1 + max(min(self.candidate, self.base), 0)
        )


@dataclass(frozen=True)
class OtherInputs:
    """The reason why the figures of a format have other inputs: what differs, and both values."""

    dtype: str
    what: Literal["seed", "inputs per binade", "inputs", "calls beside the usual array"]
    base: int
    candidate: int


@dataclass(frozen=True)
class Exactness:
    """The exactness of two runs: the equal figures, those that differ, and the rest.

    `left_out` counts figures that cannot be compared; `one_sided` names metrics that only one of
    the runs has.
    """

    equal: int
    differences: Sequence[Difference]
    left_out: Sequence[tuple[OtherInputs, int]]
    one_sided: Sequence[str]
    only_base: Sequence[rows.Missing]
    only_candidate: Sequence[rows.Missing]
    failing: Sequence[rows.Missing]

    @property
    def compared(self) -> int:
        """The number of figures with the same inputs in both runs."""
        return self.equal + len(self.differences)


def compare(base: Run, candidate: Run) -> Exactness:
    """Compare the exactness of two runs.

    Metrics at special points have the same points in every run; errors depend on the inputs tried.
    """
    before, after = (rows.rows_of(run, _compared()) for run in (base, candidate))
    pairs = rows.pairs(before, after, key=_key, same=_without_size)
    calls = _calls(before), _calls(after)
    reasons = [
        _incomparable(*pair, base, candidate) or _elsewhere(*pair, *calls) for pair in pairs.both
    ]
    compared = [pair for pair, reason in zip(pairs.both, reasons, strict=True) if not reason]
    differences = list(filter(None, (_difference(*pair) for pair in compared)))
    return Exactness(
        len(compared) - len(differences),
        sorted(differences, key=lambda difference: difference.weight),
        list(Counter(filter(None, reasons)).items()),
        _one_sided(before, after),
        pairs.only_base,
        pairs.only_candidate,
        pairs.failing,
    )


def _compared() -> list[str]:
    """The metrics that are compared, the gravest first."""
    names = [*metrics_of(Group.ERROR), *metrics_of(Group.SPECIAL)]
    return sorted(names, key=lambda name: METRICS[name].gravity)


def _without_size(case: Case) -> Case:
    """A case without its size, which in checks is the number of inputs."""
    return replace(case, size=0)


def _key(row: Row) -> tuple[Case, str, float | str | None]:
    """The identity of a row: an activation has one row per kink, or per special row."""
    place = row.kink.at if row.kink else row.entries.row if row.entries else None
    return _without_size(row.case), row.metric, place


def _incomparable(before: Row, after: Row, base: Run, candidate: Run) -> OtherInputs | None:
    """The reason why two figures do not have the same inputs; None if they do."""
    metric, sizes, dtype = before.metric, (before.case.size, after.case.size), before.case.dtype
    whole = sizes[0] == sizes[1] and _is_every_input(before.case)
    if METRICS[metric].group is Group.SPECIAL or (whole and metric != "max_ulp_parameter"):
        return None
    old, new = base.facts, candidate.facts
    if old.seed != new.seed:
        return OtherInputs(dtype, "seed", old.seed, new.seed)
    if old.per_binade != new.per_binade:
        return OtherInputs(dtype, "inputs per binade", old.per_binade, new.per_binade)
    return OtherInputs(dtype, "inputs", *sizes) if sizes[0] != sizes[1] else None


_Calls = Mapping[Case, int]


def _calls(rows: Iterable[Row]) -> _Calls:
    """The calls, by case, in which its inputs were given in other ways."""
    return {
        _without_size(row.case): sum(tried.calls for tried in row.paths)
        for row in rows
        if row.paths
    }


def _elsewhere(before: Row, after: Row, base: _Calls, candidate: _Calls) -> OtherInputs | None:
    """The reason why the inputs of two figures were given in other ways; None if they were not."""
    old, new = (calls.get(_without_size(before.case), 0) for calls in (base, candidate))
    if METRICS[before.metric].group is Group.SPECIAL or old == new:
        return None
    return OtherInputs(before.case.dtype, "calls beside the usual array", old, new)


def _is_every_input(case: Case) -> bool:
    return case.dtype in DTYPES and case.size == 2 ** (8 * DTYPES[case.dtype].itemsize)


def _difference(before: Row, after: Row) -> Difference | None:
    assert before.value is not None
    assert after.value is not None
    if before.value == after.value:
        return None
    more = _SENSES[METRICS[before.metric].better] * (1 if after.value > before.value else -1)
    sense: Sense = "changed" if not more else "worse" if more > 0 else "better"
    shown = before if sense == "better" else after
    return Difference(before.case, before.metric, before.value, after.value, sense, shown)


def _one_sided(base: Iterable[Row], candidate: Iterable[Row]) -> Sequence[str]:
    before, after = ({row.metric for row in rows} for rows in (base, candidate))
    if not before or not after:
        return []
    return [metric for metric in _compared() if (metric in before) != (metric in after)]
