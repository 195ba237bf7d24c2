"""What the backward pass costs: the gradient, and both directions in one call, over the value."""

from __future__ import annotations

from ..compare.pairs import Pair, View, pairs, views
from ..compare.ratios import Found, tally
from ..draw.strips import Mark
from ..read.evidence import Evidence, Timed
from ..words import sentence
from .answer import Answer, command, figure, unmeasured

ORDER = 90
_ANCHOR = "backward"
_QUESTION = "What does the backward pass cost?"
_NAMES = ("relu", "gelu", "squareplus")
_WORDS = {"backward": "the gradient alone", "both": "value and gradient in one call"}
_MEASURE = (
    "--activation relu --activation gelu --activation squareplus "
    "--size l2 --direction forward --direction backward"
)


def answer(evidence: Evidence) -> Answer:
    """The time of the gradient, and of both, over that of the value alone, in cache."""
    found = views(evidence, pairs(evidence, _wanted, direction="forward"), View.cached)
    if not found:
        return unmeasured(evidence, _ANCHOR, _QUESTION, _MEASURE)
    told = [
        sentence(view.prefix, f"{view.sizes[0].where}, {words}: ", ". ".join(clauses))
        for view in found
        for direction, words in _WORDS.items()
        if (clauses := _clauses([p for p in view.pairs if p.setting.direction == direction]))
    ]
    both = any(pair.setting.direction == "both" for view in found for pair in view.pairs)
    told += [] if both else ["Both in one call were not timed: --direction both does it."]
    note = "● gelu, ■ relu, ▲ squareplus, each in its plain form; hollow is both in one call."
    drawn = figure("backward", "The gradient over the value", note, found, "the value", _mark)
    see = {"timings": "Every case that was timed"}
    return Answer(_ANCHOR, _QUESTION, tuple(told), (drawn,), command(found), see=see)


def _wanted(timed: Timed) -> bool:
    case = timed.case
    return timed.plain and case.activation in _NAMES and case.direction in _WORDS


def _clauses(found: list[Pair]) -> list[str]:
    told: dict[str, list[Found]] = {}
    for pair in found:
        told.setdefault(pair.name, []).append((pair.setting.who, pair.ratio))
    return [tally(f"{name}'s", "its value", told[name]) for name in _NAMES if name in told]


def _mark(pair: Pair) -> Mark:
    hollow = pair.setting.direction == "both"
    return Mark(pair.top.family, pair.name, pair.ratio, hollow=hollow)
