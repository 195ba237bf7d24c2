"""Costs over the runs of one machine: which ones are followed, and what changed when."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ...bench.catalog.cases import Case
from ...bench.results.estimate import Estimate
from ..compare.families import NAMED
from ..compare.settings import setting_of, unusual
from ..read.evidence import FAMILIES, Timed
from ..words import counted, elements, listing, number
from .changes import Change, changes, runs_needed
from .runs import Listed, Machine, by_machine, differences

_SIZE = 2**16
"""The size nearest to which a case is followed."""


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
        """The case in words, with anything unusual: `PyTorch compiled, squareplus [textbook],
        65,536 elements (2^16)`."""
        return ", ".join([self.who, self.member, elements(self.case.size), *unusual(self.case)])

    @property
    def measured(self) -> list[Point]:
        """The points whose interval is known and above 0: `at` of a change counts these."""
        return [point for point in self.points if point.estimate.known and point.estimate.low > 0]

    def cells(self, runs: int) -> list[str]:
        """The cost in each run, ± half its interval; a dash where it was not measured."""
        costs = {point.run: _cell(point.estimate) for point in self.points}
        return [costs.get(run, "–") for run in range(1, runs + 1)]


def _cell(estimate: Estimate) -> str:
    half = f" ± {estimate.half_width:.1%}" if math.isfinite(estimate.half_width) else ""
    return f"{number(estimate.value)}×{half}"


@dataclass(frozen=True)
class Trend:
    """Everything over the runs of one machine, the oldest first.

    `family_wise` is the number of cases followed on all machines together, which share the error
    rate.
    """

    machine: Machine
    runs: tuple[Listed, ...]
    followed: tuple[History, ...]
    family_wise: int

    @property
    def changed(self) -> bool:
        """Return whether any followed case changes its level."""
        return any(history.changes for history in self.followed)

    @property
    def longest(self) -> int:
        """The most runs with an interval that any followed case has."""
        return max((len(history.measured) for history in self.followed), default=0)


def trends(listed: Iterable[Listed]) -> list[Trend]:
    """A trend for each machine with a suitable run."""
    machines = by_machine(run for run in listed if not run.excluded)
    followed = [_followed(runs) for runs in machines]
    total = sum(map(len, followed))
    return [
        Trend(
            runs[0].machine, tuple(runs), tuple(_history(case, runs, total) for case in of), total
        )
        for runs, of in zip(machines, followed, strict=True)
    ]


def _history(case: Case, runs: Sequence[Listed], total: int) -> History:
    measured = [(at, run.costs[case]) for at, run in enumerate(runs, start=1) if case in run.costs]
    points = tuple(Point(at, timed.cost) for at, timed in measured if timed.cost)
    history = History(case, measured[0][1].family, points)
    claimed = changes([point.estimate for point in history.measured], total)
    return replace(history, changes=tuple(claimed))


def _followed(runs: Sequence[Listed]) -> list[Case]:
    """One activation per family of each framework, mode and device, chosen without values.

    Forward, float32, one thread, at the size nearest to 2^16, in the plain form.
    """
    in_runs: dict[Case, int] = {}
    by_framework: dict[tuple[object, ...], dict[Case, Timed]] = {}
    for run in runs:
        for case, timed in run.costs.items():
            in_runs[case] = in_runs.get(case, 0) + 1
            if _usual(timed):
                key = (case.device, *setting_of("", case).order, case.mode, case.framework)
                by_framework.setdefault(key, {}).setdefault(case, timed)
    return [case for key in sorted(by_framework) for case in _chosen(by_framework[key], in_runs)]


def _usual(timed: Timed) -> bool:
    setting = setting_of("", timed.case)
    return timed.plain and setting.usual and not set(unusual(setting)) - {setting.device}


def _chosen(timed: Mapping[Case, Timed], in_runs: Mapping[Case, int]) -> Iterator[Case]:
    """The activation in the most runs; among equals the most common one."""
    size = min((case.size for case in timed), key=lambda size: (abs(size - _SIZE), size))
    for family in FAMILIES:
        cases = [case for case in timed if case.size == size and timed[case].family == family]
        if cases:
            named = NAMED[family][0]
            yield min(cases, key=lambda case: (-in_runs[case], case.activation != named))


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
    needed = runs_needed(max(1, trend.family_wise))
    if trend.longest < needed:
        return (
            f"No change can be claimed yet: it takes {needed} runs, and there are {trend.longest}."
        )
    series = counted(len(trend.followed), "series", "series")
    return f"No change of level in {series} of up to {counted(trend.longest, 'run')}."


def _sentence(trend: Trend, history: History, change: Change) -> str:
    points = history.measured
    at, before = points[change.at].run, points[change.at - 1].run
    run, earlier = trend.runs[at - 1], trend.runs[before - 1]
    return (
        f"{history.words}: the cost over relu is {'higher' if change.rose else 'lower'} from run "
        f"{at} on: {_ends(change.before)} before, {_ends(change.after)} since. "
        + _beside(earlier, run, history.case.framework)
    )


def _ends(ends: tuple[float, float]) -> str:
    return f"{number(ends[0])}–{number(ends[1])}×"


def _beside(before: Listed, after: Listed, framework: str) -> str:
    """The other differences of the run at which a case changed: not necessarily the cause."""
    changed = differences(before, after, framework)
    if not changed:
        return "No version or setting that runs record changed with it."
    return f"With it changed: {listing(changed)}; that is no proof of the cause."
