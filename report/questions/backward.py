"""The cost of the backward pass: the gradient, and both directions in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..compare.groups import Group, answering, in_cache
from ..compare.pairs import Pair, pairs
from ..compare.ratios import NamedRatio, tally
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
    by_direction = {
        direction: answering(evidence, pairs(evidence, wanted, direction="forward"), in_cache)
        for direction, wanted in _WANTED.items()
    }
    groups = [group for alike in by_direction.values() for group in alike]
    if not groups:
        return unmeasured(evidence, _ANCHOR, _QUESTION, _MEASURE)
    sentences = [
        _sentence(group, direction) for direction, alike in by_direction.items() for group in alike
    ]
    sentences += ["Both in one call were not timed: --direction both does it."] * (
        not by_direction["both"]
    )
    note = "● gelu, ■ relu, ▲ squareplus, each in its plain form; hollow is both in one call."
    drawn = figure("backward", "The gradient over the value", note, groups, "the value", _mark)
    see = {"timings": "Every case that was timed"}
    return Answer(_ANCHOR, _QUESTION, tuple(sentences), (drawn,), command(groups), see=see)


def _wanted(direction: str) -> Callable[[Timed], bool]:
    def wanted(timed: Timed) -> bool:
        case = timed.case
        return timed.plain and case.activation in _NAMES and case.direction == direction

    return wanted


_WANTED = {direction: _wanted(direction) for direction in _WORDS}


def _sentence(group: Group[Pair], direction: str) -> str:
    where = f"{group.cached.where}, {_WORDS[direction]}: "
    return sentence(group.prefix, where, ". ".join(_clauses(group.records)))


def _clauses(pairs: Sequence[Pair]) -> list[str]:
    by_name: dict[str, list[NamedRatio]] = {}
    for pair in pairs:
        by_name.setdefault(pair.name, []).append((pair.setting.who, pair.ratio))
    return [tally(f"{name}'s", "its value", by_name[name]) for name in _NAMES if name in by_name]


def _mark(pair: Pair) -> Mark:
    hollow = pair.setting.direction == "both"
    return Mark(pair.top.family, pair.name, pair.ratio, hollow=hollow)
