"""Costs and errors over the runs of one machine: which are followed, and what changed when."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ...bench.catalog.cases import Case
from ..compare.families import NAMED, REFERENCE_SIZE
from ..compare.ratios import times
from ..compare.settings import setting_of, unusual
from ..read.evidence import FAMILIES, Estimate, Timed
from ..words import counted, elements, listing, number
from .changes import Change, changes, runs_needed
from .runs import Listed, Machine, circumstances


@dataclass(frozen=True)
class Point:
    """A cost in a run; `run` counts the machine's runs from 1."""

    run: int
    estimate: Estimate


@dataclass(frozen=True)
class History:
    """The cost over relu of one case, in the order of the runs that measured it."""

    case: Case
    family: str
    points: tuple[Point, ...]
    changes: tuple[Change, ...] = ()

    @property
    def who(self) -> str:
        """`PyTorch compiled`."""
        return setting_of("", self.case).who

    @property
    def member(self) -> str:
        """`squareplus [textbook]`."""
        return f"{self.case.activation} [{self.case.form}]"

    @property
    def words(self) -> str:
        """`PyTorch compiled, squareplus [textbook], 65,536 elements (2^16)`, what is unusual."""
        return ", ".join([self.who, self.member, elements(self.case.size), *unusual(self.case)])

    @property
    def measured(self) -> list[Point]:
        """The points whose interval is known, finite and above 0: `at` of a change counts these."""
        return [
            point
            for point in self.points
            if point.estimate.low is not None
            and point.estimate.high is not None
            and 0 < point.estimate.low <= point.estimate.high < math.inf
        ]

    def cells(self, runs: int) -> list[str]:
        """The cost in each run, with its interval; a dash where it was not measured."""
        costs = {point.run: times(point.estimate) for point in self.points}
        return [costs.get(run, "–") for run in range(1, runs + 1)]


@dataclass(frozen=True)
class Moved:
    """A largest error that is another than in the run before at as many inputs of the same seed."""

    case: Case
    family: str
    before: tuple[int, float]
    after: tuple[int, float]


@dataclass(frozen=True)
class Exactness:
    """The number of cases checked at the same inputs in two runs or more, and those that moved."""

    compared: int
    moved: tuple[Moved, ...]

    @property
    def sentence(self) -> str:
        """The number of largest errors that moved, of those that can be compared."""
        if not self.compared:
            return "No case was checked at the same inputs in two runs."
        moved = f"{counted(len(self.moved), 'largest error')} moved."
        return (
            f"{counted(self.compared, 'case')} checked in two runs or more at as many inputs, "
            "chosen by the same seed: "
            + (moved if self.moved else "the largest errors are the same in all of them.")
        )


@dataclass(frozen=True)
class Trend:
    """Everything over the runs of one machine, the oldest first."""

    machine: Machine
    runs: tuple[Listed, ...]
    followed: tuple[History, ...]
    exactness: Exactness
    family_wise: int
    """The number of cases followed on all machines together: each claim pays for all."""

    @property
    def changed(self) -> bool:
        """True if any case that is followed changes its level."""
        return any(history.changes for history in self.followed)

    @property
    def needed(self) -> int:
        """The number of runs of a case that a change needs."""
        return runs_needed(max(1, self.family_wise))

    @property
    def longest(self) -> int:
        """The most runs with an interval that any case that is followed has."""
        return max((len(history.measured) for history in self.followed), default=0)


def trends(listed: Iterable[Listed]) -> list[Trend]:
    """A trend for each machine that has a run fit for one."""
    machines = by_machine(run for run in listed if not run.excluded)
    followed = [_followed(runs) for runs in machines]
    total = sum(map(len, followed))
    return [_trend(runs, cases, total) for runs, cases in zip(machines, followed, strict=True)]


def by_machine(listed: Iterable[Listed]) -> list[list[Listed]]:
    """Runs of the same machine together, the oldest first, a machine at its first run's place."""
    machines: dict[str, list[Listed]] = {}
    for run in sorted(listed, key=lambda run: run.order):
        machines.setdefault(run.machine.key, []).append(run)
    return list(machines.values())


def _trend(runs: Sequence[Listed], cases: Sequence[Case], total: int) -> Trend:
    histories = [_changed(_history(case, runs), total) for case in cases]
    return Trend(runs[0].machine, tuple(runs), tuple(histories), _exactness(runs), total)


def _history(case: Case, runs: Sequence[Listed]) -> History:
    measured = [
        (number, run.costs[case]) for number, run in enumerate(runs, start=1) if case in run.costs
    ]
    points = tuple(Point(number, timed.cost) for number, timed in measured if timed.cost)
    return History(case, measured[0][1].family, points)


def _changed(history: History, total: int) -> History:
    claimed = changes([point.estimate for point in history.measured], total)
    return replace(history, changes=tuple(claimed))


# --- what is followed -----------------------------------------------------------------------------


def _followed(runs: Sequence[Listed]) -> list[Case]:
    """One activation per family of each framework, mode and device, chosen without values.

    Forward, float32, one thread, at the size nearest to 2^16, in the form that people take first.
    """
    in_runs: dict[Case, int] = {}
    known: dict[Case, Timed] = {}
    for run in runs:
        for case, timed in run.costs.items():
            in_runs[case] = in_runs.get(case, 0) + 1
            known.setdefault(case, timed)
    by_framework: dict[tuple[object, ...], list[Timed]] = {}
    for case, timed in known.items():
        if _usual(timed):
            key = (case.device, *setting_of("", case).order, case.mode, case.framework)
            by_framework.setdefault(key, []).append(timed)
    return [case for key in sorted(by_framework) for case in _chosen(by_framework[key], in_runs)]


def _usual(timed: Timed) -> bool:
    setting = setting_of("", timed.case)
    return timed.plain and setting.usual and not set(unusual(setting)) - {setting.device}


def _chosen(timed: Sequence[Timed], in_runs: Mapping[Case, int]) -> Iterator[Case]:
    """The activation in the most runs; among equals the one that people name."""
    sizes = {case.case.size for case in timed}
    size = min(sizes, key=lambda size: (abs(size - REFERENCE_SIZE), size))
    for family in FAMILIES:
        cases = [
            candidate.case
            for candidate in timed
            if candidate.case.size == size and candidate.family == family
        ]
        if cases:
            named = NAMED[family][0]
            yield min(cases, key=lambda case: (-in_runs[case], case.activation != named))


def _exactness(runs: Sequence[Listed]) -> Exactness:
    """Each largest error beside that of the run before at the same inputs."""
    last: dict[tuple[Case, int, int], tuple[int, float]] = {}
    twice, moved = set(), []
    for order, run in enumerate(runs, start=1):
        for case, checked in run.errors.items():
            key, error = (case, run.facts.seed, run.facts.per_binade), checked.max_ulp
            if key in last:
                twice.add(key)
                if last[key][1] != error:
                    moved.append(Moved(case, checked.family, last[key], (order, error)))
            last[key] = (order, error)
    return Exactness(len(twice), tuple(moved))


# --- in words -------------------------------------------------------------------------------------


def sentences(trend: Trend) -> list[str]:
    """A sentence for each change, or one with the reason that none is claimed."""
    claims = [
        _sentence(trend, history, change)
        for history in trend.followed
        for change in history.changes
    ]
    return claims or [_none(trend)]


def _none(trend: Trend) -> str:
    if not trend.followed:
        return "No case is followed: none was timed forward in float32 on one thread."
    if trend.longest < trend.needed:
        return (
            f"No change can be claimed yet: with {counted(trend.family_wise, 'series', 'series')} "
            f"a change needs {trend.needed} runs of one, and the longest here has {trend.longest}."
        )
    return (
        f"No change of level in {counted(len(trend.followed), 'series', 'series')} of up to "
        f"{counted(trend.longest, 'run')}."
    )


def _sentence(trend: Trend, history: History, change: Change) -> str:
    points = history.measured
    at, before = points[change.at].run, points[change.at - 1].run
    run, earlier = trend.runs[at - 1], trend.runs[before - 1]
    return (
        f"{history.words}: the cost over relu is {'higher' if change.rose else 'lower'} from run "
        f"{at} on ({run.name}). The intervals of the {change.beside} runs before it lie within "
        f"{_ends(change.before)}, those of the {change.beside} from it on within "
        f"{_ends(change.after)}. " + _beside(earlier, run, history.case.framework)
    )


def _ends(ends: tuple[float, float]) -> str:
    return f"{number(ends[0])}–{number(ends[1])}×"


def _beside(before: Listed, after: Listed, framework: str) -> str:
    """Other differences of the run at which a case changed: not necessarily the cause."""
    changed = differences(before, after, framework)
    if not changed:
        return "No version or setting that runs record changed with it."
    return (
        f"At the same run changed: {listing(changed)}. The runs do not show which of "
        "these caused it, if any did."
    )


def differences(before: Listed, after: Listed, framework: str) -> list[str]:
    """`torch 2.13.0 → 2.14.0`: the recorded versions and settings in which two runs differ."""
    old, new = (circumstances(run.facts, framework) for run in (before, after))
    return [
        f"{name} {old.get(name, 'not kept')} → {new.get(name, 'not kept')}"
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]


def news(trend: Trend, number: int) -> list[str]:
    """Differences of a run from the machine's run before it, for any framework."""
    if number == 1:
        return []
    before, after = trend.runs[number - 2], trend.runs[number - 1]
    names = dict.fromkeys(
        worker.framework for run in (before, after) for worker in run.facts.workers.values()
    )
    texts = (text for name in names or [""] for text in differences(before, after, name))
    return list(dict.fromkeys(texts))
