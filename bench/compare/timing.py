"""Times of two runs: what became slower or faster, seen from two sides.

Two runs hours apart differ by the state of their machine, which moves all times alike; and a cost
over a unit moves when the unit does. So a change is called where both sides show it:

| what | by itself | beside |
|---|---|---|
| a case | its time | the unit that its cost is over |
| a unit of cost | its time | the cases over it |
| a setting: the cases under the same conditions | their median | its framework and mode |
| a framework and mode | the median of its cases | the other frameworks |

It is the same where either side shows no change, and undecided otherwise.

Everything is computed on logarithms of candidate over base. Whether any call of slower or faster is
wrong has a probability (`DOUBT`) that is divided among them all; `same` is said of 95 % intervals.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from ..catalog.cases import USUAL, Case
from ..host.environment import Circumstance
from ..host.errors import StoreError
from ..results.rows import Row
from ..results.store import Run
from ..timing.ratios import Ratio, median_of_dependent, student
from ..timing.verdicts import Verdict, edge
from . import rows

TIME, COST = "time_per_call", "relative_cost"
ZONE = 0.1
"""The least change detected by default: a machine's own state moves times by half of it."""
DOUBT = 0.01
"""The probability that any call of slower or faster is wrong, as far as intervals hold."""
_MISS = 0.05
"""The probability that the interval of a row misses its quantity."""
_POOLED, _ENOUGH = 4, 4
"""The degrees of freedom that the spread of other cases adds at least, where so many were timed."""
_SETTING = (
    "framework",
    "mode",
    "device",
    "direction",
    "dtype",
    "size",
    "threads",
    *USUAL,
)
_WHOLE = ("framework", "mode", "device")
_FEWEST = 3
"""The least number of cases whose median is that of a setting."""


class Lack(StrEnum):
    """The reason why a time is undecided.

    `no interval`: a run does not show how processes differ. `no unit`: only one of the runs has a
    cost. `opposite`: its time and its cost moved in opposite directions.
    """

    INTERVAL = "no interval"
    UNIT = "no unit"
    OPPOSITE = "opposite"


@dataclass(frozen=True)
class Change:
    """A quantity of the candidate over that of the base, and what its interval alone shows.

    `low` and `high` are the ends of the 95 % interval: 0 and infinity where there is none.
    """

    value: float
    low: float
    high: float
    verdict: Verdict


@dataclass(frozen=True)
class Timing:
    """A case in both runs: ns per call, the change of its time, and that beside something else.

    `unit` is what its costs are over in both runs; `over` counts the cases that are over itself.
    `lack` is what it lacks to be decided. `accepted` says that the verdict is meant, `besides` has
    what chose other code meanwhile, where it is slower or faster.
    """

    case: Case
    base: float
    candidate: float
    time: Change
    beside: Change | None
    verdict: Verdict
    unit: str = ""
    over: int = 0
    lack: Lack | None = None
    accepted: bool = False
    besides: Sequence[Circumstance] = ()

    @property
    def compared(self) -> bool:
        """Return whether both runs have what a verdict needs."""
        return self.lack not in (Lack.INTERVAL, Lack.UNIT)


@dataclass(frozen=True)
class Group:
    """The median of cases that share the `fields` of a setting, or framework, mode and device.

    `besides` has what chose other code meanwhile, where it is slower or faster.
    """

    fields: Mapping[str, str | int]
    cases: int
    time: Change
    beside: Change | None
    verdict: Verdict
    besides: Sequence[Circumstance] = ()

    @property
    def is_whole(self) -> bool:
        """Return whether it covers all of a framework and mode on a device."""
        return len(self.fields) == len(_WHOLE)

    @property
    def is_telling(self) -> bool:
        """Return whether it says more than its cases: it is decided, or its time alone would be."""
        return self.verdict != "undecided" or self.time.verdict != "undecided"


@dataclass(frozen=True)
class Times:
    """The times of two runs; `other_units` counts cases whose cost is over another unit in each
    run."""

    timings: Sequence[Timing]
    groups: Sequence[Group]
    only_base: Sequence[rows.Missing]
    only_candidate: Sequence[rows.Missing]
    failing: Sequence[rows.Missing]
    other_units: Mapping[str, int]

    @property
    def verdicts(self) -> list[Verdict]:
        """All verdicts that are not accepted."""
        telling = (group for group in self.groups if group.is_telling)
        timed: Iterable[Timing | Group] = (*self.timings, *telling)
        return [part.verdict for part in timed if not (isinstance(part, Timing) and part.accepted)]


def compare(base: Run, candidate: Run, zone: float, same_machine: bool = True) -> Times:
    """Compare the times of two runs; `zone` is the dead zone of the verdicts.

    For different machines only costs are compared. Raises StoreError for rows that no run writes.
    """
    before, after = (_checked(run, rows.rows_of(run, [TIME])) for run in (base, candidate))
    pairs = rows.pairs(before, after, key=lambda row: row.case, same=lambda case: case)
    pooled = _POOLED if len(pairs.both) >= _ENOUGH else 0
    changes = {old.case: _ratio(old, new, _freedom(old, new, pooled)) for old, new in pairs.both}
    costs = _Costs(base, candidate, changes)
    calls = len(changes) + sum(len(_grouped(changes, fields)) for fields in (_SETTING, _WHOLE))
    judge = _Judge(zone, DOUBT / max(calls, 1), same_machine)
    return Times(
        [_timing(old, new, changes, costs, judge) for old, new in pairs.both],
        list(_groups(changes, judge)) if same_machine else [],
        pairs.only_base,
        pairs.only_candidate,
        pairs.failing,
        costs.other_units,
    )


def _checked(run: Run, timed: Sequence[Row]) -> Sequence[Row]:
    """Return the rows. Raises StoreError for a time that is not a positive number."""
    for row in timed:
        ends = [end for end in (row.value, row.low, row.high) if end is not None]
        if row.status == "ok" and not all(0 < end < math.inf for end in ends):
            who = f"{run.facts.title(row.case.framework)} {row.case.activation}"
            raise StoreError(
                f"{run.path}/rows.jsonl is malformed: a time of {who} is not a positive number; "
                "measure it again"
            )
    return timed


# --- ratios ---------------------------------------------------------------------------------------

Changes = Mapping[Case, Ratio]


def _freedom(base: Row, candidate: Row, pooled: int) -> float:
    """The degrees of freedom of a change; 0 where a run does not show how its processes differ."""
    both = (base, candidate)
    counts = [row.sampling.processes if row.sampling else 2 for row in both]
    known = all(row.low is not None and row.high is not None for row in both)
    return sum(count - 1 + pooled for count in counts) if known and min(counts) > 1 else 0


def _ratio(base: Row, candidate: Row, freedom: float) -> Ratio:
    return _log(candidate, freedom).over(_log(base, freedom))


def _log(row: Row, freedom: float) -> Ratio:
    """The logarithm of a figure with its standard errors."""
    value = _value(row)
    quantile = student(freedom, _MISS) if freedom else 1.0
    below, above = math.log(value / (row.low or value)), math.log((row.high or value) / value)
    return Ratio(math.log(value), max(below, 0) / quantile, max(above, 0) / quantile, freedom)


def _value(row: Row) -> float:
    assert row.value is not None
    return row.value


class _Costs:
    """The changes of costs that are over the same unit in both runs.

    `units` are these units, `over` has the changes of the times over each unit, `other_units`
    counts costs over different ones, `one_sided` are the cases for which only one run has a cost.
    """

    def __init__(self, base: Run, candidate: Run, times: Changes) -> None:
        before, after = (
            {row.case: row for row in rows.rows_of(run, [COST]) if row.ok and row.against}
            for run in (base, candidate)
        )
        self.changes: dict[Case, Ratio] = {}
        self.units: dict[Case, str] = {}
        self.over: dict[Case, list[Ratio]] = {}
        self.other_units: Counter[str] = Counter()
        self.one_sided = {case for case in times if (case in before) != (case in after)}
        for case in (case for case in times if case in before and case in after):
            unit, name = _unit(before[case])
            if (unit, name) != _unit(after[case]):
                who = f"{candidate.facts.title(case.framework)} {case.mode}, {case.direction}"
                self.other_units[f"{who}: {name} against {_unit(after[case])[1]}"] += 1
            elif unit != case:
                self.changes[case] = _ratio(before[case], after[case], times[case].freedom)
                self.units[case] = name
                self.over.setdefault(unit, []).append(times[case])


def _unit(row: Row) -> tuple[Case, str]:
    """The case that a cost is over, and its activation and form in words."""
    assert row.against is not None
    name, form = row.against.name, row.against.form
    return row.case.of(name, form), f"{name} {form}"


# --- verdicts -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Judge:
    """The rules of verdicts; `doubt` is the chance that one call of slower or faster is wrong."""

    zone: float
    doubt: float
    same_machine: bool

    def change(self, ratio: Ratio) -> Change:
        """The verdict that a ratio gives on its own."""
        surely, usually = ratio.interval(self.doubt), ratio.interval(_MISS)
        verdict = Verdict.UNDECIDED
        if surely.low > edge(self.zone):
            verdict = Verdict.SLOWER
        elif surely.high < 1 / edge(self.zone):
            verdict = Verdict.FASTER
        elif 1 / (1 + self.zone) < usually.low <= usually.high < 1 + self.zone:
            verdict = Verdict.SAME
        return Change(usually.value, usually.low, usually.high, verdict)

    def verdict(self, time: Change, beside: Change | None) -> Verdict:
        """The verdict of both sides; times of different machines give none."""
        sides = {side.verdict for side in (time if self.same_machine else None, beside) if side}
        if Verdict.SAME in sides:
            return Verdict.SAME
        return sides.pop() if len(sides) == 1 else Verdict.UNDECIDED


def _timing(base: Row, candidate: Row, changes: Changes, costs: _Costs, judge: _Judge) -> Timing:
    case, over = base.case, costs.over.get(base.case, [])
    ratio = changes[case].over(median_of_dependent(over)) if over else costs.changes.get(case)
    time, beside = judge.change(changes[case]), judge.change(ratio) if ratio else None
    verdict, lack = judge.verdict(time, beside), None
    if beside and {time.verdict, beside.verdict} == {Verdict.SLOWER, Verdict.FASTER}:
        lack = Lack.OPPOSITE
    if case in costs.one_sided:
        verdict, lack = Verdict.UNDECIDED, Lack.UNIT
    if not changes[case].freedom:
        lack = Lack.INTERVAL
    return Timing(
        case,
        _value(base),
        _value(candidate),
        time,
        beside,
        verdict,
        costs.units.get(case, ""),
        len(over),
        lack,
    )


# --- groups ---------------------------------------------------------------------------------------


def _groups(changes: Changes, judge: _Judge) -> Iterator[Group]:
    """Each framework and mode beside the others on its device, and each setting beside all of its
    framework and mode, where that has several settings."""
    wholes, settings = _grouped(changes, _WHOLE), _grouped(changes, _SETTING)
    medians = {key: median_of_dependent(members) for key, members in wholes.items()}
    for key, members in wholes.items():
        others = [
            median for other, median in medians.items() if other[0] != key[0] and other[2] == key[2]
        ]
        group = _group(key, members, median_of_dependent(others) if others else None, judge)
        # A framework alone cannot be distinguished from its machine.
        undecided = not others and group.verdict != Verdict.SAME
        yield replace(group, verdict=Verdict.UNDECIDED) if undecided else group
    for key, members in settings.items():
        whole = key[: len(_WHOLE)]
        if _FEWEST <= len(members) < len(wholes[whole]):
            yield _group(key, members, medians[whole], judge)


def _grouped(changes: Changes, fields: Sequence[str]) -> dict[tuple[Any, ...], list[Ratio]]:
    """The changes of the cases that share some fields, only those with an interval if there are
    any."""
    groups: dict[tuple[Any, ...], list[Ratio]] = {}
    for case, change in changes.items():
        groups.setdefault(tuple(getattr(case, name) for name in fields), []).append(change)
    return {
        key: [ratio for ratio in ratios if ratio.freedom] or ratios
        for key, ratios in groups.items()
    }


def _group(
    key: tuple[Any, ...], members: Sequence[Ratio], beside: Ratio | None, judge: _Judge
) -> Group:
    median = median_of_dependent(members)
    time, other = judge.change(median), judge.change(median.over(beside)) if beside else None
    fields = dict(zip(_SETTING, key, strict=False))
    return Group(fields, len(members), time, other, judge.verdict(time, other))
