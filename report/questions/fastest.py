"""Which framework from which size on? The one whose interval lies below all the others'."""

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
"""Nanoseconds a call by size, then by framework and mode."""


def answer(evidence: Evidence) -> Answer:
    """The fastest framework and mode at each size, by activation."""
    timed = [timed for timed in evidence.timed if plain(timed, *_NAMES)]
    found = answering(evidence, timed, _comparable)
    if not found:
        why = "there are no two frameworks or modes to choose from"
        return unmeasured(evidence, _ANCHOR, _QUESTION, _MEASURE, why)
    told = [
        sentence(group.prefix, f"for {name}, {_by_size(times)}")
        for group in found
        for name in _NAMES
        if (times := _times(group, name))
    ]
    cases = [timed.case for group in found for timed in group.records]
    return Answer(_ANCHOR, _QUESTION, tuple(told), (_figure(found),), again(cases))


def _comparable(group: Group[Timed]) -> Group[Timed]:
    """What two settings have."""
    return group.having(lambda timed: bool(_times(group, timed.case.activation)))


def _times(group: Group[Timed], name: str) -> dict[int, dict[str, Estimate]]:
    """The times at every size that two settings have."""
    found: dict[int, dict[str, Estimate]] = {size.elements: {} for size in group.sizes}
    for series in group.series:
        for timed in series.records:
            if timed.case.activation == name and timed.case.size in found:
                found[timed.case.size][series.who] = timed.time
    return {size: times for size, times in found.items() if len(times) > 1}


# --- in words -------------------------------------------------------------------------------------


def contenders(times: Mapping[str, Estimate]) -> tuple[str, ...]:
    """Who may be the fastest: all whose interval does not lie above another's.

    One without an interval is never ruled out, and rules out nobody.
    """
    highs = [time.high for time in times.values() if time.high is not None]
    return tuple(
        who
        for who, time in times.items()
        if time.low is None or all(time.low <= high for high in highs)
    )


def _by_size(times: Times) -> str:
    told: list[str] = []
    for who, group in groupby(times, key=lambda size: contenders(times[size])):
        sizes = list(group)
        ends = "–".join(f"{size:,}" for size in dict.fromkeys((sizes[0], sizes[-1])))
        at = f"at {ends} elements" if not told else f"at {ends}"
        if len(who) == 1:
            least = min(_lead(times[size], who[0]) for size in sizes)
            told.append(f"{at} {who[0]} (any other takes at least {number(least)}×)")
        else:
            named = f": {listing(who)}" if len(who) <= _NAMED else ""
            most = max(len(times[size]) for size in sizes)
            told.append(f"{at} not distinguished ({len(who)} of {most}{named})")
    return "; ".join(told)


def _lead(times: Mapping[str, Estimate], who: str) -> float:
    """How many times the fastest one's time any other takes at least, as intervals show."""
    own = times[who]
    assert own.high is not None
    return min(
        time.low / own.high for name, time in times.items() if name != who and time.low is not None
    )


# --- as curves ------------------------------------------------------------------------------------


def _figure(found: Sequence[Group[Timed]]) -> Figure:
    drawn = [
        Curves(
            f"{name}{f', {group.conditions.device}' * (len(found) > 1)}: ns an element",
            _curves(group, name),
        )
        for group in found
        for name in _NAMES
        if _times(group, name)
    ]
    return Figure(
        "What an element costs, by framework and size",
        "Solid is compiled, dashed eager; bars are 95 % intervals. The axes are the same in every "
        f"panel. {capital('; '.join(group.words for group in found))}.",
        panels("fastest", drawn, "nanoseconds an element by size"),
    )


def _curves(group: Group[Timed], name: str) -> list[Curve]:
    made = []
    for series in group.series:
        values = {
            timed.case.size: timed.estimates["time_per_element"]
            for timed in series.records
            if timed.case.activation == name and "time_per_element" in timed.estimates
        }
        dashed = series.setting.mode != "compiled"
        made += [Curve(series.who, series.setting.framework, values, dashed)] if values else []
    return made
