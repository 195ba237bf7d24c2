"""Is ReLU faster than SiLU, or is that the first call? Warm calls, beside what compiling takes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...bench.catalog.activations import BASELINE
from ..draw import strips
from ..draw.figure import Figure
from ..read.evidence import Estimate, Evidence
from ..words import duration, sentence, title
from .answered import Answered, unmeasured
from .lines import Line, View, command, missing, strip, tally, under, views

_ANCHOR = "first-call"
_QUESTION = "Is ReLU faster than SiLU, or is that the first call?"
_NAME = "silu"
_NAMES = (BASELINE, _NAME)
_PLACES = ("cache", "launch")


def answer(evidence: Evidence) -> Answered:
    """Warm calls of silu over relu, in cache and at launch; beside them what compiling took."""
    found = views(evidence, _NAMES, _has)
    if not found:
        again = missing(evidence, _NAMES, ("launch", "l2"))
        return unmeasured(_ANCHOR, _QUESTION, again)
    told = [text for view in found for text in (*_warm(view), _compiling(view))]
    options = [place.option for place in found[0].each(*_PLACES)]
    return Answered(
        _ANCHOR,
        _QUESTION,
        tuple(told),
        (_figure(found, evidence),),
        command(_NAMES, options, found[0]),
    )


def _has(view: View) -> bool:
    return any(view.ratios(_NAME, BASELINE, place) for place in view.each(*_PLACES))


def _warm(view: View) -> list[str]:
    return [
        sentence(view.prefix, f"warm, {place.where}: ", tally(_NAME, BASELINE, found))
        for place in view.each(*_PLACES)
        if (found := view.ratios(_NAME, BASELINE, place))
    ]


def _compiling(view: View) -> str:
    """What the first call of compiled code took beyond a later one, and in how many later ones."""
    told = []
    for line in view.lines:
        size = _compiled_at(line, view)
        if size:
            relu, silu = (_seconds(line, name, size) for name in _NAMES)
            told.append(
                f"{title(line.setting.framework)}, {size:,} elements: {BASELINE} "
                f"{duration(relu * 1e9)}, {_NAME} {duration(silu * 1e9)}, "
                f"{_calls(line, BASELINE, size)} and {_calls(line, _NAME, size)} warm calls' worth"
            )
    if not told:
        return sentence(
            view.prefix,
            "what a first call takes is not in the rows: only where something was compiled is it "
            "kept, and never in eager mode",
        )
    return sentence(
        view.prefix,
        "what compiling added to the first call is no part of these ratios: ",
        "; ".join(told),
        ". Each is one call, without an interval, and a compile cache may have shortened it",
    )


def _compiled_at(line: Line, view: View) -> int | None:
    """The size nearest to that in cache at which both compiled, the smaller of two."""
    wanted = next(iter(view.each(*_PLACES))).size
    sizes = [
        size
        for size in line.timed.get(_NAME, {})
        if all(_seconds(line, name, size) > 0 for name in _NAMES)
    ]
    return min(sizes, key=lambda size: (abs(math.log(size / wanted)), size), default=None)


def _seconds(line: Line, name: str, size: int) -> float:
    """What compiling took, 0 where nothing compiled or nothing was kept."""
    found = line.at(name, size)
    kept = found.estimates.get("compile_time") if found else None
    return kept.value if kept else 0.0


def _calls(line: Line, name: str, size: int) -> str:
    warm = line.time(name, size)
    calls = _seconds(line, name, size) * 1e9 / warm.value if warm and warm.value else math.nan
    return f"{float(f'{calls:.3g}'):,.0f}"


def _figure(found: Sequence[View], evidence: Evidence) -> Figure:
    rows = [[strip(line, _marks(line, view)) for line in view.lines] for view in found]
    kept = [[each for each in mine if each.marks] for mine in rows]
    across = strips.limits([each for mine in kept for each in mine], 1.0)
    return Figure(
        "silu over relu: warm calls, and compiling",
        "● a warm call with its 95 % interval, ○ what compiling added to the first call, one call "
        f"each. {under(found, evidence)}",
        tuple(
            strips.panel(
                f"qf{index}",
                f"silu over {BASELINE}{f', {view.conditions.device}' if len(found) > 1 else ''}",
                mine,
                across,
                f"time over {BASELINE}'s (×), log scale",
                BASELINE,
            )
            for index, (view, mine) in enumerate(zip(found, kept, strict=True))
        ),
    )


def _marks(line: Line, view: View) -> list[strips.Mark]:
    made = [
        strips.Mark("exp", place.label, ratio)
        for place in view.each(*_PLACES)
        if (ratio := line.ratio(_NAME, BASELINE, place.size))
    ]
    size = _compiled_at(line, view)
    if size:
        relu, silu = (_seconds(line, name, size) for name in _NAMES)
        made.append(strips.Mark("exp", "compiling", Estimate(silu / relu), hollow=True))
    return made
