"""Costs and errors over the runs of one machine: which are followed, and what changed when."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ...bench.catalog.activations import CATALOG
from ...bench.catalog.cases import Case
from ..compare.families import REFERENCE_SIZE, USUAL
from ..read.evidence import FAMILIES, Estimate, family_of, plain_form
from ..words import counted, elements, listing, number, ratio, title
from .changes import Change, changes, runs_needed
from .runs import Listed, Machine, circumstances

PREFERRED = ("leaky_relu", "squareplus", "gelu")
"""Who stands for its family where it is in as many runs as any other; relu is the unit."""
MOST_MOVED = 6
_MISSED = 0.0056
"""How often two right 95 % intervals of one value, equally wide, miss each other: of a standard
normal variable, farther than 1.96 √2 from 0."""


@dataclass(frozen=True)
class Point:
    """A value of a series; `run` counts the machine's runs from 1."""

    run: int
    estimate: Estimate


@dataclass(frozen=True)
class Series:
    """The cost over relu of one case, in the order of the runs that measured it."""

    case: Case
    family: str
    points: tuple[Point, ...]
    changes: tuple[Change, ...] = ()

    @property
    def words(self) -> str:
        """`squareplus [textbook]`."""
        return f"{self.case.activation} [{self.case.form}]"

    @property
    def measured(self) -> list[Point]:
        """The points whose interval is known, finite and above 0: `at` of a change counts these."""
        return [
            each
            for each in self.points
            if each.estimate.low is not None
            and each.estimate.high is not None
            and 0 < each.estimate.low <= each.estimate.high < math.inf
        ]


@dataclass(frozen=True)
class Moved:
    """A largest error that is another than in the run before at as many inputs of the same seed."""

    case: Case
    before: tuple[int, float]
    after: tuple[int, float]


@dataclass(frozen=True)
class Exactness:
    """How many cases were checked at the same inputs in two runs or more, and which moved."""

    compared: int
    moved: tuple[Moved, ...]


@dataclass(frozen=True)
class Trend:
    """Everything over the runs of one machine, the oldest first."""

    machine: Machine
    runs: tuple[Listed, ...]
    followed: tuple[Series, ...]
    moved: tuple[Series, ...]
    apart: int
    compared: int
    exactness: Exactness
    family_wise: int
    """How many followed series there are on all machines together: each claim pays for all."""

    @property
    def changed(self) -> bool:
        """Whether any followed series changes its level."""
        return any(each.changes for each in self.followed)

    @property
    def needed(self) -> int:
        """How many runs of a series a change needs."""
        return runs_needed(max(1, self.family_wise))

    @property
    def longest(self) -> int:
        """The most runs with an interval that any followed series has."""
        return max((len(each.measured) for each in self.followed), default=0)


def trends(listed: Iterable[Listed]) -> list[Trend]:
    """A trend for each machine that has a run fit for one."""
    machines = by_machine(each for each in listed if not each.excluded)
    followed = [_followed(runs) for runs in machines]
    total = sum(map(len, followed))
    return [_trend(*each, total) for each in zip(machines, followed, strict=True)]


def by_machine(listed: Iterable[Listed]) -> list[list[Listed]]:
    """Runs of the same machine together, the oldest first, a machine at its first run's place."""
    machines: dict[str, list[Listed]] = {}
    for each in sorted(listed, key=lambda each: each.order):
        machines.setdefault(each.machine.key, []).append(each)
    return list(machines.values())


def _trend(runs: Sequence[Listed], cases: Sequence[Case], total: int) -> Trend:
    found = [_changed(_series(case, runs), total) for case in cases]
    others = {case for run in runs for case in run.costs} - set(cases)
    rest = [_series(case, runs) for case in sorted(others, key=_order)]
    rest = [each for each in rest if len(each.measured) > 1]
    apart = [each for each in rest if _far(each) > 0]
    apart.sort(key=_far, reverse=True)
    errors, moved = _exactness(runs), tuple(apart[:MOST_MOVED])
    machine = runs[0].machine
    return Trend(machine, tuple(runs), tuple(found), moved, len(apart), len(rest), errors, total)


def _series(case: Case, runs: Sequence[Listed]) -> Series:
    points = [
        Point(number, run.costs[case])
        for number, run in enumerate(runs, start=1)
        if case in run.costs
    ]
    return Series(case, family_of(case.activation)[0], tuple(points))


def _changed(series: Series, total: int) -> Series:
    found = changes([each.estimate for each in series.measured], total)
    return replace(series, changes=tuple(found))


def _far(series: Series) -> float:
    """How far the last run's cost lies from the first one's: 0 where their intervals overlap."""
    points = series.measured
    first, last = points[0].estimate, points[-1].estimate
    gap = max((last.low or 0) - (first.high or 0), (first.low or 0) - (last.high or 0))
    return abs(math.log(last.value / first.value)) if gap > 0 else 0.0


def _followed(runs: Sequence[Listed]) -> list[Case]:
    """Of each framework, mode and device one activation a family, chosen without their values.

    Forward, float32, one thread, at the size nearest to 2^16, in the form that people take first.
    """
    in_runs: dict[Case, int] = {}
    for run in runs:
        for case in run.costs:
            in_runs[case] = in_runs.get(case, 0) + 1
    usual = [case for case in in_runs if _usual(case)]
    places = sorted({_place(case) for case in usual})
    chosen = [_chosen([c for c in usual if _place(c) == place], in_runs) for place in places]
    return sorted((case for found in chosen for case in found), key=_order)


def _usual(case: Case) -> bool:
    return (
        (case.direction, case.dtype, case.threads) == ("forward", "float32", 1)
        and (case.output, case.cache) == USUAL
        and case.form == plain_form(case.framework, case.activation)
    )


def _place(case: Case) -> tuple[str, str, str]:
    return case.device, case.framework, case.mode


def _chosen(cases: Sequence[Case], in_runs: Mapping[Case, int]) -> Iterator[Case]:
    size = min({case.size for case in cases}, key=lambda each: (abs(each - REFERENCE_SIZE), each))
    for family in FAMILIES:
        found = [c for c in cases if c.size == size and family_of(c.activation)[0] == family]
        if found:
            yield min(found, key=lambda case: (-in_runs[case], *_preference(case)))


def _preference(case: Case) -> tuple[bool, int, str]:
    names = list(CATALOG)
    place = names.index(case.activation) if case.activation in names else len(names)
    return case.activation not in PREFERRED, place, case.activation


def _order(case: Case) -> tuple[object, ...]:
    family = family_of(case.activation)[0]
    place = FAMILIES.index(family) if family in FAMILIES else len(FAMILIES)
    return case.device, title(case.framework).lower(), case.mode != "eager", place, str(case)


def _exactness(runs: Sequence[Listed]) -> Exactness:
    """Each largest error beside that of the run before at the same inputs."""
    last: dict[tuple[Case, int, int], tuple[int, float]] = {}
    twice, moved = set(), []
    for place, run in enumerate(runs, start=1):
        for case, error in run.errors.items():
            key = (case, run.facts.seed, run.facts.per_binade)
            if key in last:
                twice.add(key)
                if last[key][1] != error:
                    moved.append(Moved(case, last[key], (place, error)))
            last[key] = (place, error)
    return Exactness(len(twice), tuple(moved))


def sentences(trend: Trend) -> list[str]:
    """A sentence for each change, or the one that says why there is none."""
    found = [
        _sentence(trend, series, change) for series in trend.followed for change in series.changes
    ]
    return found or [_none(trend)]


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


def _sentence(trend: Trend, series: Series, change: Change) -> str:
    points = series.measured
    at, before = points[change.at].run, points[change.at - 1].run
    run, earlier = trend.runs[at - 1], trend.runs[before - 1]
    case = series.case
    return (
        f"{title(case.framework)}, {case.mode}, {series.words}, {elements(case.size)}: the cost "
        f"over relu is {'higher' if change.rose else 'lower'} from run {at} on ({run.name}). The "
        f"intervals of the {change.beside} runs before it lie within {_ends(change.before)}, those "
        f"of the {change.beside} from it on within {_ends(change.after)}. "
        + _beside(earlier, run, case.framework)
    )


def _ends(ends: tuple[float, float]) -> str:
    return f"{number(ends[0])}–{number(ends[1])}×"


def _beside(before: Listed, after: Listed, framework: str) -> str:
    """What else is different in the run at which a series changed: beside it, not the cause."""
    changed = differences(before, after, framework)
    if not changed:
        return "Nothing else that a run keeps of versions and settings changed with it."
    return (
        f"At the same run changed: {listing(changed)}. Which of these it is due to, if to any, the "
        "runs do not say."
    )


def differences(before: Listed, after: Listed, framework: str) -> list[str]:
    """`torch 2.13.0 → 2.14.0`: what two runs keep of versions and settings where they differ."""
    old, new = (circumstances(each.facts, framework) for each in (before, after))
    return [
        f"{name} {old.get(name, 'not told')} → {new.get(name, 'not told')}"
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]


def news(trend: Trend, place: int) -> list[str]:
    """What a run has other than the machine's run before it, of any framework."""
    if place == 1:
        return []
    before, after = trend.runs[place - 2], trend.runs[place - 1]
    names = dict.fromkeys(
        name.split("/")[0] for run in (before, after) for name in run.facts.workers
    )
    found = (text for name in names or [""] for text in differences(before, after, name))
    return list(dict.fromkeys(found))


def moved_sentence(trend: Trend) -> str:
    """How many of the other cases lie apart between first and last run, and how many would."""
    if not trend.compared:
        return ""
    return (
        f"Of {counted(trend.compared, 'other case')} with an interval in two runs or more, "
        f"{trend.apart:,} {'has' if trend.apart == 1 else 'have'} a first and a last interval that "
        f"do not overlap. By chance alone {_some(trend.compared * _MISSED)} would: two right "
        "95 % intervals of the same value miss each other in 1 of 180 pairs."
    )


def _some(amount: float) -> str:
    return f"some {amount:,.0f}" if amount >= 1 else "fewer than 1"


def exactness_sentence(exactness: Exactness) -> str:
    """How many largest errors moved, of how many that can be compared."""
    if not exactness.compared:
        return "No case was checked at the same inputs in two runs."
    return (
        f"{counted(exactness.compared, 'case')} checked in two runs or more at as many inputs, "
        f"chosen by the same seed: "
        + (
            f"{counted(len(exactness.moved), 'largest error')} moved."
            if exactness.moved
            else "the largest errors are the same in all of them."
        )
    )


def cells(series: Series, runs: int) -> list[str]:
    """The cost in each run, with its interval; a dash where it was not measured."""
    found = {each.run: ratio(each.estimate) for each in series.points}
    return [found.get(run, "–") for run in range(1, runs + 1)]
