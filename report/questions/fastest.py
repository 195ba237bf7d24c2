"""Which framework from which size on? The one whose interval lies below all the others'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from ...bench.catalog.activations import BASELINE
from ..draw.curves import Curve, limits, panel
from ..draw.figure import Figure
from ..read.evidence import Estimate, Evidence
from ..words import listing, number, sentence
from .answered import Answered, unmeasured
from .lines import View, class_of, command, missing, preferred, under, views

_ANCHOR = "fastest"
_QUESTION = "Which framework, from which size on?"
_NAMES = (BASELINE, "gelu", "squareplus")
_SHOWN = (BASELINE, "gelu")
_NAMED = 3
"""Settings not told apart that are named; of more, their number."""


def answer(evidence: Evidence) -> Answered:
    """The fastest framework and mode at each size, by activation."""
    found = views(evidence, _NAMES, lambda view: any(_times(view, name) for name in _NAMES))
    if not found:
        again = missing(evidence, _NAMES, ("launch", "l1", "l2", "last_level", "memory"))
        why = "there are no two frameworks or modes to choose from"
        return unmeasured(_ANCHOR, _QUESTION, again, why)
    told = [
        sentence(view.prefix, f"for {name}, {_by_size(times)}")
        for view in found
        for name in _NAMES
        if (times := _times(view, name))
    ]
    sizes = [class_of(evidence, found[0], size) for size in found[0].sizes()]
    return Answered(
        _ANCHOR,
        _QUESTION,
        tuple(told),
        (_figure(found, evidence),),
        command(_NAMES, sizes, found[0]),
    )


_Times = dict[int, dict[str, Estimate]]


def _times(view: View, name: str) -> _Times:
    """Nanoseconds a call by framework and mode, at every size that two of them have."""
    found: _Times = {}
    for size in view.sizes():
        mine = {line.who: time for line in view.lines if (time := line.time(name, size))}
        if len(mine) > 1:
            found[size] = mine
    return found


# --- in words -------------------------------------------------------------------------------------


def contenders(times: Mapping[str, Estimate]) -> tuple[str, ...]:
    """Who may be the fastest: all whose interval does not lie above another's.

    One without an interval is never ruled out, and rules out nobody.
    """
    highs = [each.high for each in times.values() if each.high is not None]
    return tuple(
        who for who, each in times.items() if each.low is None or all(each.low <= h for h in highs)
    )


def _by_size(times: _Times) -> str:
    told: list[str] = []
    for who, group in groupby(times, key=lambda size: contenders(times[size])):
        sizes = list(group)
        span = "–".join(f"{size:,}" for size in dict.fromkeys((sizes[0], sizes[-1])))
        at = f"at {span} elements" if not told else f"at {span}"
        if len(who) == 1:
            least = min(_lead(times[size], who[0]) for size in sizes)
            told.append(f"{at} {who[0]} (any other takes at least {number(least)}×)")
        else:
            named = f": {listing(who)}" if len(who) <= _NAMED else ""
            most = max(len(times[size]) for size in sizes)
            told.append(f"{at} not told apart ({len(who)} of {most}{named})")
    return "; ".join(told)


def _lead(times: Mapping[str, Estimate], who: str) -> float:
    """How many times the fastest one's time any other takes at least, as intervals tell."""
    own = times[who]
    assert own.high is not None
    return min(
        each.low / own.high for n, each in times.items() if n != who and each.low is not None
    )


# --- as curves ------------------------------------------------------------------------------------


def _figure(found: Sequence[View], evidence: Evidence) -> Figure:
    drawn = []
    for view in found:
        for name in preferred(_SHOWN, (name for name in _NAMES if _times(view, name))):
            device = f", {view.conditions.device}" if len(found) > 1 else ""
            mine = _curves(view, name)
            drawn += [(f"{name}{device}: ns an element", mine)] if mine else []
    up = limits(curve for _, curves in drawn for curve in curves)
    return Figure(
        "What an element costs, by framework and size",
        "Solid is compiled, dashed eager; bars are 95 % intervals. The axes are the same in every "
        f"panel. {under(found, evidence)}",
        tuple(
            panel(f"qw{index}", title, curves, up, "nanoseconds an element by size")
            for index, (title, curves) in enumerate(drawn)
        ),
    )


def _curves(view: View, name: str) -> list[Curve]:
    found = []
    for line in view.lines:
        values = {
            size: each.estimates["time_per_element"]
            for size, each in line.timed.get(name, {}).items()
            if "time_per_element" in each.estimates
        }
        if values:
            dashed = line.setting.mode != "compiled"
            found.append(Curve(line.who, line.setting.framework, values, dashed))
    return found
