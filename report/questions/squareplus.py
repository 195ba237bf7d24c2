"""Is Squareplus cheaper than softplus, where, by how much?"""

from __future__ import annotations

from collections.abc import Sequence

from ..draw import strips
from ..draw.figure import Figure
from ..read.evidence import Evidence
from ..words import sentence
from .answered import Answered, unmeasured
from .lines import Line, View, command, missing, strip, tally, under, views

_ANCHOR = "squareplus"
_QUESTION = "Is Squareplus cheaper than softplus, where, and by how much?"
_TOP, _BOTTOM = "softplus", "squareplus"
_NAMES = (_TOP, _BOTTOM)
_PLACES = ("cache", "memory", "launch")
_CLAIM = (
    'Beside it stands the abstract of J. T. Barron, "Squareplus: A Softplus-Like Algebraic '
    'Rectifier" (arXiv 2112.11687): squareplus is "∼6× faster to evaluate than softplus on a CPU". '
    "That is another machine and other software: it is quoted here, not tested."
)


def answer(evidence: Evidence) -> Answered:
    """softplus over squareplus in each place, beside what the paper says."""
    found = views(evidence, _NAMES, _has)
    if not found:
        again = missing(evidence, _NAMES, ("launch", "l2", "memory"))
        return unmeasured(_ANCHOR, _QUESTION, again)
    told = [text for view in found for text in _sentences(view)]
    options = [place.option for place in found[0].each(*_PLACES)]
    return Answered(
        _ANCHOR,
        _QUESTION,
        (*told, _CLAIM),
        (_figure(found, evidence),),
        command(_NAMES, options, found[0]),
    )


def _has(view: View) -> bool:
    return any(view.ratios(*_NAMES, place) for place in view.each(*_PLACES))


def _sentences(view: View) -> list[str]:
    return [
        sentence(view.prefix, f"{place.where}: ", tally(_TOP, _BOTTOM, ratios))
        for place in view.each(*_PLACES)
        if (ratios := view.ratios(*_NAMES, place))
    ]


def _figure(found: Sequence[View], evidence: Evidence) -> Figure:
    rows = [[strip(line, _marks(line, view)) for line in view.lines] for view in found]
    kept = [[each for each in mine if each.marks] for mine in rows]
    across = strips.limits([each for mine in kept for each in mine], 1.0)
    return Figure(
        "softplus over squareplus",
        "Right of the line squareplus is the cheaper one; bars are 95 % intervals. "
        f"{under(found, evidence)}",
        tuple(
            strips.panel(
                f"qs{index}",
                f"softplus over squareplus{f', {each.conditions.device}' * (len(found) > 1)}",
                mine,
                across,
                "time over squareplus's (×), log scale",
                "squareplus",
            )
            for index, (each, mine) in enumerate(zip(found, kept, strict=True))
        ),
    )


def _marks(line: Line, view: View) -> list[strips.Mark]:
    return [
        strips.Mark("exp", place.label, ratio)
        for place in view.each(*_PLACES)
        if (ratio := line.ratio(*_NAMES, place.size))
    ]
