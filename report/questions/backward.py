"""What the backward pass costs: the gradient, and both directions in one call, over the value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..compare.families import Setting
from ..draw.figure import Figure
from ..read.evidence import Evidence, Timed, with_device
from ..words import capital, sentence
from . import ratios
from .answered import Answered, unmeasured
from .ratios import NAMED, Line, Place

QUESTION = "What does the backward pass cost?"
_WORDS = {"backward": "the gradient alone", "both": "value and gradient in one call"}
_COMMAND = (
    "actbench run --activation relu --activation gelu --activation squareplus "
    "--size l2 --direction forward --direction backward"
)


def answer(evidence: Evidence) -> Answered:
    """The time of the gradient, and of both, over that of the value alone, in cache."""
    for setting, timed in ratios.groups(evidence, _wanted):
        at = _place(evidence, setting, timed)
        found = {direction: _over(timed, direction, at) for direction in _WORDS}
        if any(found.values()):
            return _answered(evidence, setting, at, found)
    return unmeasured("backward", QUESTION, with_device(evidence, _COMMAND))


def _wanted(each: Timed) -> bool:
    return each.case.activation in NAMED and ratios.is_plain(each)


def _place(evidence: Evidence, setting: Setting, timed: Sequence[Timed]) -> Place:
    """In cache, at a size that has a gradient if any has."""
    gradients = [each for each in timed if each.case.direction in _WORDS]
    return ratios.places(evidence, setting, gradients or timed)[0]


def _over(timed: Iterable[Timed], direction: str, at: Place) -> dict[str, list[Line]]:
    """By activation, the lines of a direction over forward."""
    here = [each for each in timed if each.case.size == at.size]
    found = {name: _lines(here, name, direction) for name in NAMED}
    return {name: each for name, each in found.items() if each}


def _lines(timed: Iterable[Timed], name: str, direction: str) -> list[Line]:
    mine = [each for each in timed if each.case.activation == name]
    top, bottom = ([m for m in mine if m.case.direction == way] for way in (direction, "forward"))
    return ratios.over(top, bottom)


def _answered(
    evidence: Evidence, setting: Setting, at: Place, found: dict[str, dict[str, list[Line]]]
) -> Answered:
    used = [line for each in found.values() for mine in each.values() for line in mine]
    cases = [each.case for line in used for each in (line.bottom, line.top)]
    told = tuple(
        _sentence(at, direction, by_name) for direction, by_name in found.items() if by_name
    )
    absent = [] if found["both"] else ["Both in one call were not timed: --direction both does it."]
    first = next(each for each in found.values() if each)
    drawn = sorted(
        (line for mine in first.values() for line in mine),
        key=lambda line: ratios.order(line.top.case),
    )
    figure = Figure(
        capital(f"{_WORDS[drawn[0].top.case.direction]} over the value"),
        "Time over that of the forward call of the same activation; ■ relu, ● gelu, ▲ squareplus, "
        f"each in its plain form; bars are 95 % intervals. {capital(at.words)}; "
        f"{ratios.under(setting, evidence)}.",
        ratios.panels("q-backward", drawn, _name, "time over the value's (×), log scale", "value"),
    )
    return Answered(
        "backward",
        QUESTION,
        ratios.of_run(setting.run, evidence, (*told, *absent)),
        (figure,),
        ratios.again(cases),
        see={"timings": "Every case that was timed"},
    )


def _sentence(at: Place, direction: str, by_name: dict[str, list[Line]]) -> str:
    told = [f"{name}'s {_counts(mine)}" for name, mine in by_name.items()]
    return sentence(f"{at.words}, {_WORDS[direction]}: {'. '.join(told)}")


def _counts(mine: Iterable[Line]) -> str:
    return ratios.counts([("", line.estimate) for line in mine], "its value")


def _name(line: Line) -> str:
    return line.top.case.activation
