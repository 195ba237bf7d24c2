"""The fastest framework by size: the one whose interval lies below all the others'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from ..compare.commands import again
from ..compare.groups import Group, answering
from ..draw.curves import Curve, Curves, panels
from ..draw.figure import Figure
from ..read.evidence import Estimate, Evidence, Timed
from ..words import capital, listing, number, sentence
from .answer import Answer, plain, unmeasured

ORDER = 70
_ANCHOR = "fastest"
_QUESTION = "Which framework, from which size on?"
_NAMES = ("relu", "gelu", "squareplus")
_NAMED = 3
"""Settings not distinguished that are named; of more, their number."""
_MEASURE = (
    "--activation relu --activation gelu --activation squareplus --direction forward --only timing "
    "--size launch --size l1 --size l2 --size last_level --size memory"
)
Times = Mapping[int, Mapping[str, Estimate]]
"""Nanoseconds per call by size, then by framework and mode."""


def answer(evidence: Evidence) -> Answer:
    """The fastest framework and mode at each size, by activation."""
    timed = [timed for timed in evidence.timed if plain(timed, *_NAMES)]
    groups = answering(evidence, timed, _comparable)
    if not groups:
        why = "there are no two frameworks or modes to choose from"
        return unmeasured(evidence, _ANCHOR, _QUESTION, _MEASURE, why)
    sentences = [
        sentence(group.prefix, f"for {name}, {_by_size(times)}")
        for group in groups
        for name in _NAMES
        if (times := _times(group, name))
    ]
    cases = [timed.case for group in groups for timed in group.records]
    return Answer(_ANCHOR, _QUESTION, tuple(sentences), (_figure(groups),), again(cases))


def _comparable(group: Group[Timed]) -> Group[Timed]:
    """The records of activations that two settings have."""
    return group.having(lambda timed: bool(_times(group, timed.case.activation)))


def _times(group: Group[Timed], name: str) -> dict[int, dict[str, Estimate]]:
    """The times at every size that two settings have."""
    by_size: dict[int, dict[str, Estimate]] = {size.elements: {} for size in group.sizes}
    for series in group.series:
        for timed in series.records:
            if timed.case.activation == name and timed.case.size in by_size:
                by_size[timed.case.size][series.who] = timed.time
    return {size: times for size, times in by_size.items() if len(times) > 1}


# --- in words -------------------------------------------------------------------------------------


def contenders(times: Mapping[str, Estimate]) -> tuple[str, ...]:
    """Settings that may be the fastest: those whose interval does not lie above another's.

    One without an interval is never ruled out, and rules out no other.
    """
    highs = [time.high for time in times.values() if time.high is not None]
    return tuple(
        who
        for who, time in times.items()
        if time.low is None or all(time.low <= high for high in highs)
    )


def _by_size(times: Times) -> str:
    clauses: list[str] = []
    for who, group in groupby(times, key=lambda size: contenders(times[size])):
        sizes = list(group)
        ends = "–".join(f"{size:,}" for size in dict.fromkeys((sizes[0], sizes[-1])))
        at = f"at {ends} elements" if not clauses else f"at {ends}"
        if len(who) == 1:
            least = min(_lead(times[size], who[0]) for size in sizes)
            clauses.append(f"{at} {who[0]} (any other takes at least {number(least)}×)")
        else:
            named = f": {listing(who)}" if len(who) <= _NAMED else ""
            most = max(len(times[size]) for size in sizes)
            clauses.append(f"{at} not distinguished ({len(who)} of {most}{named})")
    return "; ".join(clauses)


def _lead(times: Mapping[str, Estimate], who: str) -> float:
    """The least ratio of any other's time to the fastest one's, as intervals show."""
    own = times[who]
    assert own.high is not None
    return min(
        time.low / own.high for name, time in times.items() if name != who and time.low is not None
    )


# --- as curves ------------------------------------------------------------------------------------


def _figure(groups: Sequence[Group[Timed]]) -> Figure:
    drawn = [
        Curves(
            f"{name}{f', {group.conditions.device}' * (len(groups) > 1)}: ns per element",
            _curves(group, name),
        )
        for group in groups
        for name in _NAMES
        if _times(group, name)
    ]
    return Figure(
        "What an element costs, by framework and size",
        "Solid is compiled, dashed eager; bars are 95 % intervals. The axes are the same in every "
        f"panel. {capital('; '.join(group.words for group in groups))}.",
        panels("fastest", drawn, "nanoseconds per element by size"),
    )


def _curves(group: Group[Timed], name: str) -> list[Curve]:
    curves = []
    for series in group.series:
        values = {
            timed.case.size: timed.estimates["time_per_element"]
            for timed in series.records
            if timed.case.activation == name and "time_per_element" in timed.estimates
        }
        dashed = series.setting.mode != "compiled"
        curves += [Curve(series.who, series.setting.framework, values, dashed)] if values else []
    return curves
