"""What correctness costs: the wide form over the plain one, with the errors of both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..compare.families import Setting
from ..draw.figure import Figure
from ..read.evidence import Evidence, Timed, with_device
from ..sections.glance import ends
from ..words import capital, number, sentence
from . import ratios
from .answered import Answered, unmeasured
from .ratios import Line, Place

QUESTION = "What does correctness cost?"
NAMED = ("gelu", "softplus", "squareplus")
CLOSE = 4.0
"""Errors in ulp up to which a form counts as right: what good mathematical libraries keep to."""
_COMMAND = "actbench run --form native --form textbook --form wide --size l2"


def answer(evidence: Evidence) -> Answered:
    """The time of the wide form over the plain one's, in cache, and what it buys."""
    for setting, timed in ratios.groups(evidence, _wanted):
        for at in ratios.places(evidence, setting, timed)[:1]:
            found = _lines([each for each in timed if each.case.size == at.size])
            if found:
                return _answered(evidence, setting, at, found)
    return unmeasured("correctness", QUESTION, with_device(evidence, _COMMAND))


def _wanted(each: Timed) -> bool:
    return (
        each.case.direction == "forward"
        and each.family != "primitive"
        and (each.case.form == "wide" or ratios.is_plain(each))
    )


def _lines(timed: Iterable[Timed]) -> list[Line]:
    """Every wide form over the plain form of the same activation."""
    found: dict[str, tuple[list[Timed], list[Timed]]] = {}
    for each in timed:
        wide = each.case.form == "wide"
        found.setdefault(each.case.activation, ([], []))[0 if wide else 1].append(each)
    made = [line for tops, bottoms in found.values() for line in ratios.over(tops, bottoms)]
    return sorted(made, key=lambda line: ratios.order(line.top.case))


def _answered(evidence: Evidence, setting: Setting, at: Place, found: Sequence[Line]) -> Answered:
    named = [line for line in found if line.top.case.activation in NAMED]
    shown = named or [line for line in found if _name(line) in _names(found)[:3]]
    figure = Figure(
        "The wide form over the plain one",
        "Time over that of the plain form: native, or the first one written out where there is "
        f"none. ● exp, ▲ algebraic, ■ max; bars are 95 % intervals. {capital(at.words)}; "
        f"forward, {ratios.under(setting, evidence)}.",
        ratios.panels(
            "q-correctness", shown, _name, "time over the plain form's (×), log scale", "plain"
        ),
    )
    return Answered(
        "correctness",
        QUESTION,
        ratios.of_run(
            setting.run, evidence, (*_overall(found, at), *_errors(found), *_of_each(shown))
        ),
        (figure,),
        ratios.again(each.case for line in shown for each in (line.bottom, line.top)),
        see={"wide": "What correctness costs"},
    )


def _name(line: Line) -> str:
    return line.top.case.activation


def _names(found: Iterable[Line]) -> list[str]:
    return list(dict.fromkeys(map(_name, found)))


def _overall(found: Sequence[Line], at: Place) -> list[str]:
    """A sentence a mode: of how many activations and frameworks the wide form takes longer."""
    modes: dict[str, list[Line]] = {}
    for line in found:
        modes.setdefault(line.top.case.mode, []).append(line)
    return [
        sentence(f"{mode}, {at.words}: the wide form {_kinds(mine)}")
        for mode, mine in modes.items()
    ]


def _kinds(found: Sequence[Line]) -> str:
    """Counts without names: there are too many of them."""
    return ratios.counts([("", line.estimate) for line in found], "the plain one")


def _errors(found: Iterable[Line]) -> list[str]:
    """How many of each form are right, where both were checked."""
    pairs = [pair for line in found if (pair := _pair(line))]
    if not pairs:
        return ["Their errors were not checked in this run."]
    wide, plain = (sum(pair[side] <= CLOSE for pair in pairs) for side in (0, 1))
    return [
        f"Its largest error on the inputs tested is at most {CLOSE:g} ulp in {wide} of "
        f"{len(pairs)}, the plain form's in {plain}."
    ]


def _pair(line: Line) -> tuple[float, float] | None:
    """The errors in ulp of the wide and of the plain form, if both were checked."""
    wide, plain = line.top.exactness, line.bottom.exactness
    return (wide.error, plain.error) if wide and plain else None


def _of_each(found: Iterable[Line]) -> list[str]:
    """The ratios and the largest errors of each activation that is drawn, in one sentence."""
    by_name: dict[str, list[Line]] = {}
    for line in found:
        by_name.setdefault(_name(line), []).append(line)
    told = [f"{name} {_reach(mine)}" for name, mine in by_name.items()]
    return [sentence(f"as drawn: {'; '.join(told)}")]


def _reach(mine: Sequence[Line]) -> str:
    """`1.12–32.2× (largest error 1.00 ulp, plain 1.67e7)`."""
    pairs = [pair for line in mine if (pair := _pair(line))]
    errors = [number(max(pair[side] for pair in pairs)) for side in (0, 1) if pairs]
    beside = f" (largest error {errors[0]} ulp, plain {errors[1]})" if pairs else ""
    return f"{ends(line.estimate for line in mine)}{beside}"
